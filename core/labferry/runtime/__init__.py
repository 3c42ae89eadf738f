"""What every verb needs while it runs: stop, progress, lock, retry, threads, clock.

It has no facade on purpose: import each name from the module that holds it.
"""
