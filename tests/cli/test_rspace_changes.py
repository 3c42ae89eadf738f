"""What becomes of a backup when people, jobs and versions at an RSpace server change."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from labferry.testing.rspace import Group, JobTiming, Options, Record, SimulatedRSpace

if TYPE_CHECKING:
    from tests.cli.conftest import Serve, Source
    from tests.lab import Lab


def test_deleted_user_is_reported_once_with_the_last_archive(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"all": source(server, "SYSADMIN_KEY", scope="all-users", include=["alice", "bob"])})
    assert lab.run("sync").code == 0
    before = {archive.name.split(".")[0] for archive in lab.archives()}
    server.world.delete_user("bob")

    done = lab.run("sync", "--json")

    assert done.code == 3
    (problem,) = done.document["problems"]
    message = problem["message"]
    assert 'no longer lists what was exported as "work of bob"' in message
    assert any(f"Its last archive is {name}, at nas." in message for name in before)
    again = lab.run("sync", "--json")
    assert (again.code, again.document["problems"]) == (0, [])


def test_user_whom_the_settings_leave_out_has_not_vanished(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    everybody = source(server, "SYSADMIN_KEY", scope="all-users", include=["alice", "bob"])
    lab.write({"all": everybody})
    assert lab.run("sync").code == 0
    lab.write({"all": {**everybody, "exclude": ["bob"]}})

    assert lab.run("sync").code == 0


def test_upgrade_that_forgets_every_job_costs_one_more_export(
    lab: Lab, serve: Serve, source: Source
) -> None:
    server = serve(Options(timing=JobTiming(run=600)))
    lab.write({"lab": source(server)}, max_wait="1s")
    assert lab.run("sync").code == 75
    server.upgrade()
    server.options.timing = JobTiming()

    done = lab.run("sync")

    assert done.code == 0
    assert "does not know job 23 any more" in done.err
    assert len(server.exports) == 2
    assert len(lab.archives()) == 1


def test_archive_that_an_old_version_damaged_names_the_fault(
    lab: Lab, serve: Serve, source: Source
) -> None:
    server = serve(Options(presigned=True, version="2.24.1", sound_bytes=1000))
    lab.write({"lab": source(server)})

    done = lab.run("sync")

    assert done.code == 4
    assert "CRC-32" in done.err
    assert "RSpace 2.24.1 has a known fault" in done.err
    assert "RSpace 2.25 mends that." in done.err
    assert lab.archives() == []


def test_search_that_may_be_cut_ends_partial(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    server.world.add(*(Record(1000 + n, f"acid {n}", "alice") for n in range(260)))
    lab.write({"lab": source(server, scope="search", query="acid")})

    done = lab.run("sync")

    assert done.code == 3
    assert "261 documents that are exported" in done.err
    assert "created at the same moment" in done.err
    assert len(lab.archives()) == 1


def test_each_group_of_a_pi_is_a_series_of_its_own(
    lab: Lab, server: SimulatedRSpace, source: Source
) -> None:
    lab.write({"lab": source(server, "PI_KEY", scope="group")})
    assert lab.run("sync").code == 0
    server.world.groups[0] = replace(server.world.groups[0], name="First Lab")
    server.world.groups.append(Group(77, "Second Lab", "pi", members=("outsider",)))

    assert lab.run("sync").code == 0

    asked = [export.request.id for export in server.exports if export.request]
    assert asked == [None, 77, 1234]
    manifests = [json.loads(path.read_bytes()) for path in lab.folder.rglob("*.manifest.json")]
    series = [manifest["source"]["series"] for manifest in manifests]
    assert sorted(series) == ["group", "group-1234", "group-77"]
