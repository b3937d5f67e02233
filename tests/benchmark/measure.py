"""Starts the servers, lets the load generator meet them, and collects the figures."""

import collections
import contextlib
import datetime
import itertools
import json
import os
import platform
import re
import resource
import subprocess
import sys
import tempfile
import time
import tty
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from course import PATIENCE, ROOT, TESTS, free_port

HERE = TESTS / "benchmark"
PYTHON = sys.executable
OURS = "this course"
# The chat servers: they send everybody the same JSON string, and print the same lines.
CHATS = {
    OURS: [PYTHON, ROOT / "ws_server_example" / "server.py"],
    "npm ws": ["node", HERE / "peers" / "ws.js"],
    "websockets, threads": [PYTHON, HERE / "peers" / "websockets_threads.py"],
    "websockets, asyncio": [PYTHON, HERE / "peers" / "websockets_asyncio.py"],
    "websocket-server alone": [PYTHON, HERE / "peers" / "websocket_server_alone.py"],
}
PUBLIC = ROOT / "http_ws_server_example" / "public"
PAGES = {
    OURS: [PYTHON, ROOT / "http_ws_server_example" / "server.py"],
    "http.server": [PYTHON, "-m", "http.server", "--bind", "127.0.0.1", "--directory", PUBLIC],
}
SERIAL = {OURS: [PYTHON, ROOT / "serial_to_ws_server" / "server.py"]}


class Figure(NamedTuple):
    """One line of the table. key: its name in what the load generator prints."""

    key: str
    label: str
    more: bool = False  # more is better, else less


class Row(NamedTuple):
    """One measurement. The numbers are the words of load.c."""

    name: str
    what: str
    figures: list
    servers: dict = CHATS
    clients: int = 1
    speakers: int = 1
    size: int = 32
    rate: int = 0
    seconds: float = 1
    quick: bool = False


DELIVERIES = Figure("deliveries_per_second", "deliveries a second", True)
CPU = Figure("cpu_us_per_delivery", "server's CPU for a delivery, µs")
MEDIAN = Figure("median_us", "until the last has it, µs")
ORDER = Figure("other_order", "clients that saw another order")
TRIP = [
    Figure("mb_per_second", "MB a second", True),
    Figure("peak_mib", "server's memory at most, MiB"),
]
COMING = [
    Figure("connects_per_second", "clients a second", True),
    Figure("cpu_us_per_connect", "server's CPU for one, µs"),
]
IDLE = [
    Figure("kib_per_client", "memory of a client, KiB"),
    Figure("mib", "server's memory, MiB"),
    Figure("idle_percent", "server's CPU, % of a core"),
]
STALL = [
    Figure("silence_ms", "longest silence for the others, ms"),
    Figure("delivered_percent", "delivered to the others, %", True),
    Figure("grown_mib", "server's memory grew by, MiB"),
]
REQUESTS = [
    Figure("requests_per_second", "requests a second", True),
    Figure("cpu_us_per_request", "server's CPU for one, µs"),
]

ROWS = [
    *[Row(f"one speaker to {n} clients{extra}", "talk", [DELIVERIES, CPU, MEDIAN], clients=n,
          size=size, quick=n == 10)
      for n, size, extra in [(10, 32, ""), (30, 32, ""), (100, 32, ""), (100, 1024, ", 1 KiB")]],
    *[Row(f"{n} clients, everyone speaks{extra}", "talk", [DELIVERIES, CPU, ORDER], clients=n,
          speakers=n, size=size, quick=n == 10)
      for n, size, extra in [(10, 32, ""), (30, 32, ""), (100, 32, ""), (100, 1024, ", 1 KiB")]],
    *[Row(f"round trip of {name}", "talk", TRIP, size=size, quick=size == 65536)
      for name, size in [("64 KiB", 1 << 16), ("1 MiB", 1 << 20), ("16 MiB", 1 << 24)]],
    Row("come and go, one at a time", "connect", COMING, clients=1, quick=True),
    Row("come and go, 32 at a time", "connect", COMING, clients=32),
    Row("1,000 idle clients", "idle", IDLE, clients=1000, seconds=1.5, quick=True),
    Row("one of 11 clients stops reading", "stall", STALL, clients=10, size=32768, rate=200,
        seconds=3, quick=True),
    Row("serial, 200 lines/s to 10 clients", "serial",
        [MEDIAN, Figure("cpu_us_per_line", "server's CPU for a line, µs")], SERIAL, clients=10,
        rate=200, seconds=2, quick=True),
    Row("serial, a flood to one client", "serial",
        [Figure("lines_per_second", "lines a second", True)], SERIAL, quick=True),
    Row("static page, 10 connections", "static", REQUESTS, PAGES, clients=10, quick=True),
]  # fmt: skip


