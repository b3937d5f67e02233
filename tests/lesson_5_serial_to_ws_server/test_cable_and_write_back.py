"""The cable that is pulled out, the end of the program, and what clients send to the board."""

import contextlib
import os
import subprocess
import threading
import time
import types

import course
import pytest
from course import PATIENCE, ROOT, TESTS, need, python
from serial_board import FOLDER, hear
from terminals import solution
from wire import TEXT, frame, meanwhile


def test_unplugged_and_back_three_times(listen, board):
    """The client stays, and hears the board again as soon as it is back under its name.

    Two halves of a line, from before and after, are not put together.
    """
    server, client = listen(board.name, "t")
    board.print(b"half\n")
    for number in range(3):
        board.print(b"before %d\n51" % number)
        assert hear(client, 1) == [f"before {number}"]
        board.unplug()
        server.expect("is gone: is the cable unplugged")
        client.ping().wait(PATIENCE)
        board.plug()
        server.expect("is back")
        board.print(b"2\nafter %d\n" % number)
        assert hear(client, 1) == [f"after {number}"]
    assert "connection closed" not in server.output
    board.unplug()
    server.expect("is gone")
    assert server.stop() == 0


def test_the_reader_thread_closes_the_port(run, board):
    """It is closed where it is read, before the program ends, though the board says nothing."""
    tell = (
        "import sys, threading; sys.path.insert(0, ''); import server, serial\n"
        "class Serial(serial.Serial):\n"
        "    def close(self):\n"
        "        print('closed by', threading.current_thread().name, flush=True)\n"
        "        super().close()\n"
        "serial.Serial = Serial\n"
        "server.main()"
    )
    server = run(
        python("-c", tell, board.name, "t"), cwd=ROOT / FOLDER, env={"PORT": course.free_port()}
    )
    server.expect("other devices: ")
    assert server.stop() == 0
    closers = [line for line in server.output.splitlines() if line.startswith("closed by")]
    assert closers[0] != "closed by MainThread"


def test_exit_in_the_lesson_ends_the_program(run, board, connect):
    """The thread that reads the board keeps nothing alive."""
    lesson = (
        "import sys; sys.path.insert(0, ''); import server\n"
        "def new_client(client, server):\n"
        "    sys.exit('enough for today')\n"
        "server.new_client = new_client\n"
        "server.main()"
    )
    port = course.free_port()
    server = run(python("-c", lesson, board.name), cwd=ROOT / FOLDER, env={"PORT": port})
    server.expect("other devices: ")
    connect(f"ws://127.0.0.1:{port}")
    assert server.wait() == 1
    assert server.errors == "enough for today\n"


def test_nothing_is_printed_after_the_end(listen, board):
    """The thread has ended when the server says so, also in a flood."""
    server, client = listen(board.name, "t")
    ended = threading.Event()

    def flood():
        with contextlib.suppress(OSError):
            while not ended.is_set():
                os.write(board.here, b"x\n" * 100)

    os.set_blocking(board.here, False)
    with meanwhile(flood):
        hear(client, 100)
        client.close()
        assert server.stop() == 0
        ended.set()
    assert server.output.endswith("Server stopped.\n")


@pytest.fixture
def unread(board, connect):
    """A server whose lines nobody reads any more, as a Popen, and a client that is in."""
    port = course.free_port()
    with subprocess.Popen(
        python("server.py", board.name, "t"),
        cwd=ROOT / FOLDER,
        text=True,
        env=dict(os.environ, PORT=str(port)),
        stdout=subprocess.PIPE,
    ) as server:
        try:
            while "Ctrl-C" not in server.stdout.readline():
                pass
            client = connect(f"ws://127.0.0.1:{port}")
            while "New Connection" not in server.stdout.readline():
                pass
            board.print(b"half\n")
            yield server, client
        finally:
            server.kill()


def test_closed_terminal(unread, board):
    """The browsers still get their lines when the window with the server is gone."""
    server, client = unread
    server.stdout.close()
    for _ in range(3):
        board.print(b"1\n")
        assert hear(client, 1) == ["1"]


