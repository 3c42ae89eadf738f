"""Where things are in a checkout."""

from pathlib import Path

ROOT = Path(__file__).parents[1]
"""The top of the checkout."""

REAL_EXPORTS = ROOT / "tests" / "data" / "rspace-exports"
"""Archives that real RSpace servers made."""
