"""`python -m labferry`."""

from labferry.cli.main import main

main()