def test_lines_arrive_while_the_terminal_stands_still(unread, board):
    """Nobody reads what the server prints: the browsers still get each line."""
    _, client = unread
    with meanwhile(board.print, (b"x" * 99 + b"\n") * 5001):
        assert hear(client, 5001) == ["x" * 99] * 5001


def test_write(listen, board):
    """Each message is one line for the board; bytes go as they are; the answer comes back."""
    server, client = listen(board.name, "t", "--write")
    client.send("on")
    client.send("two\r\nlines ä")
    client.send(b"\x00\xff")
    expected = b"on\n" + "two lines ä\n".encode() + b"\x00\xff"
    assert board.read(len(expected)) == expected
    server.expect("^127.0.0.1: on$")
    board.print(b"half\nis on\n")
    assert hear(client, 1) == ["is on"]


def test_nothing_is_written_without_the_option(listen, board):
    server, client = listen(board.name, "t")
    client.send("on")
    server.expect("^127.0.0.1: on$")
    client.ping().wait(PATIENCE)
    os.set_blocking(board.here, False)
    with pytest.raises(BlockingIOError):
        os.read(board.here, 1)


def test_write_to_a_board_that_is_gone(listen, board):
    server, client = listen(board.name, "t", "--write")
    board.unplug()
    server.expect("is gone")
    client.send("on")
    server.expect("^The board did not get that: ")
    board.plug()
    server.expect("is back")
    client.send("off")
    assert board.read(4) == b"off\n"


def test_write_to_a_board_that_does_not_listen(listen, board):
    """It costs the writer a second, and the others nothing."""
    server, client = listen(board.name, "t", "--write")
    client.send("x" * 1_000_000)
    server.expect("^The board did not get that: ")
    board.print(b"half\nstill here\n")
    assert hear(client, 1) == ["still here"]


def test_lines_of_two_writers_do_not_mix(start_server, board, join):
    """A long line takes several writes: no other line gets into it."""
    server = start_server(FOLDER, board.name, "t", "--write")
    letters = "abcd"
    for letter in letters:
        join(server).send(frame(TEXT, letter * 20_000) * 5)
    lines = board.read(4 * 5 * 20_001).splitlines()
    assert sorted(lines) == sorted(letter.encode() * 20_000 for letter in letters * 5)


def test_port_is_not_closed_under_a_writer(lesson):
    """While somebody writes, closing waits: the writer would meet a port that is no more."""
    began, may_end, events = threading.Event(), threading.Event(), []

    def write(data):
        began.set()
        may_end.wait(PATIENCE)
        events.append("written")

    port = types.SimpleNamespace(write=write, close=lambda: events.append("closed"))
    board = lesson.serial_help.Board(port, types.SimpleNamespace(baud=9600, binary=False))
    with meanwhile(board.write, b"on"):
        assert began.wait(PATIENCE)
        with meanwhile(board.close):
            time.sleep(0.1)  # time to close it, if nothing kept it from that
            may_end.set()
    assert events == ["written", "closed"]


def test_whatever_goes_wrong_while_the_board_is_away(lesson, capsys):
    """pyserial raises termios.error too, which is no OSError: the search for the board goes on."""
    reasons = [OSError("not there"), ValueError("half there")]

    def come_back():
        if reasons:
            raise reasons.pop()

    port = types.SimpleNamespace(port="COM3", close=lambda: None, open=come_back)
    board = lesson.serial_help.Board(port, types.SimpleNamespace(baud=9600, binary=False))
    board.wait_until_it_is_back()
    assert not reasons and capsys.readouterr().out.endswith("COM3 is back.\n")


def test_sketch_of_the_lamp_compiles(tmp_path):
    """The README's solution for the board, against the headers of the tests' own board."""
    blocks = solution(ROOT / FOLDER / "README.md", "Combine: a lamp for your friends")
    sketch = next(block.text for block in blocks if block.kind == "cpp")
    file = tmp_path / "lamp.cpp"
    file.write_text(f"#include <Arduino.h>\n{sketch}")
    words = ["-std=gnu++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only"]
    headers = TESTS / "support" / "arduino_host"
    done = subprocess.run(
        [need("g++"), *words, "-I", headers, file], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
