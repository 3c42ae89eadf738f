"""What must be true once a run has ended well, whatever happened before."""

import hashlib
from collections.abc import Mapping

from labferry.sdk import MANIFEST_SUFFIX, Manifest

from .harness import Lab, Outcome

_STATE = {"ledger.db", "lock"}


def check_settled(lab: Lab, outcome: Outcome, *, orphans: int = 1) -> int:
    """Everything is where it belongs, once, whole, and nothing else is left.

    Args:
        lab: Where.
        outcome: The last run.
        orphans: How many exports may have been made for nothing.

    Returns:
        How many archives there are, counted at every destination.
    """
    assert outcome.code == 0, outcome.stderr
    check_told(outcome)
    count = check_archives(lab)
    archives = count // len(lab.targets)
    exports = len(lab.server.exports)
    assert 0 <= exports - archives <= orphans, f"{exports} exports for {archives} archives"
    assert [*lab.spool.iterdir()] == []
    kept = {path.name for path in lab.state.iterdir() if ".damaged-" not in path.name}
    assert kept <= _STATE, kept
    return count


def check_archives(lab: Lab) -> int:
    """Every archive that can be seen is whole, verified, and at every destination once."""
    views = {name: target.objects() for name, target in lab.targets.items()}
    for name, target in lab.targets.items():
        assert target.leftovers() == [], name
    first, *others = views.values()
    for other in others:
        assert {*other} == {*first}
        assert other == first
    _check_objects(lab, first)
    assert lab.server.errors == []
    assert lab.server.leaks() == []
    return sum(len(view) // 2 for view in views.values())


def _check_objects(lab: Lab, objects: Mapping[str, bytes]) -> None:
    exports = {str(export.job_id): export for export in lab.server.exports}
    archives = [key for key in objects if not key.endswith(MANIFEST_SUFFIX)]
    assert {*objects} == {*archives, *(f"{key}{MANIFEST_SUFFIX}" for key in archives)}
    jobs = []
    for key in archives:
        manifest = Manifest.from_json(objects[f"{key}{MANIFEST_SUFFIX}"], where=key)
        content = exports[manifest.job.id].content()
        assert objects[key] == content, f"{key} is not what the server exported"
        assert manifest.sha256 == hashlib.sha256(content).hexdigest()
        assert manifest.size == len(content)
        assert manifest.crc32 == f"{exports[manifest.job.id].crc32:08x}"
        assert manifest.file == key.rsplit("/", 1)[1]
        jobs.append(manifest.job.id)
    assert len(jobs) == len(set(jobs)), "an archive was stored under two names"


def check_told(outcome: Outcome) -> None:
    """Whatever went wrong was foreseen, and told in words."""
    assert "Traceback" not in outcome.stderr, outcome.stderr
    assert "failed unexpectedly" not in outcome.stderr, outcome.stderr
    if outcome.code not in (0, 75) and not outcome.was_killed:
        lines = [line for line in outcome.stderr.splitlines() if line.startswith("labferry: ")]
        assert lines, f"exit code {outcome.code} without a word"
