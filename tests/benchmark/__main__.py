"""
The benchmark: the course's servers beside what you might take instead

Prints one table: this course's server, the others, and in brackets this course's figure
divided by theirs. The figures are medians of three rounds.

Run it with:     python3 tests                     once, it makes the environment
                 python3 tests/benchmark           about five minutes
                 python3 tests/benchmark --quick   ten seconds, to see that it works
                 python3 tests/benchmark > tests/benchmark/results.md
You should see:  a line for each measurement, then the table
Needs:           Linux, gcc and node; two cores that have nothing else to do
"""

# ruff: noqa: E402 (what is imported last is only in the environment of the tests)
import contextlib
import itertools
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import tty
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from environment import use_environment

use_environment()
from course import ROOT, TESTS, free_port
from wire import listens, wait_until

HERE = TESTS / "benchmark"
OURS = "this course"
# The chat servers: they send everybody the same JSON string, and print the same lines.
CHATS = {
    OURS: [sys.executable, ROOT / "ws_server_example" / "server.py"],
    "npm ws": ["node", HERE / "peers" / "ws.js"],
    "websockets, threads": [sys.executable, HERE / "peers" / "websockets_threads.py"],
    "websockets, asyncio": [sys.executable, HERE / "peers" / "websockets_asyncio.py"],
    "websocket-server alone": [sys.executable, HERE / "peers" / "websocket_server_alone.py"],
}
SERIAL = {OURS: [sys.executable, ROOT / "serial_to_ws_server" / "server.py"]}

LEGEND = """
↑ more is better, ↓ less is better. In brackets: this course's figure divided by that one.
A speaker says the next thing when everybody has heard the last; messages are of 32 bytes where
nothing else is said.
"""
# What load.c prints, in the words of the table.
FIGURES = {
    "deliveries_per_second": "deliveries a second ↑",
    "cpu_us_per_delivery": "server's CPU for a delivery, µs ↓",
    "median_us": "until the last has it, µs ↓",
    "other_order": "clients that saw another order ↓",
    "mb_per_second": "MB a second ↑",
    "peak_mib": "server's memory at most, MiB ↓",
    "connects_per_second": "clients a second ↑",
    "cpu_us_per_connect": "server's CPU for one, µs ↓",
    "kib_per_client": "memory of a client, KiB ↓",
    "mib": "server's memory, MiB ↓",
    "idle_percent": "server's CPU, % of a core ↓",
    "silence_ms": "longest silence for the others, ms ↓",
    "delivered_percent": "delivered to the others, % ↑",
    "grown_mib": "server's memory grew by, MiB ↓",
    "lines_per_second": "lines a second ↑",
    "cpu_us_per_line": "server's CPU for a line, µs ↓",
}


class Row(NamedTuple):
    """One measurement. load: words of load.c, from CLIENTS to RATE; figures: of FIGURES."""

    name: str
    what: str
    load: str
    figures: list
    seconds: float = 1
    servers: dict = CHATS


TALK = ["deliveries_per_second", "cpu_us_per_delivery"]
ONE, ALL, TRIP = [*TALK, "median_us"], [*TALK, "other_order"], ["mb_per_second", "peak_mib"]
COMING = ["connects_per_second", "cpu_us_per_connect"]
IDLE = ["kib_per_client", "mib", "idle_percent"]
STALL = ["silence_ms", "delivered_percent", "grown_mib"]
LINES = ["median_us", "cpu_us_per_line"]
ROWS = [
    Row("one speaker to 10 clients", "talk", "10 1 32 0", ONE),
    Row("one speaker to 100 clients", "talk", "100 1 32 0", ONE),
    Row("10 clients, everyone speaks", "talk", "10 10 32 0", ALL),
    Row("100 clients, everyone speaks", "talk", "100 100 32 0", ALL),
    Row("round trip of 64 KiB", "talk", f"1 1 {1 << 16} 0", TRIP),
    Row("round trip of 16 MiB", "talk", f"1 1 {1 << 24} 0", TRIP),
    Row("come and go, 32 at a time", "connect", "32 1 32 0", COMING),
    Row("1,000 idle clients", "idle", "1000 1 32 0", IDLE, 1.5),
    Row("one of 11 clients stops reading", "stall", f"10 1 {1 << 15} 200", STALL, 3),
    Row("serial, 200 lines/s to 10 clients", "serial", "10 1 32 200", LINES, 2, SERIAL),
    Row("serial, a flood to one client", "serial", "1 1 32 0", ["lines_per_second"], 1, SERIAL),
]


