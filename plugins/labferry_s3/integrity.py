"""Whether the store holds the archive: what is known of that, and what has to be read back."""

import hashlib

from labferry.sdk import (
    Archive,
    Checked,
    ConflictError,
    IntegrityError,
    NotFoundError,
    RefusedError,
    StoredArchive,
)
from labferry_s3.digests import PartDigest, multipart_etag
from labferry_s3.objects import Objects, ObjectState
from labferry_s3.part_sizes import PartSizes

_CHUNK = 1 << 20


def metadata(archive: Archive) -> dict[str, str]:
    """What is written with an archive, so that it is recognised without reading it."""
    return {"labferry-archive": archive.id, "labferry-crc32": f"{archive.crc32:08x}"}


def verify_written(
    objects: Objects, state: ObjectState, archive: Archive, etag: str | None
) -> Checked:
    """Make sure that an object which was just written is the archive.

    Args:
        objects: Where it is.
        state: What the store says of it.
        archive: What was written.
        etag: The ETag that it must have; None where that is not known.

    Raises:
        IntegrityError: It is not.
    """
    if state.size != archive.size or state.crc32 not in {None, archive.crc32}:
        raise _differs(objects, archive)
    if state.crc32 is not None or (etag is not None and state.etag == etag):
        return Checked.STORE_CHECKSUM
    try:
        same = _sha256(objects, state) == archive.digests().sha256
    except RefusedError:
        # Written in parts whose checksums the store was given; but it never showed its own.
        return Checked.SIZE
    if not same:
        raise _differs(objects, archive)
    return Checked.READ_BACK


def compare_existing(
    objects: Objects, state: ObjectState, archive: Archive, part_size: int
) -> Checked:
    """Make sure that an object which was there already is the archive.

    Args:
        objects: Where it is.
        state: What the store says of it.
        archive: What shall be stored.
        part_size: How large the parts that it would be sent in shall be.

    Raises:
        ConflictError: It is something else.
    """
    if state.size != archive.size:
        raise _taken(objects, state, f"of {state.size} bytes instead of {archive.size}")
    if state.crc32 is not None:
        if state.crc32 != archive.crc32:
            raise _taken(objects, state, "with another checksum")
        return Checked.STORE_CHECKSUM
    if _is_ours(state, archive, part_size):
        return Checked.STORE_CHECKSUM
    try:
        same = _sha256(objects, state) == archive.digests().sha256
    except RefusedError as error:
        raise _taken(objects, state, "that may not be read and so not be compared") from error
    if not same:
        raise _taken(objects, state, "with other content")
    return Checked.READ_BACK


def quick_compare(objects: Objects, stored: StoredArchive) -> Checked:
    """Compare what the store says of an archive with its manifest, without reading it.

    Args:
        objects: Where it is.
        stored: The archive.

    Raises:
        IntegrityError: They differ.
        NotFoundError: It is gone.
    """
    manifest, where = stored.manifest, f"{objects.client.url}{stored.key}"
    state = objects.state(stored.key)
    if state is None:
        raise NotFoundError(f"{where} is not there any more.")
    if state.size != manifest.size:
        raise IntegrityError(
            f"{where} has {state.size} bytes, not the {manifest.size} of its manifest."
        )
    if state.crc32 is not None:
        if state.crc32 != int(manifest.crc32, 16):
            raise IntegrityError(f"{where} has another CRC-32 than that of its manifest.")
        return Checked.STORE_CHECKSUM
    # An ETag that differs proves nothing: it is no MD5 where parts or keys come into it.
    same = manifest.md5 is not None and state.etag == manifest.md5
    return Checked.STORE_CHECKSUM if same else Checked.SIZE


def _is_ours(state: ObjectState, archive: Archive, part_size: int) -> bool:
    if state.head:
        # Only a write of ours has this metadata, and none becomes visible unless all of its
        # parts were verified.
        return metadata(archive).items() <= state.metadata.items()
    return _local_etag(archive, part_size) == state.etag


def _local_etag(archive: Archive, part_size: int) -> str | None:
    """The ETag that the archive has when it is sent in parts of about this size."""
    sizes = PartSizes.planned(archive.size, part_size)
    with archive.open() as reader:
        etags = [
            PartDigest.of(reader.read(sizes.length(number))).etag
            for number in range(1, sizes.count + 1)
        ]
    return etags[0] if archive.size <= part_size else multipart_etag(etags)


def _sha256(objects: Objects, state: ObjectState) -> str:
    digest = hashlib.sha256()
    with objects.open(state.key, version_id=state.version_id) as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _differs(objects: Objects, archive: Archive) -> IntegrityError:
    return IntegrityError(
        f"{objects.client.url}{archive.key} is not what was written to it.",
        hint="The store or something in between is at fault; remove the object.",
    )


def _taken(objects: Objects, state: ObjectState, what: str) -> ConflictError:
    return ConflictError(
        f"{objects.client.url}{state.key} exists already, {what}; it was not touched.",
        hint="Move it away if it is nobody's, or give this destination another prefix.",
    )
