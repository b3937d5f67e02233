"""The cable that is pulled out, the end of the program, and what clients send to the board."""

import os

import pytest
from course import PATIENCE
from serial_board import FOLDER, hear, hear_until, run_with, silence
from wire import TEXT, frame


def test_unplugged_and_back_three_times(listen, board):
    """The client stays, and hears the board again as soon as it is back under its name.

    Two halves of a line, from before and after, are not put together.
    """
    server, client = listen(board.name, "t")
    silence()
    for number in range(3):
        board.print(b"before %d\n51" % number)
        hear_until(client, f"before {number}")
        board.unplug()
        server.expect("is gone: is the cable unplugged")
        client.ping().wait(PATIENCE)
        board.plug()
        server.expect("is back")
        silence()
        board.print(b"2\nafter %d\n" % number)
        assert hear(client, 2) == ["2", f"after {number}"]
    assert "connection closed" not in server.output
    board.unplug()
    server.expect("is gone")
    assert server.stop() == 0


def test_whatever_goes_wrong_while_the_board_is_away(run, board):
    """pyserial raises termios.error too, which is no OSError: the search for the board goes on."""
    change = """
import itertools, termios
usual_open, count = serial.Serial.open, itertools.count()
def open_port(port):
    if next(count) == 1:
        raise termios.error(5, "half there")
    usual_open(port)
serial.Serial.open = open_port
"""
    server = run_with(run, change, board.name, "t")
    server.expect("Ctrl-C")
    board.unplug()
    server.expect("is gone")
    board.plug()
    server.expect("is back")


def test_write(listen, board):
    """Each message is one line for the board; bytes go as they are; the answer comes back."""
    server, client = listen(board.name, "t", "--write")
    client.send("on")
    client.send("two\r\nlines ä")
    client.send(b"\x00\xff")
    expected = b"on\n" + "two lines ä\n".encode() + b"\x00\xff"
    assert board.read(len(expected)) == expected
    server.expect("^127.0.0.1: on$")
    silence()
    board.print(b"is on\n")
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
    server.expect("^The board didn't get that: ")
    board.plug()
    server.expect("is back")
    client.send("off")
    assert board.read(4) == b"off\n"


def test_write_to_a_board_that_does_not_listen(listen, board):
    """It costs the writer a second, and the others nothing."""
    server, client = listen(board.name, "t", "--write")
    client.send("x" * 1_000_000)
    server.expect("^The board didn't get that: ")
    board.print(b"still here\n")
    assert hear(client, 1) == ["still here"]


def test_lines_of_two_writers_do_not_mix(start_server, board, join):
    """A long line takes several writes: no other line gets into it."""
    server = start_server(FOLDER, board.name, "t", "--write")
    letters = "abcd"
    for letter in letters:
        join(server).send(frame(TEXT, letter * 20_000) * 5)
    lines = board.read(4 * 5 * 20_001).splitlines()
    assert sorted(lines) == sorted(letter.encode() * 20_000 for letter in letters * 5)
