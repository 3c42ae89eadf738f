"""Files of drafts: registering, sending, committing, limits, keys."""

import hashlib
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from .conftest import BYTES, Caller, Open


def test_a_file_is_registered_sent_and_committed(owner: Caller) -> None:
    draft, data = owner.draft(), bytes(range(256)) * 1000
    (entry,) = owner.register(draft, "data.zip").json()["entries"]
    assert entry["status"] == "pending"
    assert owner.send(draft, "data.zip", data).json()["status"] == "pending"
    assert "checksum" not in owner.files(draft)["data.zip"]
    done = owner.commit(draft, "data.zip").json()
    digest = hashlib.md5(data, usedforsecurity=False).hexdigest()
    assert (done["status"], done["size"]) == ("completed", len(data))
    assert done["checksum"] == f"md5:{digest}"
    assert owner.get(f"/records/{draft}/draft/files/data.zip").json() == done
    assert owner.get(f"/records/{draft}/draft/files/data.zip/content").content == data
    stored = owner.server.drafts[draft].files["data.zip"]
    assert (stored.status, stored.size, stored.md5, stored.content) == (
        *("completed", len(data), digest, data),
    )


def test_a_commit_may_be_repeated(owner: Caller) -> None:
    draft = owner.draft()
    owner.store(draft)
    assert owner.commit(draft, "data.zip").status_code == 200


def test_a_commit_without_content_is_a_server_error(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "data.zip")
    assert owner.commit(draft, "data.zip").status_code == 500
    assert owner.get(f"/records/{draft}/draft/files/data.zip/content").status_code == 404


def test_a_file_that_is_not_registered_is_not_found(owner: Caller) -> None:
    draft = owner.draft()
    assert owner.send(draft, "data.zip", b"x").status_code == 404
    assert owner.commit(draft, "data.zip").status_code == 404
    assert owner.call("DELETE", f"/records/{draft}/draft/files/data.zip").status_code == 404


