"""The test kit: conformance suites for plugins, and simulated servers.

Ships with labferry, so that plugin authors test against what labferry itself is tested against.
"""
