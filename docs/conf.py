"""How Sphinx builds the documentation."""

import sys
from pathlib import Path

from labferry import __version__

sys.path.insert(0, str(Path(__file__).parent))

project = "labferry"
author = "The labferry authors"
version = release = __version__

extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "myst_parser", "from_code"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

default_role = "code"  # docstrings write `names` like this
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented_params"
autodoc_typehints_format = "short"
napoleon_use_ivar = True

nitpick_ignore_regex = [
    # No inventory of other projects is fetched, so what is not labferry's can't be linked to.
    ("py:.*", r"(?!labferry[.]).*"),
    # Private names and type variables have no place in the reference.
    ("py:.*", r"labferry[.].*[.](_\w+|\w+T)"),
    # Sphinx takes what a field's type is made with for something of labferry's.
    ("py:.*", r"labferry[.].*[.]Annotated"),
]
# Python's own `type` is taken for one of the attributes of that name.
suppress_warnings = ["ref.python"]

html_theme = "furo"
html_title = f"labferry {__version__}"
html_show_copyright = False
html_copy_source = False

# `tox -e links` asks the network; these are names for examples, which lead nowhere.
linkcheck_ignore = [r"https?://([\w-]+\.)*example\.\w+", r"https?://127\.0\.0\.1"]
linkcheck_timeout = 20
linkcheck_retries = 2

man_pages = [
    ("reference/command-line", "labferry", "verified backups of a lab notebook", [author], 1),
]
man_show_urls = True
