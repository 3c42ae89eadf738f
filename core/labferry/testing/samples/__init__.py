"""Sample archives, manifests and checkpoints to try a sink with, and ways to kill it."""

from labferry.testing.samples.archive import SampleArchive
from labferry.testing.samples.content import Content
from labferry.testing.samples.documents import FileCheckpoint, MemoryCheckpoint, SampleManifest

__all__ = ["Content", "FileCheckpoint", "MemoryCheckpoint", "SampleArchive", "SampleManifest"]
