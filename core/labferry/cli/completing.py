"""Names for completion in a shell, from the file as it stands: nothing is checked or loaded."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from labferry.config import find_config
from labferry.config.find import find_state_dir
from labferry.ledger.names import archive_ids
from labferry.sdk import ConfigError

__all__ = [
    "complete_archives",
    "complete_destinations",
    "complete_proofs",
    "complete_sources",
    "complete_syncs",
]


def complete_sources(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The sources."""
    return _beginning(incomplete, _tables(_read(ctx), "sources"))


def complete_destinations(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The destinations, but for those that were named already."""
    return _others(ctx, param, _beginning(incomplete, _tables(_read(ctx), "destinations")))


def complete_syncs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """What `sync` takes: syncs and sources."""
    data = _read(ctx)
    names = [*_tables(data, "syncs"), *_tables(data, "sources")]
    return _others(ctx, param, _beginning(incomplete, dict.fromkeys(names)))


def complete_archives(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """What `restore` takes: the archives that this machine's ledger knows, and `latest`."""
    return [*_beginning(incomplete, ["latest"]), *archive_ids(_ledger(ctx), incomplete)]


def complete_proofs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """What `verify` takes: a destination first, and archives."""
    places = [] if _given(ctx, param) else _tables(_read(ctx), "destinations")
    known = [*_beginning(incomplete, places), *archive_ids(_ledger(ctx), incomplete)]
    return _others(ctx, param, known)


def _read(ctx: click.Context) -> Mapping[str, Any]:
    try:
        return tomllib.loads(_path(ctx).read_text(encoding="utf-8-sig"))
    except (ConfigError, OSError, ValueError, RecursionError):
        return {}


def _path(ctx: click.Context) -> Path:
    """The configuration, where one was named or is where it belongs.

    Raises:
        ConfigError: There is none.
    """
    named = ctx.params.get("config_path")
    return find_config(named if isinstance(named, Path) else None)


def _ledger(ctx: click.Context) -> Path:
    given = _read(ctx).get("state_dir")
    if not isinstance(given, str):
        return find_state_dir() / "ledger.db"
    return _path(ctx).absolute().parent / Path(given).expanduser() / "ledger.db"


def _tables(data: Mapping[str, Any], section: str) -> Iterable[str]:
    tables = data.get(section)
    return tables if isinstance(tables, dict) else ()


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _others(ctx: click.Context, param: click.Parameter, names: list[str]) -> list[str]:
    return [name for name in names if name not in _given(ctx, param)]


def _given(ctx: click.Context, param: click.Parameter) -> tuple[str, ...]:
    """What was typed before, where there can be several."""
    value = ctx.params.get(param.name or "")
    return value if isinstance(value, tuple) else ()
