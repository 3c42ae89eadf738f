"""Names of export files (ArchiveNamingStrategy)."""

import re
import secrets
from datetime import datetime

DOWNLOADABLE = re.compile(r"^[\w\-]+(\.zip)?(\.csv)?(\.eln)?$", re.ASCII)


def archive_name(made: datetime, export_format: str, label: str) -> str:
    """``RSpace-yyyy-MM-dd-HH-mm-{format}-{label}-`` and 14 characters, without ``.zip``.

    The time is the server's local time. Of the label only letters, digits and hyphens stay.
    """
    safe = re.sub(r"[^A-Za-z0-9-]", "", label)
    return f"RSpace-{made:%Y-%m-%d-%H-%M}-{export_format}-{safe}-{secrets.token_urlsafe(10)}"
