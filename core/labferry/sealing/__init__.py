"""Encryption at rest in the age format: what leaves this machine can be read by recipients only."""

from labferry.sealing.decrypt import decrypted
from labferry.sealing.encrypt import armoured, encrypt
from labferry.sealing.recipients import Recipients
from labferry.sealing.sealed import hidden_series, open_sealed, seal_manifest

__all__ = [
    "Recipients",
    "armoured",
    "decrypted",
    "encrypt",
    "hidden_series",
    "open_sealed",
    "seal_manifest",
]