@contextlib.contextmanager
def running(command):
    """A server as a process, from when it listens until the block ends. Gives (process, port)."""
    port = free_port()
    process = subprocess.Popen(
        command,
        env={**os.environ, "PORT": str(port)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: listens(process.pid), "no server")
        yield process, port
    finally:
        process.kill()
        process.wait()


def run_load(load, row, command, seconds):
    """Returns the figures of one row with one server: {key: number}."""
    board, pty = os.openpty()  # only the serial server opens it
    tty.setraw(pty)
    words = [os.ttyname(pty), "t"] if row.what == "serial" else []
    try:
        with running([*command, *words]) as (process, port):
            words = [load, row.what, port, process.pid, *row.load.split(), seconds, board]
            output = subprocess.check_output(
                map(str, words), pass_fds=[board], text=True, timeout=90
            )
    finally:
        os.close(board)
        os.close(pty)
    return {key: float(value) for key, value in map(str.split, output.splitlines())}


def measure(quick):
    """Runs all rows three times; if quick, once, and only the first with all servers.

    Returns a list of (row, {server: [figures of each round]}).
    """
    rounds = 1 if quick else 3
    results = [(row, {name: [] for name in row.servers}) for row in ROWS]
    if quick:
        results[1:] = [(row, {OURS: []}) for row in ROWS[1:]]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        load = Path(folder) / "load"
        subprocess.run(["gcc", "-O2", "-Wall", "-Wextra", "-o", load, HERE / "load.c"], check=True)
        for turn, (row, figures) in itertools.product(range(rounds), results):
            for name in figures:
                print(f"{turn + 1} of {rounds}: {row.name}, {name}", file=sys.stderr, flush=True)
                seconds = 0.1 if quick else row.seconds
                try:
                    figures[name].append(run_load(load, row, row.servers[name], seconds))
                except (AssertionError, subprocess.SubprocessError) as error:
                    print(f"failed: {error}", file=sys.stderr)
    return results


def about(began):
    """Returns a sentence: when, with what, and how long it took since then."""
    packages = [f"{name} {version(name)}" for name in ("websocket-server", "websockets")]
    node = subprocess.check_output(["node", "--version"], text=True).strip()
    return (
        f"{date.today()}, Python {platform.python_version()}, {', '.join(packages)}, node {node}; "
        f"{os.cpu_count()} cores; medians of the rounds, {time.monotonic() - began:.0f} seconds."
    )


def as_number(value):
    """Returns a figure as text, with about three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.3g}"


def as_cell(key, server, rounds):
    """Returns a figure of the table: the median, and this course's one divided by it."""
    if not rounds.get(server):
        return "failed" if server in rounds else ""
    median = statistics.median(figures[key] for figures in rounds[server])
    if server == OURS or not median or not rounds[OURS]:
        return as_number(median)
    ours = statistics.median(figures[key] for figures in rounds[OURS])
    return f"{as_number(median)} ({as_number(ours / median)})"


def as_text(results, about):
    """Returns the table and what it is about as Markdown that can be read on a terminal too."""
    servers = list(dict.fromkeys(name for _, rounds in results for name in rounds))
    lines = [["", "", *servers]]
    for row, rounds in results:
        for key in row.figures:
            name = row.name if key == row.figures[0] else ""
            cells = [as_cell(key, server, rounds) for server in servers]
            lines.append([name, FIGURES[key], *cells])
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    padded = [[cell.ljust(width) for cell, width in zip(line, widths)] for line in lines]
    table = [f"| {' | '.join(line)} |" for line in padded]
    return "\n".join([*table, LEGEND, f"- {about}"])


def main():
    began, quick = time.monotonic(), sys.argv[1:] == ["--quick"]
    if sys.argv[1:] and not quick:
        sys.exit(__doc__)
    for program in ("gcc", "node"):
        if not shutil.which(program):
            sys.exit(f"{program} is not on this computer.")
    results = measure(quick)
    print(as_text(results, about(began)))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped: there is no table.")
