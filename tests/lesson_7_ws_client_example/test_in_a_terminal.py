"""The client in a terminal: somebody types and reads."""

import pytest
from clients import HTTP, WS, client, ends, pipe


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


def test_an_editor_that_puts_its_own_stdin_there(start_server):
    """Thonny's replaces sys.__stdin__ too, and what lies behind it isn't what was typed."""
    words = client(start_server(HTTP).url, PING_EVERY=15)
    stdin = "type('', (), {'isatty': lambda s: True, '__iter__': lambda s: iter(['typed\\n']),"
    stdin += "'fileno': lambda s: 0})()"
    words[-2] = f"import sys; sys.stdin = sys.__stdin__ = {stdin}; {words[-2]}"
    assert pipe(words, b"not typed\n")[:2] == (0, b"typed\n")


def test_a_notebook_is_no_terminal(start_server):
    words = client(start_server(HTTP).url, PING_EVERY=15)
    words[-2] = f"import io, sys; sys.stdout = io.TextIOBase(); {words[-2]}"
    assert pipe(words) == (1, b"", "client.py doesn't work here. Run it in a terminal.\n")


@pytest.mark.parametrize(
    "sign", ["os.environ['PYCHARM_HOSTED'] = ''", "os.environ['MSYSTEM'] = ''",
             "sys.modules['idlelib'] = os"])  # fmt: skip
def test_a_window_that_only_looks_like_a_terminal(start_server, sign):
    words = client(start_server(HTTP).url, PING_EVERY=15)
    words[-2] = f"import os, sys; {sign}; {words[-2]}"
    advice = "This window isn't a real terminal. To chat, run client.py in one.\n"
    assert pipe(words, b"a\n") == (0, b"a\n", advice)


def test_terminal_stays_readable(serve, terminal):
    def handler(connection):
        for message in (b"\0" * 1000, "x" * 500, "x" * 501, "\x1b[2J", "two\nlines", "grün 🎈"):
            connection.send(message)
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
