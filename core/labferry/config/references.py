"""What one part of the file says about another: names in syncs, and how many there are."""

from collections.abc import Iterator, Mapping

from labferry.config.document import Document
from labferry.config.model import Config
from labferry.config.problems import Problem, suggest

_SECTIONS = ("sources", "destinations")


def check_references(document: Document) -> Iterator[Problem]:
    """Names in syncs that no table has, and a `require` that can't be met.

    It looks at the file itself, whatever else may be wrong with it, and leaves out what has not
    even the right type: that is reported elsewhere.
    """
    for section in _SECTIONS:
        yield from _unknown_names(document, section)
    yield from _unreachable_require(document)


def unused_names(config: Config) -> Iterator[str]:
    """One sentence for each source and destination that takes part in no sync."""
    for section in _SECTIONS:
        members: Mapping[str, object] = getattr(config, section)
        used = {name for sync in config.syncs.values() for name in getattr(sync, section)}
        for name in members:
            if name not in used:
                yield str(config.document.problem((section, name), "no sync names it"))


def _unknown_names(document: Document, section: str) -> Iterator[Problem]:
    known = document.data.get(section, {})
    if not isinstance(known, dict):
        return
    for sync, table in _tables(document.data.get("syncs")):
        names = table.get(section)
        for position, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str) and name not in known:
                yield document.problem(
                    ("syncs", sync, section, position),
                    f"expected the name of a table under [{section}]",
                    suggest(name, list(known), section),
                )


def _unreachable_require(document: Document) -> Iterator[Problem]:
    require = document.data.get("require")
    fewest = min(_destination_counts(document), default=None)
    if isinstance(require, int) and fewest is not None and require > fewest:
        yield document.problem(
            ("require",), f"expected at most {fewest}, the destinations that each sync has"
        )


def _destination_counts(document: Document) -> Iterator[int]:
    destinations = document.data.get("destinations")
    syncs = document.data.get("syncs") or {"all": {"destinations": destinations}}
    for _, table in _tables(syncs):
        members = table.get("destinations")
        if isinstance(members, list | dict) and members:
            yield len(members)


def _tables(value: object) -> Iterator[tuple[str, dict[str, object]]]:
    for name, table in value.items() if isinstance(value, dict) else ():
        if isinstance(table, dict):
            yield name, table
