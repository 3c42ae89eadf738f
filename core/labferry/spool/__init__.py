"""The local folder in which an archive lies from its first byte until every destination has it."""

from labferry.spool.archive import Declared, SpoolArchive
from labferry.spool.digesting import Hasher
from labferry.spool.folder import Spool

__all__ = ["Declared", "Hasher", "Spool", "SpoolArchive"]
