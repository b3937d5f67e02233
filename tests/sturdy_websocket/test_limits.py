"""The limits at the top of sturdy_websocket.py, with small numbers."""

import contextlib
import socket
import time

import course
import pytest
from course import ROOT, python
from wire import CONT, TEXT, Wire, frame, request

HTTP = "http_ws_server_example"


def test_more_clients_than_there_may_be(start_server, join):
    """The one too many is told 503; there is room again when one has left."""
    server = start_server(settings={"MAX_CLIENTS": 3})
    clients = [join(server) for _ in range(3)]
    with Wire(server.port) as client:
        assert client.status == 503
        assert "3" in client.read_body(client.headers).decode()
    clients[0].close()
    server.expect("connection closed")
    join(server)
    for client in clients[1:]:
        client.sync()


def test_limit_of_a_message(start_server):
    server = start_server(HTTP, settings={"MAX_MESSAGE": 1000})
    with Wire(server.port) as client:
        client.say(b"x" * 1000)
        assert client.hear() == b"x" * 1000
        client.send(frame(TEXT, "x" * 600, False) + frame(CONT, "x" * 400))
        assert client.hear() == "x" * 1000
        client.say("x" * 1001)
        assert client.ending() == 1009


def test_request_that_drips(start_server, left, join):
    """A request has its time in all, however it comes: byte by byte, or not at all.

    So does the one after a page, on the same connection.
    """
    server = start_server(HTTP, settings={"REQUEST_TIME": 0.5})
    before = left(server)
    half, drip, second = (join(server, path=None) for _ in range(3))
    half.send(request()[:-1])
    second.send(b"GET /styles.css HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert second.read_head()[0] == 200
    end, dripping = time.monotonic() + course.PATIENCE, [drip, second]
    for client in dripping:
        client.send(b"GET / HTTP/1.1\r\nX: ")
    while dripping:
        assert time.monotonic() < end, "it may drip for ever"
        for client in dripping[:]:
            try:
                client.send(b"x")
            except ConnectionError:
                dripping.remove(client)
        time.sleep(0.02)
    assert half.is_at_end()
    before.over()


def test_a_frame_may_take_its_time(start_server):
    """The time of a request is not the time of a frame: a board is allowed to be slow."""
    server = start_server(HTTP, settings={"REQUEST_TIME": 1})
    with Wire(server.port) as client:
        slow = frame(TEXT, "slow and steady " * 8)
        client.socket.settimeout(0.01)
        for byte in slow[:-1]:
            client.send(bytes([byte]))
            with contextlib.suppress(socket.timeout):
                pytest.fail(f"the server sent {client.socket.recv(1)}")
        client.socket.settimeout(course.PATIENCE)
        client.send(slow[-1:])
        assert client.hear() == "slow and steady " * 8


FILES = """
import sys, types
sys.path.insert(0, sys.argv[1])
soft, hard = map(int, sys.argv[2:])
sys.modules["resource"] = types.SimpleNamespace(
    RLIMIT_NOFILE=7, RLIM_INFINITY=-1, getrlimit=lambda what: (soft, hard),
    setrlimit=lambda what, limits: print("set to", *limits))
from server_help import allow_many_files
allow_many_files(2000)
"""


@pytest.mark.parametrize(
    "soft, hard, said",
    [
        (256, -1, "set to 2000 -1\n"),
        (256, 4096, "set to 2000 4096\n"),
        (256, 1000, "set to 1000 1000\n"),
        (4096, -1, ""),
        (-1, -1, ""),
    ],
)
def test_limit_of_open_files_is_raised_as_far_as_it_goes(run, soft, hard, said):
    """The soft limit of a process, up to the hard one; -1 is none, as on macOS."""
    program = run(python("-c", FILES, ROOT / "ws_server_example", soft, hard))
    assert program.wait() == 0
    assert program.output == said
