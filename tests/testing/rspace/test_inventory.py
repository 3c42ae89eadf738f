"""The Inventory export: the contract's section of that name."""

import json
import re
from typing import Any

import httpx
import pytest

from .caller import Caller, unzip

PATH = "/api/inventory/v1/export"


def export(caller: Caller, how: str = "multipart", **settings: object) -> httpx.Response:
    text = json.dumps(settings)
    ways: dict[str, dict[str, Any]] = {
        "multipart": {"files": {"exportSettings": (None, text, "application/json")}},
        "form": {"data": {"exportSettings": text}},
        "query": {"params": {"exportSettings": text}},
    }
    return caller.client().post(PATH, **ways[how])


@pytest.mark.parametrize("how", ["multipart", "form", "query"])
def test_it_works_inside_the_request(caller: Caller, how: str) -> None:
    response = export(caller, how, users=["alice"], exportMode="FULL", resultFileType="ZIP")
    assert response.status_code == 200
    shown = response.json()
    assert (shown["id"], shown["status"]) == (None, "COMPLETED")
    (recorded,) = caller.server.exports
    assert shown["result"]["checksum"] == str(recorded.crc32)
    assert shown["result"]["size"] == recorded.size
    by_rel = {link["rel"]: link["link"] for link in shown["_links"]}
    assert set(by_rel) == {"enclosure", "downloadLink"}
    data = caller.get(by_rel["enclosure"]).content
    assert data == recorded.content()
    tables = unzip(data)
    assert {name.rpartition("_")[2] for name in tables} == {"samples.csv", "containers.csv"}
    assert all(re.match(r"rsinventory_export_20\d\d-[-\dTZ]+_", name) for name in tables)
    items = b"".join(tables.values()).decode()
    assert "SA301" in items
    assert "SA303" not in items
    assert "\n# Exported at: 20" in items
    assert recorded.settings == {
        "users": ["alice"],
        "exportMode": "FULL",
        "resultFileType": "ZIP",
    }


def test_a_single_csv_and_its_misspelling(caller: Caller) -> None:
    for word, ending in (("SINGLE_CSV", ".csv"), ("single_csv", ".zip")):
        shown = export(caller, globalIds=["SA303"], resultFileType=word).json()
        link = shown["_links"][0]["link"]
        assert link.endswith(ending)
        assert caller.get(link).content == caller.server.exports[-1].content()


def test_full_and_compact_differ(caller: Caller) -> None:
    for mode in ("FULL", "COMPACT"):
        assert export(caller, users=["alice"], exportMode=mode).status_code == 200
    full, compact = caller.server.exports
    assert unzip(full.content()) != unzip(compact.content())


@pytest.mark.parametrize(
    "settings",
    [{}, {"users": ["alice"], "globalIds": ["SA1"]}, {"users": ["alice"], "exportMode": "full"}],
)
def test_refusals(caller: Caller, settings: dict[str, Any]) -> None:
    assert export(caller, **settings).status_code == 422


@pytest.mark.parametrize("text", ["", "no json", "[1]"])
def test_unreadable_settings(caller: Caller, text: str) -> None:
    assert caller.client().post(PATH, params={"exportSettings": text}).status_code == 422


def test_no_running_export_rule(busy_lab: Caller) -> None:
    busy_lab.start()
    assert export(busy_lab, users=["alice"]).status_code == 200
