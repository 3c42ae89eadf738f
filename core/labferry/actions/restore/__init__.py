"""`labferry restore`: fetch an archive back, and unpack it."""
