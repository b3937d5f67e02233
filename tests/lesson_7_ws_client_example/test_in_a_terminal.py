"""The client in a terminal: somebody types and reads."""

import queue
import threading

import pytest
from clients import HTTP, WS, client, ends
from course import PATIENCE


@pytest.mark.parametrize("key", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_terminal(start_server, terminal, key):
    server = start_server(WS)
    window = terminal(client(server.url))
    window.expect_exact(f"Connected to {server.url}. Type a line and press Enter; Ctrl-C ends.")
    window.expect_exact('Server said: "127.0.0.1: Hello"')
    window.sendline("good morning")
    window.expect_exact('Server said: "127.0.0.1: good morning"')
    window.send(key)
    assert ends(window) == ("Disconnected.", 0)
    server.expect("connection closed")


def test_terminal_stays_readable(serve, terminal):
    def handler(connection):
        for message in (b"\0" * 1000, "x" * 500, "x" * 501, "\x1b[2J", "two\nlines", "grün 🎈"):
            connection.send(message)
        connection.recv()
        connection.recv()

    window = terminal(client(serve(handler)))
    for line in ("(1000 bytes)", "x" * 500, "x" * 500 + "… (501 characters)", r"'\x1b[2J'",
                 r"'two\nlines'", "grün 🎈"):  # fmt: skip
        window.expect_exact(f"Server said: {line}\r\n")


def test_keyboard_and_a_pipe(start_server, connect, terminal, tmp_path):
    """In `client.py | tee log.txt` the log has the bare messages, and lines can be typed."""
    server = start_server(HTTP)
    log = tmp_path / "log.txt"
    words = " ".join(f"'{word}'" for word in client(server.url))
    window = terminal(f"{words} | tee '{log}'")
    server.expect("New Connection")
    connect(server.url).send("from somewhere")
    window.expect_exact("from somewhere\r\n")
    window.sendline("typed")
    # Once from the terminal, which shows what is typed, and once from the server.
    window.expect_exact("typed\r\n")
    window.expect_exact("typed\r\n")
    window.send("\x04")
    assert ends(window) == ("Disconnected.", 0)
    assert log.read_text() == "from somewhere\ntyped\n"


def test_pipe_into_a_terminal(start_server, terminal):
    """In `mosquitto_sub | client.py` the messages are bare, and Ctrl-C ends both."""
    server = start_server(HTTP)
    words = " ".join(f"'{word}'" for word in client(server.url))
    window = terminal(f"(echo one; exec cat) | {words}")
    window.expect_exact("one\r\n")
    window.send("\x03")
    assert ends(window)[0] == "Disconnected."
    assert "Hello" not in server.output


def test_terminal_that_stands_still_costs_no_connection(serve, terminal):
    """Ctrl-S stops the output; the client goes on receiving, and says what it left out."""
    stopped, pongs = threading.Event(), queue.Queue()

    def handler(connection):
        connection.send("welcome")
        stopped.wait(PATIENCE)
        for _ in range(20_000):
            connection.send("x" * 1000)
        # The pong comes when all that was sent before has been received.
        pongs.put(connection.ping().wait(PATIENCE))
        for message in connection:
            connection.send(message)

    window = terminal(client(serve(handler, ping_interval=None)))
    window.expect_exact("Server said: welcome")
    window.send("\x13")
    stopped.set()
    assert pongs.get(timeout=2 * PATIENCE)
    window.send("\x11")
    window.expect(r"… (\d+) messages left out: the terminal stood still\.")
    assert int(window.match[1]) > 18_000
    window.sendline("here again")
    window.expect_exact("Server said: here again")
    window.send("\x03")
    assert ends(window) == ("Disconnected.", 0)
