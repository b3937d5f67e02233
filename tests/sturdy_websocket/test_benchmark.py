"""The benchmark works, and its load generator notices what a server does wrong."""

import os
import subprocess
import sys
import threading
import xml.etree.ElementTree

import pytest
from course import ROOT, TESTS, free_port, missing, need
from websockets.sync.server import serve

ROWS = {
    "one speaker to 10 clients", "10 clients, everyone speaks", "round trip of 64 KiB",
    "come and go, one at a time", "1,000 idle clients", "one of 11 clients stops reading",
    "serial, 200 lines/s to 10 clients", "serial, a flood to one client",
    "static page, 10 connections",
}  # fmt: skip


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    """The load generator, compiled without a warning."""
    if not sys.platform.startswith("linux"):
        missing("the load generator is for Linux")
    program = tmp_path_factory.mktemp("benchmark") / "load"
    subprocess.run(
        [need("gcc"), "-O2", "-Wall", "-Wextra", "-Werror", "-o", program,
         TESTS / "benchmark" / "load.c"], check=True)  # fmt: skip
    return program


@pytest.fixture
def talk(load):
    """Returns talk(answer): load.c's run with a server that sends all of answer(n, message)."""
    servers = []

    def run(answer):
        port = free_port()

        def handler(client):
            for number, message in enumerate(client):
                for text in answer(number, message):
                    client.send(text)

        servers.append(serve(handler, "127.0.0.1", port))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        words = [load, "talk", port, os.getpid(), 1, 1, 200, 0, 0.05]
        return subprocess.run(map(str, words), capture_output=True, text=True, timeout=60,
                              check=False)  # fmt: skip

    yield run
    for server in servers:
        server.shutdown()


def test_load_is_content_with_an_echo(talk):
    done = talk(lambda number, message: [message])
    assert done.returncode == 0, done.stderr
    figures = dict(line.split() for line in done.stdout.splitlines())
    assert float(figures["deliveries_per_second"]) > 0


@pytest.mark.parametrize(
    "answer, complaint",
    [
        (lambda number, message: [message[:-9] + "?" + message[-8:]], "a changed message"),
        (lambda number, message: [message[:-1]], "a changed message"),
        (lambda number, message: [message, message], "where 2 was due"),
        (lambda number, message: [message.replace("00000.", "00001.")], "unknown speaker"),
        (lambda number, message: [message.encode()], "a frame 82"),
        (lambda number, message: 1 / 0 if number == 5 else [message], "thrown out"),
    ],
    ids=["changed", "cut", "twice", "speaker", "binary", "gone"],
)
def test_load_notices_what_is_wrong(talk, answer, complaint):
    done = talk(answer)
    assert done.returncode == 1
    assert complaint in done.stderr


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
    picture = xml.etree.ElementTree.parse(tmp_path / "results.svg")
    assert "this course" in [text.text for text in picture.iter("{http://www.w3.org/2000/svg}text")]
