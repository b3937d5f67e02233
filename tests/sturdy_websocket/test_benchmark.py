"""The benchmark works."""

import subprocess
import sys

from course import ROOT, TESTS, need


def test_quick_benchmark():
    """The command works, and every row has its figures. How high they are is not judged here."""
    for program in ("gcc", "node"):
        need(program)
    command = [sys.executable, TESTS / "benchmark", "--quick"]
    done = subprocess.run(map(str, command), cwd=ROOT, capture_output=True, text=True,
                          timeout=110, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "failed" not in done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("| ")]
    # The heading, and at least one line for each kind of measurement.
    assert "this course" in lines[0] and len(lines) > 9
