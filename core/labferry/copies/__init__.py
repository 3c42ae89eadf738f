"""Stored copies: find, open, read, compare and decrypt them; what every verb on copies shares."""
