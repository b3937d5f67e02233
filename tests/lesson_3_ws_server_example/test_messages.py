"""Talking: what everybody gets, and what the terminal shows of it."""

import json
import os

import pytest
import websocket
from course import PATIENCE
from wire import Wire, frame

CHATS = ["ws_server_example", "http_ws_server_example"]


def test_ws_server_prints_and_sends_what_is_said(start_server, connect):
    """The `websockets` package and `websocket-client` talk to each other through the server."""
    server = start_server()
    one = connect(server.url)
    two = websocket.create_connection(server.url, timeout=PATIENCE, http_no_proxy=["*"])
    server.expect("New Connection(.*\n)+New Connection")
    one.send('He said "hello"\n')
    assert one.recv(PATIENCE) == two.recv() == '"127.0.0.1: He said \\"hello\\"\\n"'
    two.send("grüß dich 🙂")
    assert one.recv(PATIENCE) == two.recv() == '"127.0.0.1: grüß dich 🙂"'
    server.expect("^127.0.0.1: grüß dich 🙂$")
    one.close()
    two.close()
    server.expect("connection closed(.*\n)*connection closed")


def test_ws_server_tells_the_size_of_binary_data(start_server, connect):
    """A photo doesn't become 15 million characters for every page."""
    server = start_server()
    client = connect(server.url)
    client.send(bytes(10_000_000))
    assert json.loads(client.recv(PATIENCE)) == "127.0.0.1: (10000000 bytes)"
    server.expect(r"^127.0.0.1: \(10000000 bytes\)$")


@pytest.mark.parametrize(
    "message",
    [
        "text",
        "",
        "grüß dich 🙂",
        b"binary",
        b"",
        bytes(range(256)),
        "x" * 1_000_000,
        b"\xff\x00" * 500_000,
    ],
    ids=lambda message: f"{type(message).__name__}-{len(message)}",
)
def test_http_server_sends_everything_as_it_came(start_server, connect, message):
    """Text comes back as text, binary as binary, to the speaker and to the others."""
    server = start_server("http_ws_server_example")
    one, two = connect(server.url), connect(server.url)
    server.expect("New Connection(.*\n)+New Connection")
    one.send(message)
    assert one.recv(PATIENCE) == two.recv(PATIENCE) == message


@pytest.mark.parametrize("folder", CHATS)
def test_all_addresses_of_this_computer(start_server, folder):
    """ws://localhost, ws://127.0.0.1 and ws://[::1] all lead in; IPv4 addresses look like IPv4."""
    server = start_server(folder)
    hosts = ["localhost", "127.0.0.1"]
    try:
        Wire(server.port, path=None, host="::1").close()
        hosts.append("::1")
    except OSError:
        if os.path.exists("/proc/net/if_inet6"):
            raise
    for host in hosts:
        with Wire(server.port, host=host) as client:
            client.say("hello")
            assert client.hear()
        server.expect(f"^{'127.0.0.1' if host == 'localhost' else host}: hello$")
    assert "::ffff" not in server.output


@pytest.mark.parametrize("folder", CHATS)
def test_terminal_stays_readable(start_server, folder):
    """A long message is cut, a binary one is its size, and no sign moves the cursor."""
    server = start_server(folder)
    with Wire(server.port) as client:
        client.say("short")
        server.expect("^127.0.0.1: short\n")
        client.say("x" * 100)
        server.expect("^127.0.0.1: x{100}\n")
        client.say("x" * 100_000)
        line = server.expect("^127.0.0.1: x.*\n")[0]
        assert len(line) < 200 and "100000" in line
        client.say(b"\x00" * 3000)
        assert "3000 bytes" in server.expect("^127.0.0.1: .*\n")[0]
        client.say("one\ntwo\r\x1b[2J\x07\b\x9b\u2028\u202e")
        line = server.expect("^127.0.0.1: .*\n")[0]
        assert line.strip("\n").isprintable() and "one" in line and "two" in line
        client.say("last")
        server.expect("^127.0.0.1: last\n")


def test_lines_of_many_clients_do_not_mix(start_server, join):
    """Each client has its thread, and each thread prints whole lines."""
    server = start_server()
    clients = [join(server) for _ in range(10)]
    for _ in range(10):
        for client in clients:
            client.send(b"".join(frame(1, f"line {number}") for number in range(20)))
    for client in clients:
        client.sync()
        client.close()
    for _ in clients:
        server.expect("connection closed")
    assert server.stop() == 0
    lines = server.output.splitlines()
    assert set(lines[5 if "Arduino" in server.output else 3 :]) == {
        "New Connection",
        "connection closed",
        "Server stopped.",
        *(f"127.0.0.1: line {number}" for number in range(20)),
    }
    assert sum("line" in line for line in lines) == 2000


def test_terminal_that_can_not_show_a_sign(start_server):
    """A terminal without emoji does not stop the lesson."""
    server = start_server(PYTHONIOENCODING="ascii")
    with Wire(server.port) as client:
        client.say("grüß 🙂")
        assert client.hear() == '"127.0.0.1: grüß 🙂"'
        client.say("still here")
        assert client.hear() == '"127.0.0.1: still here"'
    server.expect("^127.0.0.1: still here\n")
