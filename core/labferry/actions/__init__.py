"""One module for each verb of the command line; no printing, no parsing."""
