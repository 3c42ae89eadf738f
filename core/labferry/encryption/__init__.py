"""Encryption at rest in the age format: what leaves this machine can be read by recipients only."""

from labferry.encryption.decrypt import decrypted
from labferry.encryption.encrypt import armoured, encrypt
from labferry.encryption.recipients import Recipients
from labferry.encryption.sealed import hidden_series, open_sealed, seal_manifest

__all__ = [
    "Recipients",
    "armoured",
    "decrypted",
    "encrypt",
    "hidden_series",
    "open_sealed",
    "seal_manifest",
]
