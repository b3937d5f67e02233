"""The Autobahn suite against the server that echoes: every case, strictly."""

import subprocess
import sys

import pytest
from course import TESTS, need


@pytest.mark.timeout(600)
def test_autobahn():
    """All 301 cases are OK or informational, the closing too: nothing is merely tolerated."""
    need("wstest")
    command = [sys.executable, TESTS / "conformance"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "301 of 301" in done.stdout
