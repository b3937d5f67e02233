"""The stress test, the conformance suite and the benchmark, which can also be run by hand."""

import subprocess
import sys

import pytest
from course import TESTS, need, posix_only


def output_of(*words):
    """Returns what a program of the tests prints; fails with what it says if it fails."""
    command = [sys.executable, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@posix_only
@pytest.mark.timeout(300)
def test_a_minute_of_stress():
    assert "nothing else is left over" in output_of(TESTS / "stress", "--seconds", "60")


@pytest.mark.timeout(600)
def test_autobahn():
    """All 301 cases are OK or informational, the closing too: nothing is merely tolerated."""
    need("wstest")
    assert "301 of 301" in output_of(TESTS / "conformance")


def test_quick_benchmark():
    """The command works, and every row has its figures. How high they are is not judged here."""
    for program in ("gcc", "node"):
        need(program)
    said = output_of(TESTS / "benchmark", "--quick")
    lines = [line for line in said.splitlines() if line.startswith("| ")]
    # The heading, and at least one line for each kind of measurement.
    assert "this course" in lines[0] and len(lines) > 9
