"""`labferry init --systemd`: the units that run a configuration every night."""
