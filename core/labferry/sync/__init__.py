"""One run: the plan, lanes, downloads, the fan-out to destinations, and what follows.

Read `run` first, then `planning`, `lane`, `download`, `fanout`, `destination`.
"""
