"""The Inventory's export: another endpoint, no job, and a checksum that is told only once."""

import csv
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from labferry.sdk import (
    AnswerLostError,
    Contents,
    ExportFailedError,
    ExportRequest,
    IntegrityError,
    InvalidAnswerError,
    JobState,
    LabferryError,
    NotFoundError,
    RefusedError,
    TransientError,
)
from labferry.testing.rspace import (
    ALICE_KEY,
    BOB_KEY,
    Answer,
    Fault,
    InventoryItem,
    Limit,
    Options,
    Reset,
    SimulatedRSpace,
    Throttling,
    html_answer,
    json_answer,
)
from labferry_rspace import RSpaceInventorySettings, RSpaceInventorySource

Serve = Callable[..., SimulatedRSpace]
Open = Callable[..., RSpaceInventorySource]


@pytest.fixture
def open_source() -> Iterator[Open]:
    sources: list[RSpaceInventorySource] = []

    def new(where: SimulatedRSpace | str, **more: Any) -> RSpaceInventorySource:  # noqa: ANN401 - settings of any kind
        url = where if isinstance(where, str) else where.url
        keys = {} if "api_keys" in more else {"api_key": ALICE_KEY}
        given = {"type": "rspace-inventory", "url": url, "read_timeout": "5s", **keys, **more}
        settings = RSpaceInventorySettings.model_validate(given)
        sources.append(RSpaceInventorySource("stock", settings))
        return sources[-1]

    yield new
    for source in sources:
        source.close()


def planned(source: RSpaceInventorySource) -> ExportRequest:
    (request,) = source.plan(source.lanes())
    return request


def made(source: RSpaceInventorySource) -> bytes:
    """An export, fetched by what its link alone tells, as after a crash."""
    (lane,) = source.lanes()
    submitted = source.submit(planned(source), lane)
    status = source.poll(submitted.job, submitted.link, lane)
    assert status.offer is not None
    assert status.offer.link is not None
    with source.download(status.offer.link, lane) as download:
        return b"".join(download.chunks)


@pytest.mark.parametrize("prefix", [None, "https://eln.example.edu/"])
@pytest.mark.parametrize("kind", ["ZIP", "SINGLE_CSV"])
def test_an_export_is_completed_at_once_and_its_link_tells_all_after_a_crash(
    serve: Serve, open_source: Open, prefix: str | None, kind: str
) -> None:
    server = serve(Options(urls_prefix=prefix))
    source = open_source(server, result_file_type=kind)
    (lane,) = source.lanes()
    submitted = source.submit(planned(source), lane)
    (recorded,) = server.exports
    assert submitted.job == ""
    assert submitted.state is JobState.COMPLETED
    again = open_source(server, result_file_type=kind)
    status = again.poll(submitted.job, submitted.link, lane)
    assert status == submitted
    assert status.offer is not None
    assert (status.offer.size, status.offer.crc32) == (recorded.size, recorded.crc32)
    assert status.offer.suffix == (".zip" if kind == "ZIP" else ".csv")
    assert status.offer.kept_for is None
    assert made(source) == server.exports[-1].content()
    assert len(server.exports) == 2


def test_the_link_for_browser_sessions_is_never_used(
    server: SimulatedRSpace, open_source: Open
) -> None:
    made(open_source(server))
    assert not [request for request in server.requests if "downloadArchive" in request.path]


def test_what_a_link_notes_is_not_sent(server: SimulatedRSpace, open_source: Open) -> None:
    made(open_source(server))
    (download,) = [request for request in server.requests if request.kind == "download"]
    assert (download.method, download.query) == ("GET", "")
    assert "#" not in download.path


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({}, {"users": ["alice"]}),
        ({"users": ["alice", "bob"]}, {"users": ["alice", "bob"]}),
        ({"global_ids": ["SA301", "IC302"]}, {"globalIds": ["SA301", "IC302"]}),
        ({"export_mode": "COMPACT"}, {"users": ["alice"], "exportMode": "COMPACT"}),
        ({"include_container_content": True}, {"includeContainerContent": True}),
        ({"include_subsamples_in_sample": False}, {"includeSubsamplesInSample": False}),
        ({}, {"exportMode": "FULL", "resultFileType": "ZIP"}),
        ({}, {"includeContainerContent": False, "includeSubsamplesInSample": True}),
    ],
)
def test_settings_are_sent_as_the_server_spells_them(
    server: SimulatedRSpace, open_source: Open, settings: dict[str, Any], sent: dict[str, Any]
) -> None:
    made(open_source(server, **settings))
    asked = server.exports[0].settings
    assert asked is not None
    assert sent.items() <= dict(asked).items()
    assert ("users" in asked) != ("globalIds" in asked)
    (request,) = [request for request in server.requests if request.kind == "inventory"]
    assert request.headers["content-type"].startswith("multipart/form-data")
    assert request.path == "/api/inventory/v1/export"