class Failed(Exception):
    """A server or the load generator did not do what it should. args: what it said."""


@contextlib.contextmanager
def running(command, *words):
    """A server as a process, from when it listens until the block ends. Gives (process, port)."""
    port = free_port()
    if "http.server" in command:
        words = [port]
    process = subprocess.Popen(
        [str(word) for word in [*command, *words]], env=dict(os.environ, PORT=str(port)),
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
    try:
        # To connect would be a client that it has to get rid of: its sockets are looked at.
        links = psutil.Process(process.pid).net_connections
        end = time.monotonic() + PATIENCE
        while not any(link.status == psutil.CONN_LISTEN for link in links("tcp")):
            if process.poll() is not None or time.monotonic() > end:
                raise Failed("the server does not start")
            time.sleep(0.02)
        yield process, port
    finally:
        process.kill()
        process.wait()


def call(command, **options):
    """Runs a program to its end and returns what it printed; Failed: what it complained about."""
    try:
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=90, check=False, **options)  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Failed("not ready after 90 s") from None
    if done.returncode:
        raise Failed(done.stderr.strip()[-300:])
    return done.stdout


def run_load(load, row, command):
    """Returns the figures of one row with one server: {key: number}."""
    if row.what == "static":
        return run_wrk(row, command)
    words, pty, board = [], None, None
    if row.what == "serial":
        board, pty = os.openpty()
        tty.setraw(pty)
        words = [os.ttyname(pty), "t"]
    try:
        with running(command, *words) as (process, port):
            numbers = [row.clients, row.speakers, row.size, row.rate, row.seconds, board or ""]
            output = call([load, row.what, port, process.pid, *numbers],
                          pass_fds=[board] if board else [])  # fmt: skip
    finally:
        for end in (board, pty):
            if end:
                os.close(end)
    return {key: float(value) for key, value in map(str.split, output.splitlines())}


def run_wrk(row, command):
    """The same for static pages: wrk is the load generator."""
    with running(command) as (process, port):
        server = psutil.Process(process.pid)
        cpu = sum(server.cpu_times()[:2])
        output = call(["wrk", "-t1", f"-c{row.clients}", f"-d{max(1, round(row.seconds))}s",
                       f"http://127.0.0.1:{port}/index.html"])  # fmt: skip
        cpu = sum(server.cpu_times()[:2]) - cpu
    if "Non-2xx" in output or "Socket errors" in output:
        raise Failed(" ".join(output.split())[-300:])
    requests = float(re.search(r"(\d+) requests in", output)[1])
    return {
        "requests_per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1]),
        "cpu_us_per_request": cpu / requests * 1e6,
    }


def choose_rows(quick):
    """Returns the rows to run. If quick, the first meets all servers, the others only ours."""
    if not quick:
        return ROWS
    rows = [row._replace(seconds=0.1) for row in ROWS if row.quick]
    rows[1:] = [row._replace(servers={OURS: row.servers[OURS]}) for row in rows[1:]]
    return rows


def about(rounds, seconds):
    """Returns a sentence: when, with what, and how long it took."""
    packages = [f"{name} {version(name)}" for name in ("websocket-server", "websockets")]
    ws = json.loads((TESTS / "node_modules" / "ws" / "package.json").read_text())
    return (
        f"{datetime.date.today():%Y-%m-%d}, Python {platform.python_version()}, "
        f"{', '.join(packages)}, node {call(['node', '--version']).strip()}, ws {ws['version']}; "
        f"{os.cpu_count()} cores; medians of {rounds} rounds in {seconds / 60:.1f} minutes."
    )


def measure(rounds, quick):
    """Runs all rows so many times. Returns (results, notes).

    results: a list of (row, {server: [figures of each round, as run_load() returns them]})
    notes: sentences for the table; the first says when and with what.
    """
    began, notes = time.monotonic(), []
    rounds = 1 if quick else rounds
    results = [(row, {name: [] for name in row.servers}) for row in choose_rows(quick)]
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with tempfile.TemporaryDirectory() as folder:
        load = Path(folder) / "load"
        call(["gcc", "-O2", "-Wall", "-Wextra", "-o", load, HERE / "load.c"])
        for turn, (row, figures) in itertools.product(range(rounds), results):
            print(f"round {turn + 1} of {rounds}: {row.name}", file=sys.stderr, flush=True)
            names = collections.deque(row.servers)
            names.rotate(turn)
            for name in names:
                try:
                    figures[name].append(run_load(load, row, row.servers[name]))
                except Failed as error:
                    notes.append(f"{name}, {row.name}: {error}")
    return results, [about(rounds, time.monotonic() - began), *notes]
