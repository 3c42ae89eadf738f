"""Who we say we are, in the ways that the client knows, and when; on a store that looks at it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from labferry.sdk import JsonValue, RefusedError

from .bucket import Bucket
from .storing import Storing, sample

_NOBODY: dict[str, JsonValue] = {"access_key_id": None, "secret_access_key": None}


@pytest.fixture
def profiles(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile `lab` that may use the bucket, and one that may not."""
    store = bucket.store
    credentials, config = tmp_path / "credentials", tmp_path / "config"
    credentials.write_text(
        f"[lab]\naws_access_key_id = {store.access_key}\n"
        f"aws_secret_access_key = {store.secret_key}\n"
        "[stranger]\naws_access_key_id = nobody\naws_secret_access_key = nothing\n"
    )
    config.write_text("[profile lab]\nregion = us-east-1\n[profile stranger]\nregion = us-east-1\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(credentials))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))


@pytest.mark.usefixtures("profiles")
def test_a_profile_is_who_we_are(bucket: Bucket) -> None:
    for storing in Storing.over(bucket, **_NOBODY, profile="lab", region=None):
        archive = sample(1000)
        storing.store(archive)
        assert storing.holds(archive)
    for storing in Storing.over(bucket, **_NOBODY, profile="stranger"):
        with pytest.raises(RefusedError, match="does not know the access key"):
            list(storing.sink.check())


def test_the_environment_is_who_we_are(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", bucket.store.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", bucket.store.secret_key)
    for storing in Storing.over(bucket, **_NOBODY):
        archive = sample(1000)
        storing.store(archive)
        assert storing.holds(archive)


def test_a_clock_that_is_an_hour_late_is_told(
    storing: Storing, monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*, remove_tzinfo: bool = True) -> datetime:
        moment = datetime.now(UTC) - timedelta(hours=1)
        return moment.replace(tzinfo=None) if remove_tzinfo else moment

    monkeypatch.setattr("botocore.auth.get_current_datetime", late)
    with pytest.raises(RefusedError, match="clock differs"):
        storing.store(sample(1000))