@pytest.mark.parametrize(
    "given",
    [
        {"users": ["alice"], "global_ids": ["SA1"]},
        {"global_ids": ["SD1"]},
        {"global_ids": ["SA0"]},
        {"users": [""]},
        {"export_mode": "full"},
        {"result_file_type": "single_csv"},
        {"scope": "user"},
        {"api_keys": [{"env": "ANOTHER"}]},
    ],
)
def test_mistakes_in_the_configuration(given: dict[str, Any]) -> None:
    minimal = {
        "type": "rspace-inventory",
        "url": "https://rspace.example.edu",
        "api_key": {"env": "KEY"},
    }
    with pytest.raises(ValidationError):
        RSpaceInventorySettings.model_validate({**minimal, **given})


def test_a_series_is_the_same_whatever_the_order_and_another_for_other_things(
    open_source: Open, server: SimulatedRSpace
) -> None:
    def series(**settings: object) -> str:
        return planned(open_source(server, **settings)).series

    assert series() == "inventory"
    assert series(users=["a", "b"]) == series(users=["b", "a"]) != series(users=["a"])
    assert series(global_ids=["SA1"]) != series(global_ids=["SA2"])


def test_each_key_brings_its_owners_items(server: SimulatedRSpace, open_source: Open) -> None:
    source = open_source(server, api_keys=[ALICE_KEY, BOB_KEY])
    requests = source.plan(source.lanes())
    assert [(request.series, request.lane) for request in requests] == [
        ("inventory-101", source.lanes()[0]),
        ("inventory-102", source.lanes()[1]),
    ]
    chosen = open_source(server, api_keys=[ALICE_KEY, BOB_KEY], users=["bob"])
    assert [request.lane for request in chosen.plan(chosen.lanes())] == [source.lanes()[0]]


def test_parameters_are_plain_json(server: SimulatedRSpace, open_source: Open) -> None:
    parameters = planned(open_source(server, global_ids=["SA301"])).parameters
    assert json.loads(json.dumps(parameters)) == parameters
    with pytest.raises(InvalidAnswerError, match="Another version"):
        open_source(server).submit(
            ExportRequest("inventory", "", {"scope": "user"}), open_source(server).lanes()[0]
        )


@pytest.mark.parametrize("missing", ["size", "checksum", "algorithm"])
def test_without_a_size_or_checksum_nothing_can_be_asked_for_again(
    server: SimulatedRSpace, open_source: Open, missing: str
) -> None:
    result = {"size": 5, "checksum": "7", "algorithm": "CRC32", missing: None}
    link = f"{server.url}/api/v1/export/a.zip"
    links = [{"rel": "enclosure", "link": link}, {"rel": "downloadLink", "link": link}]
    body = {"id": None, "status": "COMPLETED", "result": result, "_links": links}
    server.faults.add(
        Fault("inventory", Answer(200, json.dumps(body).encode(), "application/json"))
    )
    source = open_source(server)
    (lane,) = source.lanes()
    status = source.submit(planned(source), lane)
    assert status.offer is not None
    assert status.offer.size is None or status.offer.crc32 is None
    with pytest.raises(NotFoundError, match="stores nothing unverified"):
        source.poll(status.job, status.link, lane)


@pytest.mark.parametrize("link", ["", "https://x.example/a#size=1", "http://[", "#size=1&crc32=x"])
def test_a_link_that_does_not_tell(open_source: Open, link: str) -> None:
    with pytest.raises(NotFoundError):
        open_source("https://rspace.example.edu").poll("", link, "alice")


