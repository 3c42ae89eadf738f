"""What `--json` and `--log-format json` print, as types and as a JSON Schema."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, NotRequired

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema
from typing_extensions import TypedDict, override

from labferry.actions.drill import Trial
from labferry.actions.list import Listed
from labferry.actions.restore.restore import Restored
from labferry.actions.selftest.selftest import Verdict
from labferry.actions.sync import PlannedExport
from labferry.actions.verify.results import VerifyState
from labferry.ledger import PastRun
from labferry.sdk import Checked, Freshness, MissingCopy, Outcome, Receipt, Severity
from labferry.sdk.sink import StrayKind

VERSION = 1
"""Of the format. It goes up when a field changes its meaning or goes away."""


class Problem(TypedDict):
    """Something that went wrong. A mistake in the configuration says where it is."""

    message: str
    hint: NotRequired[str]
    file: NotRequired[str]
    line: NotRequired[int | None]
    column: NotRequired[int | None]
    key: NotRequired[str]


class Export(TypedDict):
    """One export of a run."""

    source: str
    series: str
    title: str
    outcome: Outcome
    exit_code: int
    archive_id: str | None
    size: int | None
    receipts: list[Receipt]
    missing: list[MissingCopy]
    problems: list[Problem]
    seconds: float | None


class Sync(TypedDict):
    """A run that ended."""

    dry_run: Literal[False]
    run: int
    started: datetime
    ended: datetime
    exports: list[Export]


class Preview(TypedDict):
    """A run that was not begun."""

    dry_run: Literal[True]
    exports: list[PlannedExport]


class DemoRun(Sync):
    """A run against the simulated server."""

    folder: str
    config: str
    server: str


class Result(TypedDict):
    """What was found out about one thing."""

    subject: str
    severity: Severity
    message: str
    exit_code: int


class Check(TypedDict):
    """What was looked at."""

    results: list[Result]


class Init(TypedDict):
    """What was written, and what is still to be done."""

    files: list[str]
    notes: list[str]


class InstalledPlugin(TypedDict):
    """One plugin; `problem` is empty where its state is `ok`."""

    name: str
    distribution: str
    version: str
    problem: str
    sinks: list[str]
    sources: list[str]
    observers: list[str]
    state: Literal["ok", "broken"]


class Plugins(TypedDict):
    """What is installed."""

    plugins: list[InstalledPlugin]


class Validation(TypedDict):
    """A destination on trial."""

    destination: str
    promises: list[Verdict]
    left_behind: list[str]


class Found(TypedDict):
    """Something at a destination that is no committed archive."""

    destination: str
    kind: StrayKind
    key: str
    size: int | None
    since: datetime | None
    token: str


class Listing(TypedDict):
    """What is stored."""

    archives: list[Listed]
    strays: list[Found]


class Restoration(TypedDict):
    """What was restored."""

    restored: Restored


class DrillReport(TypedDict):
    """What could be restored."""

    started: datetime
    ended: datetime
    machine: str
    labferry: str
    config: str
    is_good: bool
    trials: list[Trial]


class DrillFile(DrillReport):
    """The file beside the report of a drill; `labferry_drill` is the version of this format."""

    labferry_drill: Literal[1]


class CopyProof(TypedDict):
    """What was found out about one copy."""

    destination: str
    state: VerifyState
    archive_id: str
    key: str
    size: int | None
    checked: Checked | None
    contents: bool
    problem: str | None
    message: str
    exit_code: int


class Verification(TypedDict):
    """What was proven."""

    results: list[CopyProof]


class Status(TypedDict):
    """How everything stands."""

    standings: list[Freshness]


class History(TypedDict):
    """How every run ended, and why."""

    runs: list[PastRun]


class Judged(TypedDict):
    """An archive, and what retention says of it."""

    archive_id: str
    key: str
    size: int
    submitted: datetime
    source: str
    series: str
    format: str
    keep: bool
    reasons: list[str]
    removed: bool


class JudgedStray(TypedDict):
    """What was begun and never finished, and what becomes of it."""

    kind: StrayKind
    key: str
    size: int | None
    since: datetime | None
    keep: bool
    removed: bool


class PrunedDestination(TypedDict):
    """One destination."""

    destination: str
    archives: list[Judged]
    strays: list[JudgedStray]
    notes: list[str]


class Prune(TypedDict):
    """What was, or would be, removed."""

    dry_run: bool
    destinations: list[PrunedDestination]


class Report(TypedDict):
    """The page that was written, and how many of what are on it."""

    file: str
    generated: datetime
    standings: dict[str, int]
    runs: dict[str, int]
    copies: int
    failures: int


class LogLine(TypedDict):
    """One line of `--log-format json`; the names say what it is about."""

    time: datetime
    level: Literal["debug", "info", "warning", "error", "critical"]
    logger: str
    message: str
    run: NotRequired[str]
    source: NotRequired[str]
    archive: NotRequired[str]
    destination: NotRequired[str]


CONTENT: Mapping[str, tuple[type, ...]] = {
    "sync": (Sync, Preview),
    "demo": (DemoRun,),
    "check": (Check,),
    "init": (Init,),
    "plugins": (Plugins,),
    "plugins validate": (Validation,),
    "list": (Listing,),
    "restore": (Restoration,),
    "drill": (DrillReport,),
    "verify": (Verification,),
    "status": (Status,),
    "history": (History,),
    "prune": (Prune,),
    "report": (Report,),
}
"""What each verb has to tell, apart from the fields that every document has."""

_HEAD = {
    "labferry_output": {"const": VERSION, "description": "The version of this format."},
    "command": {"type": "string", "description": "The verb; empty where none was named."},
    "exit_code": {"type": "integer", "minimum": 0, "maximum": 255},
    "problems": {"type": "array", "items": {"$ref": "#/$defs/Problem"}},
}
_FAILURE = {
    "description": "A verb that could not begin, or came to nothing.",
    "properties": {"exit_code": {"minimum": 1}, "problems": {"minItems": 1}},
    "maxProperties": len(_HEAD),
}


_PUBLISHED_NAMES = {"Freshness": "Kept", "VerifyState": "ProofState"}
"""Classes that had another name when their part of the schema was published under it."""


class _Generator(GenerateJsonSchema):
    """Every field of a dataclass is printed, whether it has a default or not."""

    @override
    def normalize_name(self, name: str) -> str:
        return super().normalize_name(_PUBLISHED_NAMES.get(name, name))

    @override
    def field_is_required(
        self,
        field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField,
        total: bool,
    ) -> bool:
        return field["type"] == "dataclass-field" or super().field_is_required(field, total)


def output_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of every verb's document.

    `$defs/LogLine` is that of a log line, `$defs/DrillFile` that of the file beside the report of a
    drill.
    """
    kinds = [Problem, LogLine, DrillFile, *(kind for kinds in CONTENT.values() for kind in kinds)]
    references, document = TypeAdapter.json_schemas(
        [(kind, "serialization", TypeAdapter(kind)) for kind in kinds], schema_generator=_Generator
    )
    content = {kind: references[kind, "serialization"] for kind in kinds}
    for name in _PUBLISHED_NAMES.values():
        document["$defs"][name]["title"] = name
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:labferry:output:{VERSION}",
        "title": f"labferry output, version {VERSION}",
        "type": "object",
        "properties": _HEAD,
        "required": list(_HEAD),
        "allOf": [*_rules(content)],
        "$defs": {**document["$defs"], "Failure": _FAILURE},
    }


def _rules(content: Mapping[type, JsonSchemaValue]) -> Iterator[JsonSchemaValue]:
    for command, kinds in CONTENT.items():
        members = [content[kind] for kind in kinds]
        yield {
            "if": {"properties": {"command": {"const": command}}},
            "then": {"anyOf": [*members, {"$ref": "#/$defs/Failure"}]},
        }
    known = {"properties": {"command": {"enum": list(CONTENT)}}}
    yield {"if": {"not": known}, "then": {"$ref": "#/$defs/Failure"}}
