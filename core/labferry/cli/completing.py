"""Names for completion in a shell, from the file as it stands: nothing is checked or loaded."""

import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from labferry.config.find import find_config, find_state_dir
from labferry.ledger.names import archive_ids
from labferry.sdk.errors import ConfigError

# What a path, a file and TOML can be wrong with: a home folder of nobody, or arrays too deep, are a
# RuntimeError.
_UNREADABLE = (ConfigError, OSError, RuntimeError, ValueError)


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
    return [*_beginning(incomplete, ["latest"]), *_archives(ctx, incomplete)]


def complete_proofs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """What `verify` takes: a destination first, and archives."""
    places = [] if _given(ctx, param) else _tables(_read(ctx), "destinations")
    known = [*_beginning(incomplete, places), *_archives(ctx, incomplete)]
    return _others(ctx, param, known)


def _read(ctx: click.Context) -> Mapping[str, Any]:
    """The configuration, empty where there is none that can be read."""
    try:
        path = _path(ctx)
        # A pipe or a terminal would keep who pressed the key waiting.
        return tomllib.loads(path.read_text(encoding="utf-8-sig")) if path.is_file() else {}
    except _UNREADABLE:
        return {}


def _path(ctx: click.Context) -> Path:
    """The configuration, where one was named or is where it belongs.

    Raises:
        ConfigError: There is none.
    """
    named = ctx.params.get("config_path")
    if not isinstance(named, Path):
        return find_config(None)
    # The shell hands over the line as it was typed.
    return Path(os.path.expandvars(named)).expanduser()


def _archives(ctx: click.Context, incomplete: str) -> Sequence[str]:
    given = _read(ctx).get("state_dir")
    try:
        folder = (
            _path(ctx).absolute().parent / Path(given).expanduser()
            if isinstance(given, str)
            else find_state_dir()
        )
        return archive_ids(folder / "ledger.db", incomplete)
    except _UNREADABLE:
        return []


def _tables(data: Mapping[str, Any], section: str) -> Iterable[str]:
    """The names of a section's tables, but for those that no shell could be handed as they are."""
    tables = data.get(section)
    names = tables if isinstance(tables, dict) else ()
    return [name for name in names if re.fullmatch(r"[\w-]+", name, re.ASCII)]


def _beginning(incomplete: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _others(ctx: click.Context, param: click.Parameter, names: list[str]) -> list[str]:
    return [name for name in names if name not in _given(ctx, param)]


def _given(ctx: click.Context, param: click.Parameter) -> tuple[str, ...]:
    """What was typed before, where there can be several."""
    value = ctx.params.get(param.name or "")
    return value if isinstance(value, tuple) else ()