@pytest.mark.parametrize(
    ("answer", "error", "told"),
    [
        (json_answer(401, 40101, "not yours"), RefusedError, "HTTP 401"),
        (json_answer(422, 42201, "errors.inventory"), InvalidAnswerError, "errors.inventory"),
        (json_answer(500, 50001, "Could not export"), ExportFailedError, "does not exist"),
        (html_answer(500), AnswerLostError, "may have"),
        (html_answer(200), AnswerLostError, "a web page"),
        (html_answer(503), TransientError, "503"),
        (html_answer(404), InvalidAnswerError, "url of the source"),
        (Answer(200, b'{"status": "STARTED"}', "application/json"), AnswerLostError, "no export"),
        (Answer(200, b"[]", "application/json"), AnswerLostError, "no export"),
        (Reset(after_effect=True), AnswerLostError, "broke off"),
    ],
)
def test_answers_that_are_no_export(
    server: SimulatedRSpace,
    open_source: Open,
    answer: Answer,
    error: type[LabferryError],
    told: str,
) -> None:
    server.faults.add(Fault("inventory", answer))
    source = open_source(server)
    with pytest.raises(error, match=told):
        source.submit(planned(source), source.lanes()[0])


def test_the_inventorys_own_rate_limit_is_waited_out(serve: Serve, open_source: Open) -> None:
    server = serve(Options(throttling=Throttling(inventory_hour=Limit(2, 3600), min_interval_ms=0)))
    source = open_source(server)
    source.submit(planned(source), source.lanes()[0])
    with pytest.raises(TransientError) as caught:
        source.submit(planned(source), source.lanes()[0])
    assert caught.value.retry_after is not None
    assert caught.value.retry_after > 60


def looked_into(source: RSpaceInventorySource, archive: bytes) -> Contents:
    return source.examine(io.BytesIO(archive), planned(source))


@pytest.mark.parametrize(("kind", "members"), [("ZIP", 2), ("SINGLE_CSV", 1)])
def test_an_unchanged_inventory_is_told_from_a_changed_one(
    serve: Serve, open_source: Open, kind: str, members: int
) -> None:
    clock = iter(range(0, 10**6, 61))
    server = serve(Options(clock=lambda: float(next(clock))))
    source = open_source(server, result_file_type=kind)
    first, second = made(source), made(source)
    assert first != second
    before = looked_into(source, first)
    assert before.members == members
    assert looked_into(source, second) == before
    assert before.fingerprint is not None
    server.world.inventory[0] = InventoryItem("SA301", "Acetic acid, 99 %", "alice")
    assert looked_into(source, made(source)).fingerprint != before.fingerprint


def test_a_moment_in_an_item_is_not_the_exports_own(
    server: SimulatedRSpace, open_source: Open
) -> None:
    source = open_source(server, result_file_type="SINGLE_CSV")
    found = set()
    for year in (2025, 2026):
        note = f"a\n# Exported at: {year}-01-01T00:00:00Z\nb"
        server.world.inventory[0] = InventoryItem("SA301", note, "alice")
        found.add(looked_into(source, made(source)).fingerprint)
    assert len(found) == 2


def test_an_inventory_of_nobody_has_no_members(server: SimulatedRSpace, open_source: Open) -> None:
    source = open_source(server, users=["nobody"])
    assert looked_into(source, made(source)).members == 0


def test_a_damaged_or_foreign_archive_is_refused(
    server: SimulatedRSpace, open_source: Open
) -> None:
    source = open_source(server)
    whole = bytearray(made(source))
    with pytest.raises(IntegrityError):
        looked_into(source, bytes(whole[:-5]))
    whole[whole.index(b".csv") + 20] ^= 1
    with pytest.raises(IntegrityError):
        looked_into(source, bytes(whole))
    unverified = open_source(server, verify_contents=False)
    assert looked_into(unverified, bytes(whole)) == Contents(2, None)
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("root/setup.exe", b"")
    with pytest.raises(IntegrityError, match="no Inventory export"):
        looked_into(source, other.getvalue())


def test_tables_too_large_to_compare_are_taken_as_changed(
    server: SimulatedRSpace, open_source: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labferry_rspace.inventory_contents._LARGEST", 10)
    for kind in ("ZIP", "SINGLE_CSV"):
        source = open_source(server, result_file_type=kind)
        assert looked_into(source, made(source)).fingerprint is None


def test_check_starts_no_export(server: SimulatedRSpace, open_source: Open) -> None:
    told = "\n".join(finding.message for finding in open_source(server).check())
    assert "Exports can run as alice@" in told
    assert "Would export: inventory of alice." in told
    assert server.exports == []


def test_one_file_is_a_table_that_programs_can_read(
    server: SimulatedRSpace, open_source: Open
) -> None:
    text = made(open_source(server, result_file_type="SINGLE_CSV")).decode()
    rows = [row for row in csv.reader(io.StringIO(text)) if len(row) == 3]
    assert ["SA301", "Acetic acid, glacial", "alice"] in rows
