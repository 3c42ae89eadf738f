"""A signal ends reading back at once, and what was found until then is kept."""

import signal
import time

import pytest

from .conftest import PATIENCE, VerifyLab

SLOW = """
import io, os, sys, time
from labferry.cli.main import main
from labferry_local import LocalSink

class Endless(io.RawIOBase):
    def read(self, size=-1):
        os.write(1, b"reading\\n")
        time.sleep(0.02)
        return b"x"

def open_slowly(self, stored, offset=0):
    return Endless()

LocalSink.open = open_slowly
main([*sys.argv[1:], "-c", "labferry.toml"])
"""


@pytest.mark.parametrize("verb", [["verify"], ["verify", "--contents"], ["verify", "--json"]])
def test_signal_ends_verify(lab: VerifyLab, verb: list[str]) -> None:
    lab.sync(2)
    before = lab.contents()
    code, _ = _end(lab, verb, signal.SIGTERM)
    assert code == 143
    assert lab.contents() == before
    assert lab.run("verify").code == 0


def test_signal_ends_the_share_of_a_sync(lab: VerifyLab) -> None:
    lab.configure(nas='verify = { every = "1h" }\n')
    lab.sync(2)
    before = lab.ledger(lambda copies: copies.at("nas"))
    code, seconds = _end(lab, ["sync"], signal.SIGINT)
    assert code == 130
    assert seconds < PATIENCE / 3
    assert lab.ledger(lambda copies: copies.at("nas"))[: len(before)] == before
    assert lab.run("sync").code == 0


def _end(lab: VerifyLab, verb: list[str], number: signal.Signals) -> tuple[int, float]:
    process = lab.start_script(SLOW, *verb)
    assert process.stdout is not None
    assert process.stdout.readline() == "reading\n"
    process.send_signal(number)
    began = time.monotonic()
    _, err = process.communicate(timeout=PATIENCE)
    assert "Traceback" not in err
    return process.returncode, time.monotonic() - began
