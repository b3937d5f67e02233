"""A few seconds of the stress; `python3 tests/stress --seconds 600` is the long one."""

import os
import subprocess
import sys

import pytest
from course import TESTS


@pytest.mark.skipif(os.name == "nt", reason="counts open files")
@pytest.mark.timeout(300)
def test_stress():
    seconds = os.environ.get("STRESS_SECONDS", "15")
    done = subprocess.run(
        [sys.executable, TESTS / "stress", "--seconds", seconds],
        capture_output=True, text=True, timeout=280, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "nothing else is left over" in done.stdout
