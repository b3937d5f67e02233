"""What a board prints: lines, text as it comes, bytes, noise, floods."""

import contextlib
import sys
import time
import types
from unittest import mock

import psutil
import pytest
from course import PATIENCE, ROOT, free_port
from hypothesis import given
from hypothesis import strategies as some
from serial_board import FOLDER, hear, hear_until
from terminals import read_blocks
from wire import gather, meanwhile, served


def test_lines_in_any_pieces(listen, board):
    """Half a line at first is dropped; then each line comes once and whole, with either end."""
    server, client = listen(board.name, "t")
    pieces = b"tail of a li|ne\r\n|5|12\r|\nhel|lo|\n|\xc3|\xa4\r\n\r\na|\tb\n|cr\rin it\n|end\n"
    for piece in pieces.split(b"|"):
        board.print(piece)
        time.sleep(0.01)  # so that the reads fall apart; whole is right, however they fall
    assert hear(client, 7) == ["512", "hello", "ä", "", "a\tb", "cr\rin it", "end"]
    server.expect("^hello$")
    assert "tail" not in server.output


def lines_of(data, limit):
    """Returns the lines that have to arrive: by the rules, not by the server's way to them."""
    *lines, rest = data.split(b"\n")
    cut = [line[i : i + limit] for line in lines for i in range(0, max(len(line), 1), limit)]
    cut += [rest[i : i + limit] for i in range(0, len(rest) - limit, limit)]
    return [line.decode("utf-8", "replace").rstrip("\r") for line in cut[1:]]


@given(
    text=some.text("ab\r\n\n\nä😀", max_size=100),
    cuts=some.sets(some.integers(0, 200), max_size=20),
    limit=some.integers(4, 12),
)
def test_lines_do_not_depend_on_the_cuts(lesson, text, cuts, limit):
    """However the reads fall, even inside a letter, the lines are the same, none over the limit."""
    data = text.encode()
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[start:end] for start, end in zip(edges, edges[1:])]
    options = types.SimpleNamespace(lines=True)
    board = types.SimpleNamespace(pieces=lambda: iter(pieces))
    with mock.patch.object(lesson.server, "MAX_LINE", limit):
        heard = list(lesson.server.messages_from(board, options))
    assert heard == lines_of(data, limit)


def test_raw_text_keeps_letters_whole(listen, board):
    """Without a line mode everything is passed on as it comes, but no letter in halves."""
    server, client = listen(board.name)
    letters = "ä€😀".encode()
    for i in range(len(letters)):
        board.print(letters[i : i + 1])
        time.sleep(0.01)
    board.print(b"\r\n")
    heard = ""
    while not heard.endswith("\r\n"):  # the end may come together with the last letter
        heard += client.recv(timeout=PATIENCE)
    assert heard == "ä€😀\r\n"


def test_binary_is_untouched(listen, board):
    server, client = listen(board.name, "--binary")
    data = bytes(range(256)) * 4
    with meanwhile(board.print, data):
        heard = b""
        while len(heard) < len(data):
            message = client.recv(timeout=PATIENCE)
            assert isinstance(message, bytes)
            heard += message
    assert heard == data
    server.expect(r"\(\d+ bytes\)")
    assert "unreadable" not in server.output


def test_noise_at_the_start_is_normal(listen, board):
    server, client = listen(board.name, "t")
    board.print(b"\xff\xfe\x00\x80noise\n\xff1\n" + b"512\r\n" * 30 + b"end\n")
    assert hear_until(client, "end") == ["\ufffd1"] + ["512"] * 30 + ["end"]
    assert "baud" not in server.output


@pytest.mark.parametrize(
    "noise", [b"\xff\xff\xe0\n", b"\xfe\x80\x00\xf8"], ids=["lines", "no lines"]
)
def test_wrong_baud_rate_gets_one_hint(listen, board, noise):
    """Most of it is unreadable: one hint, and all is passed on as before."""
    server, client = listen(board.name, "t", "--baud", "115200")
    board.print(noise * 200 + b"\nend\n")
    hear_until(client, "end")
    server.expect(r"Serial\.begin\(\)[^$]*115200")
    for last in ("once more", "and again"):
        board.print(noise * 200 + b"\n%s\n" % last.encode())
        hear_until(client, last)
        server.expect(f"^{last}$")
    assert server.output.count("Serial.begin()") == 1


@pytest.mark.parametrize("bad, good, hint", [(9, 0, False), (5, 5, False), (6, 4, True)])
def test_hint_needs_ten_pieces_and_most_of_them_unreadable(lesson, capsys, bad, good, hint):
    lesson.serial_help.BaudCheck(9600).add(b"\xff\n" * bad + b"1\n" * good)
    assert ("Serial.begin()" in capsys.readouterr().out) == hint


def test_a_million_bytes_without_an_end(listen, board):
    """They arrive cut at 4 KiB, nothing piles up, and the next line is whole."""
    server, client = listen(board.name, "t")
    board.print(b"begin\n")
    before = psutil.Process(server.process.pid).memory_info().rss
    with meanwhile(board.print, b"x" * 1_000_000 + b"\nend\n"):
        heard = hear_until(client, "end")
    assert [len(message) for message in heard[:-2]] == [4096] * (1_000_000 // 4096)
    assert "".join(heard[:-1]) == "x" * 1_000_000
    assert psutil.Process(server.process.pid).memory_info().rss - before < 10_000_000


def test_flood_to_ten_clients(start_server, board, join):
    """100,000 numbered lines reach everyone, all and in order, though one client never reads."""
    server = start_server(FOLDER, board.name, "t", settings={"PING_AFTER": 1000})
    wires = [join(server) for _ in range(10)]
    join(server, receive_buffer=4096)
    lines = [str(number) for number in range(100_000)]
    expected = b"".join(served(line) for line in lines)
    with meanwhile(board.print, "\r\n".join(["half a line", *lines, ""]).encode()):
        received, _ = gather(wires, len(expected))
    assert all(data == expected for data in received)


def test_the_shortest_one_of_the_readme(board, run, connect, tmp_path):
    blocks = read_blocks(ROOT / FOLDER / "README.md")
    short = next(block.text for block in blocks if block.mark("file") == ["shortest_server.py"])
    port = free_port()
    program = tmp_path / "shortest_server.py"
    program.write_text(short.replace("/dev/ttyACM0", board.name).replace("8080", str(port)))
    run([sys.executable, program])
    end = time.monotonic() + PATIENCE
    while True:
        try:
            client = connect(f"ws://127.0.0.1:{port}")
            break
        except OSError:
            assert time.monotonic() < end
    # The package answers before the client is in its list.
    while True:
        board.print(b"512\r\n")
        with contextlib.suppress(TimeoutError):
            assert client.recv(timeout=0.2) == "512"
            break
        assert time.monotonic() < end
