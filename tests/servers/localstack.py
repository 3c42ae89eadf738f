"""LocalStack's S3: it checks CRC-32s and conditions, which Ceph's gateway does not."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock
from tests.needs import leave_out

from .processes import free_port, listens, running
from .s3_store import Store

_REQUIREMENTS = Path(__file__).with_name("localstack-requirements.txt")
_SECONDS = 600


def _environment() -> Path:
    """Where it is installed, for this Python and these requirements; installed once."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "labferry-tests"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    digest = hashlib.sha256(_REQUIREMENTS.read_bytes()).hexdigest()[:8]
    home = cache / f"localstack-{version}-{digest}"
    cache.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{home}.lock"):
        if not (home / "installed").exists():
            _run(sys.executable, "-m", "venv", "--clear", str(home))
            _run(str(home / "bin" / "pip"), "install", "--quiet", "-r", str(_REQUIREMENTS))
            (home / "installed").touch()
    return home


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, timeout=_SECONDS, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace")[-2000:]
        leave_out("LocalStack", f"mend what pip said: {said.splitlines()[-1:]}")


@contextmanager
def localstack(home: Path) -> Iterator[Store]:
    """A LocalStack that serves S3 and nothing else."""
    python = _environment() / "bin" / "python"
    port, log = free_port(), home / "localstack.out"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("PYTHON")},
        "SERVICES": "s3",
        "STRICT_SERVICE_LOADING": "1",
        "GATEWAY_LISTEN": f"127.0.0.1:{port}",
        "LOCALSTACK_VOLUME_DIR": str(home / "volume"),
        "TMPDIR": str(home),
        "SKIP_SSL_CERT_DOWNLOAD": "1",
        "DISABLE_EVENTS": "1",
        "DNS_ADDRESS": "0",
        "USE_SSL": "0",
    }
    command = [str(python), "-m", "localstack.runtime.main"]

    def ready() -> bool:
        return listens(port) and b"Ready." in log.read_bytes()

    with running(command, log, ready, environment=environment):
        yield Store(f"http://127.0.0.1:{port}", "test", "test-secret-0123456789")