def test_a_duplicate_key_refuses_the_whole_batch(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    assert owner.register(draft, "b", "a").status_code == 400
    assert owner.register(draft, "c", "c").status_code == 400
    assert set(owner.files(draft)) == {"a"}


def test_declared_sizes_and_checksums_are_not_verified(owner: Caller) -> None:
    draft = owner.draft()
    declared = {"key": "a", "size": 99, "checksum": "md5:00000000000000000000000000000000"}
    assert owner.post(f"/records/{draft}/draft/files", json=[declared]).status_code == 201
    owner.send(draft, "a", b"12345")
    assert owner.commit(draft, "a").json()["size"] == 5


def test_sending_again_before_the_commit_replaces(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    owner.send(draft, "a", b"first")
    owner.send(draft, "a", b"second")
    assert owner.commit(draft, "a").json()["size"] == len(b"second")


def test_replaced_bytes_count_against_the_quota_until_the_file_is_deleted(
    open_server: Open,
) -> None:
    owner = open_server(quota=10)
    draft = owner.draft()
    owner.register(draft, "a")
    assert owner.send(draft, "a", b"123456").status_code == 200
    refused = owner.send(draft, "a", b"123456")
    assert refused.status_code == 400
    assert refused.json()["message"] == "Bucket quota exceeded."
    assert owner.call("DELETE", f"/records/{draft}/draft/files/a").status_code == 204
    owner.register(draft, "a")
    assert owner.send(draft, "a", b"123456").status_code == 200


def test_a_file_has_a_limit_of_its_own(open_server: Open) -> None:
    owner = open_server(max_file_size=5)
    draft = owner.draft()
    owner.register(draft, "a")
    assert owner.send(draft, "a", b"123456").json()["message"] == "File size limit exceeded."
    assert owner.send(draft, "a", b"12345").status_code == 200


def test_a_record_has_a_limited_number_of_files(open_server: Open) -> None:
    owner = open_server(max_files=2)
    draft = owner.draft()
    assert owner.register(draft, "a", "b", "c").status_code == 400
    assert owner.register(draft, "a", "b").status_code == 201
    assert owner.register(draft, "c").status_code == 400


def test_zenodo_takes_50_gb_and_others_10(owner: Caller, zenodo: Caller) -> None:
    assert owner.server.options.record_quota == 10 * 10**9
    assert zenodo.server.options.file_limit == 50 * 10**9


@pytest.mark.parametrize("key", ["a b.zip", "ä%2F#?.zip", "x/y.zip", "100%.zip", "k" * 255])
def test_trap_6_percent_encoded_keys_work(owner: Caller, key: str) -> None:
    draft = owner.draft()
    owner.register(draft, key)
    assert owner.send(draft, quote(key, safe=""), b"x").status_code == 200
    assert owner.commit(draft, quote(key, safe="")).json()["key"] == key
    owner.publish(draft)
    link = owner.get(f"/records/{draft}/files").json()["entries"][0]["links"]["content"]
    assert owner.get(link).content == b"x"


@pytest.mark.parametrize("key", [".", ".."])
def test_trap_6_keys_of_dots_are_never_reached(owner: Caller, key: str) -> None:
    draft = owner.draft()
    owner.register(draft, key)
    assert owner.send(draft, key.replace(".", "%2E"), b"x").status_code == 404


def test_trap_6_keys_that_are_too_long_fail_at_the_commit(owner: Caller) -> None:
    draft, key = owner.draft(), "k" * 256
    assert owner.register(draft, key).status_code == 201
    assert owner.send(draft, key, b"x").status_code == 200
    assert owner.commit(draft, key).status_code == 500


def test_trap_6_empty_keys_are_refused(owner: Caller) -> None:
    assert owner.register(owner.draft(), "").status_code == 400


def _in_chunks() -> Iterator[bytes]:
    yield b"123"
    yield b"45"


def test_trap_5_chunked_bodies_are_stored_empty(owner: Caller) -> None:
    draft = owner.draft()
    owner.register(draft, "a")
    assert owner.send(draft, "a", _in_chunks()).status_code == 200
    assert owner.commit(draft, "a").json()["size"] == 0
    assert owner.server.requests[-2].body_size == 5


def test_some_servers_store_chunked_bodies(open_server: Open) -> None:
    owner = open_server(chunked_bodies="stored")
    draft = owner.draft()
    owner.register(draft, "a")
    owner.send(draft, "a", _in_chunks())
    assert owner.commit(draft, "a").json()["size"] == 5


def test_files_of_a_published_record_are_locked(owner: Caller) -> None:
    record = owner.published()
    assert owner.post(f"/records/{record}/draft").status_code == 201
    here = f"/records/{record}/draft/files/data.zip"
    assert owner.call("PUT", f"{here}/content", content=b"x", headers=BYTES).status_code == 403
    assert owner.call("DELETE", here).status_code == 403
    assert owner.register(record, "more").status_code == 403
    assert owner.server.records[record].files["data.zip"].content == b"12345"


def test_a_record_without_files_takes_none(owner: Caller) -> None:
    draft = owner.draft(files={"enabled": False})
    assert owner.register(draft, "a").status_code == 400


@pytest.mark.parametrize("ranges", [False, True])
def test_parts_of_a_download_come_where_ranges_are_known(
    open_server: Open, *, ranges: bool
) -> None:
    owner = open_server(ranges=ranges)
    path = f"/records/{owner.published()}/files/data.zip/content"
    part = owner.get(path, headers={"Range": "bytes=1-3"})
    assert (part.status_code, part.content) == ((206, b"234") if ranges else (200, b"12345"))
    assert part.headers.get("content-range") == ("bytes 1-3/5" if ranges else None)
    beyond = owner.get(path, headers={"Range": "bytes=5-"})
    assert beyond.status_code == (416 if ranges else 200)


def test_the_bytes_of_a_file_are_on_disk(owner: Caller) -> None:
    draft = owner.draft()
    owner.store(draft, data=b"\0" * 1_000_000)
    content = owner.server.drafts[draft].files["data.zip"].source
    assert content is not None
    assert content.path.stat().st_size == content.size == 1_000_000
