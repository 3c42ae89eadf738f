"""Sizes, times and ages for people, in the same words as the report's."""

from labferry.report_page.units import show_seconds, show_size

__all__ = ["show_seconds", "show_size"]
