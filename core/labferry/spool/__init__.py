"""The local folder in which an archive lies from its first byte until every destination has it."""

from labferry.spool.archive import Declared, FollowedArchive, SpoolArchive
from labferry.spool.digesting import Hasher, HasherOptions
from labferry.spool.encrypted import AGE_SUFFIX, EncryptedArchive, EncryptedFile
from labferry.spool.folder import Spool

__all__ = [
    "AGE_SUFFIX",
    "Declared",
    "EncryptedArchive",
    "EncryptedFile",
    "FollowedArchive",
    "Hasher",
    "HasherOptions",
    "Spool",
    "SpoolArchive",
]
