"""The pictures of the documentation, made from what labferry really does.

`python -m docs.pictures` makes them all anew, against the simulated RSpace server.
"""
