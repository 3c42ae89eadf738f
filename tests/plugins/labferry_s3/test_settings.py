import subprocess
import sys
from datetime import timedelta

import pytest
from pydantic import ValidationError

from labferry.sdk import PluginError
from labferry_s3 import S3Settings, S3Sink


def _settings(**keys: object) -> S3Settings:
    return S3Settings.model_validate({"type": "s3", "bucket": "lab-backups", **keys})


def test_bucket_is_all_that_is_needed() -> None:
    settings = _settings()
    assert (settings.prefix, settings.concurrency, settings.part_size) == ("", 4, 16 << 20)
    assert settings.timeout == timedelta(seconds=60)


@pytest.mark.parametrize(("written", "prefix"), [("", ""), ("a", "a/"), ("a/b/", "a/b/")])
def test_prefix_is_a_folder(written: str, prefix: str) -> None:
    assert _settings(prefix=written).prefix == prefix


@pytest.mark.parametrize(
    "keys",
    [
        {"prefix": "/a"},
        {"prefix": "../a"},
        {"part_size": "1 MiB"},
        {"timeout": "0s"},
        {"access_key_id": "a"},
        {"session_token": "a"},
        {"profile": "a", "access_key_id": "b", "secret_access_key": "c"},
        {"endpoint_url": "s3.example.edu"},
        {"endpoint_url": "https://user:password@s3.example.edu"},
        {"object_lock": {}},
        {"object_lock": {"mode": "governance"}},
        {"object_lock": {"retain": "30d"}},
        {"sse": "aws:kms"},
        {"acl": "public-read"},
    ],
    ids=str,
)
def test_mistakes_are_found(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        _settings(**keys)


def test_self_hosted_stores_are_addressed_by_path_unless_told_otherwise() -> None:
    assert not _settings().path_addressed
    assert _settings(endpoint_url="https://s3.example.edu").path_addressed
    assert not _settings(endpoint_url="https://s3.example.edu", path_style=False).path_addressed


def test_importing_the_plugin_imports_no_client() -> None:
    code = (
        "import sys, labferry_s3; "
        "sys.exit(bool({'s3fs', 'fsspec', 'aiobotocore', 'botocore'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_missing_client_is_told_with_the_way_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(PluginError, match=r"pip install 'labferry\[s3\]'"):
        S3Sink("offsite", _settings())
