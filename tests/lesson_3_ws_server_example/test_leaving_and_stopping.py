"""However clients leave and however the server is stopped: said once, and nothing is left."""

import signal

import pytest
from course import SERVERS, posix_only, python
from wire import Wire, frame, gather, meanwhile, served

CHATS = ["ws_server_example", "http_ws_server_example"]


CLIENT = """
import sys, websockets.sync.client
with websockets.sync.client.connect(sys.argv[1], proxy=None, compression=None) as client:
    print("in", flush=True)
    for message in client:
        pass
"""


@posix_only
def test_one_frozen_and_one_killed_among_ten(start_server, run, join):
    """2,000 messages of 1 KiB reach the other eight, in order, with nothing missing.

    The frozen one has not lost anything either, once it reads again.
    """
    server = start_server("http_ws_server_example", settings={"PING_AFTER": 1000})
    frozen = join(server, receive_buffer=4096)
    victim = run(python("-c", CLIENT, server.url))
    victim.expect("in")
    others = [join(server) for _ in range(8)]
    messages = [f"{number:1024}" for number in range(2000)]
    sent = [frame(1, message) for message in messages]
    expected = b"".join(map(served, messages))

    def speak():
        others[0].send(b"".join(sent[:1000]))
        victim.process.kill()
        others[0].send(b"".join(sent[1000:]))

    with meanwhile(speak):
        assert gather(others, len(expected))[0] == [expected] * 8
    assert gather([frozen], len(expected))[0] == [expected]
    server.expect("connection closed")
    for client in [frozen, *others]:
        client.close()
        server.expect("connection closed")
    assert server.stop() == 0
    assert server.output.count("connection closed") == 10


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
@pytest.mark.parametrize("folder", SERVERS)
@posix_only
def test_stop(start_server, join, folder, number):
    """Everybody is told with 1001, one line is printed, the exit code is 0, the port is free."""
    server = start_server(folder)
    join(server, path=None)  # it never sends its request
    clients = [join(server) for _ in range(3)]
    server.process.send_signal(number)
    assert [client.ending() for client in clients] == [1001] * 3
    for client in clients:
        client.close()
    assert server.wait() == 0
    if folder in CHATS:
        assert server.output.endswith("Server stopped.\n")
    assert server.output.count("Server stopped.") == 1
    assert server.errors == ""
    again = start_server(folder, port=server.port)
    join(again)


@pytest.mark.parametrize(
    "first, second",
    [
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGINT, signal.SIGTERM),
        (signal.SIGTERM, signal.SIGINT),
    ],
)
@posix_only
def test_stop_while_a_message_is_under_way(start_server, join, first, second):
    """A client that does not read does not keep the server from stopping, nor does impatience."""
    server = start_server("http_ws_server_example")
    join(server, receive_buffer=4096)
    with Wire(server.port) as speaker:
        for _ in range(10):
            speaker.say(b"x" * 1_000_000)
            speaker.hear()
        server.process.send_signal(first)
        assert speaker.ending() == 1001
        server.process.send_signal(second)
    assert server.wait() == 0
    assert server.errors == ""


@posix_only
def test_stop_at_once(start_server):
    """Ctrl-C right after the first line is no different."""
    for _ in range(5):
        server = start_server()
        assert server.stop() == 0
        assert server.errors == ""
