"""`labferry plugins validate`: try a destination of the configuration against the contract."""
