"""Verified off-site backups of an electronic lab notebook."""

__version__ = "0.1.0"
