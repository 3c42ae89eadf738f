"""Zip files from elsewhere: the one judge of them.

Two questions, which have nothing to do with each other. Is a zip file intact, so that every member
can be read as it was packed (`ZipArchive`)? And can its members be unpacked here, each under its
own name (`UnpackPaths`)? Only the first one says whether an archive is a good backup. An `.eln`
file also says itself what should be in it (`Crate`).
"""

from labferry.sdk.zips.archive import ZipArchive
from labferry.sdk.zips.crate import Crate, CrateFile, CrateReport
from labferry.sdk.zips.directory import LIMITS, Limits, ZipMember
from labferry.sdk.zips.names import UnpackPath, UnpackPaths, show_name

__all__ = [
    "LIMITS",
    "Crate",
    "CrateFile",
    "CrateReport",
    "Limits",
    "UnpackPath",
    "UnpackPaths",
    "ZipArchive",
    "ZipMember",
    "show_name",
]
