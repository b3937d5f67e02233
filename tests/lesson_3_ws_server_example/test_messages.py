"""What everybody gets of a message, what the terminal shows of it, and how the server stops."""

import os
import signal
import sys

import pytest
import websocket
from course import PATIENCE, SERVERS, posix_only
from wire import Wire

CHATS = ["ws_server_example", "http_ws_server_example"]
STOPS = [(signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT)]


def test_ws_server_prints_and_sends_what_is_said(start_server, connect):
    """The `websockets` package and `websocket-client` talk to each other through the server."""
    server = start_server()
    one = connect(server.url)
    server.expect(r"^New Connection: 127\.0\.0\.1 \(1 here\)$")
    two = websocket.create_connection(server.url, timeout=PATIENCE, http_no_proxy=["*"])
    server.expect(r"^New Connection: 127\.0\.0\.1 \(2 here\)$")
    one.send('He said "hello"\n')
    assert one.recv(PATIENCE) == two.recv() == '"127.0.0.1: He said \\"hello\\"\\n"'
    two.send("grüß dich 🙂")
    assert one.recv(PATIENCE) == two.recv() == '"127.0.0.1: grüß dich 🙂"'
    server.expect("^127.0.0.1: grüß dich 🙂$")
    one.close()
    server.expect(r"^connection closed: 127\.0\.0\.1 \(1 here\)$")
    two.close()
    server.expect(r"^connection closed: 127\.0\.0\.1 \(0 here\)$")


@pytest.mark.parametrize("folder", CHATS)
def test_all_addresses_of_this_computer(start_server, folder):
    """ws://localhost, ws://127.0.0.1 and ws://[::1] all lead in; IPv4 addresses look like IPv4."""
    server = start_server(folder)
    ipv6 = not sys.platform.startswith("linux") or os.path.exists("/proc/net/if_inet6")
    hosts = ["localhost", "127.0.0.1", *(["::1"] if ipv6 else [])]
    for host in hosts:
        with Wire(server.port, host=host) as client:
            client.say("hello")
            assert client.hear()
        server.expect(f"^{'127.0.0.1' if host == 'localhost' else host}: hello$")
    assert "::ffff" not in server.output


@pytest.mark.parametrize("folder", CHATS)
def test_terminal_stays_readable(start_server, folder):
    """A long message is cut, and no character moves the cursor or stops a poor terminal."""
    server = start_server(folder, PYTHONIOENCODING="ascii")
    with Wire(server.port) as client:
        client.say("grüß 🙂")
        assert "grüß 🙂" in client.hear()
        client.say("x" * 100)
        server.expect("^127.0.0.1: x{100}\n")
        client.say("x" * 100_000)
        line = server.expect("^127.0.0.1: x.*\n")[0]
        assert len(line) < 200 and "100000" in line
        client.hear(), client.hear()
        client.say(b"\x00" * 3000)
        assert "3000 bytes" in server.expect("^127.0.0.1: .*\n")[0]
        # A photo doesn't become millions of characters for every page.
        assert len(client.hear()) <= 3000
        client.say("one\ntwo\r\x1b[2J\x07\b\x9b\u2028\u202e")
        line = server.expect("^127.0.0.1: .*\n")[0]
        assert line.strip("\n").isprintable() and "one" in line and "two" in line


@pytest.mark.parametrize("first, second", STOPS, ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("folder", SERVERS)
@posix_only
def test_stop(start_server, join, folder, first, second):
    """Everybody is told with 1001, one line is printed, the exit code is 0, the port is free.

    Neither a client that doesn't read nor impatience changes that.
    """
    server = start_server(folder)
    join(server, path=None)  # it never sends its request
    frozen = join(server, receive_buffer=4096)
    clients = [join(server) for _ in range(3)]
    if folder == "http_ws_server_example":
        for _ in range(10):
            clients[0].say(b"x" * 1_000_000)
            clients[0].hear()
    server.process.send_signal(first)
    assert [client.ending() for client in clients] == [1001] * 3
    for client in clients:
        client.close()
    server.process.send_signal(second)
    assert server.wait() == 0
    frozen.close()
    assert server.output.count("Server stopped.") == 1
    assert server.errors == ""
    join(start_server(folder, port=server.port))
