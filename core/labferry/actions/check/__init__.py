"""`labferry check`: everything that can be found out without starting an export."""
