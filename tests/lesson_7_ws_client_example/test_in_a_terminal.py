"""The client in a terminal: somebody types and reads."""

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


def test_terminal_that_stands_still_stops_only_itself(start_server, connect, terminal):
    """Ctrl-S stops the output; the others go on, and what came meanwhile is shown after Ctrl-Q."""
    server = start_server(HTTP)
    window = terminal(client(server.url))
    window.expect_exact("Server said: Hello")
    window.send("\x13")
    speaker = connect(server.url)
    for number in range(3000):
        speaker.send(f"{number} " + "x" * 100)
        assert speaker.recv(PATIENCE).startswith(f"{number} ")
    window.send("\x11")
    for number in range(3000):
        window.expect_exact(f"Server said: {number} x")
    window.send("\x03")
    said, status = ends(window)
    assert said.endswith("Disconnected.") and status == 0
