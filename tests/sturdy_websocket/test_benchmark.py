"""The benchmark works."""

import subprocess
import sys

from course import ROOT, TESTS, need

ROWS = {
    "one speaker to 10 clients", "10 clients, everyone speaks", "round trip of 64 KiB",
    "come and go, one at a time", "1,000 idle clients", "one of 11 clients stops reading",
    "serial, 200 lines/s to 10 clients", "serial, a flood to one client",
    "static page, 10 connections",
}  # fmt: skip


def test_quick_benchmark(tmp_path):
    """The command works, and every row has its figures. How high they are is not judged here."""
    for program in ("gcc", "node", "wrk"):
        need(program)
    command = [sys.executable, TESTS / "benchmark", "--quick", "--save", tmp_path]
    done = subprocess.run(map(str, command), cwd=ROOT, capture_output=True, text=True,
                          timeout=110, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    table = [[cell.strip() for cell in line[2:-2].split(" | ")]
             for line in done.stdout.splitlines() if line.startswith("| ")]  # fmt: skip
    heading, lines = table[0], table[1:]
    assert {line[0] for line in lines if line[0]} == ROWS
    assert "failed" not in done.stdout
    for line in lines:
        assert float(line[heading.index("this course")].replace(",", "")) >= 0, line
    # The others are met at least once.
    assert all(lines[0]), lines[0]
    assert (tmp_path / "results.md").read_text(encoding="utf-8") == done.stdout
