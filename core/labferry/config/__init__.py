"""The configuration file: found, read, checked, and explained where it is wrong.

The modules, in the order to read them: `model`, `load`, `document`, `explain`, `problems`.
"""

from labferry.config.load import load_config, load_observers
from labferry.config.model import (
    Config,
    Kinds,
    ObserverConfig,
    SinkConfig,
    SourceConfig,
    SyncConfig,
)
from labferry.config.problems import InvalidConfigError, Problem, dotted, suggest
from labferry.config.schema import json_schema
from labferry.config.secretvalues import private_files_in, resolve_secrets, secrets_in
from labferry.config.starter import starter_file

__all__ = [
    "Config",
    "InvalidConfigError",
    "Kinds",
    "ObserverConfig",
    "Problem",
    "SinkConfig",
    "SourceConfig",
    "SyncConfig",
    "dotted",
    "json_schema",
    "load_config",
    "load_observers",
    "private_files_in",
    "resolve_secrets",
    "secrets_in",
    "starter_file",
    "suggest",
]
