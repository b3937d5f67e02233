"""Clients that stand still: silent, frozen, half open. They are dropped in time, and only they."""

import signal
import time

from course import posix_only, python
from wire import (
    ALWAYS_THERE,
    PING,
    PONG,
    TEXT,
    Wire,
    allow_many_sockets,
    frame,
    is_idle,
    meanwhile,
    talk,
    threads,
    wait_until,
)

HTTP = "http_ws_server_example"


def test_connections_that_say_nothing(start_server, join):
    """200 of them, as browsers open in advance: others get in, and their threads end in time."""
    server = start_server(HTTP, settings={"REQUEST_TIME": 1})
    silent = [join(server, path=None) for _ in range(200)]
    with Wire(server.port) as one, Wire(server.port) as two:
        two.sync()
        talk(one, two)
        for client in silent:
            assert client.is_at_end()
        talk(one, two)
    is_idle(server)


@posix_only
def test_more_silent_connections_than_there_may_be(start_server, join):
    """They can't take all the threads: there is an end to it, and room again once they are gone."""
    allow_many_sockets(1000)
    server = start_server(HTTP, settings={"MAX_CLIENTS": 10})
    one = join(server)
    for _ in range(2):
        silent = [Wire(server.port, path=None) for _ in range(600)]
        assert silent[-1].is_at_end()
        talk(one)
        for client in silent:
            client.close()
        wait_until(lambda: threads(server) == ALWAYS_THERE + 1, "threads are left over")
    talk(one, join(server))


FROZEN = """
import sys, websockets, websockets.sync.client
with websockets.sync.client.connect(sys.argv[1], proxy=None, compression=None) as client:
    print("in", flush=True)
    try:
        while True:
            print("got", client.recv(), flush=True)
    except websockets.ConnectionClosed:
        pass
"""


@posix_only
def test_half_open(start_server, run):
    """A computer that is gone without a word is found out by its silence; a healthy one stays.

    The client is a stopped process: its system still takes what is sent, but nobody answers.
    """
    server = start_server(HTTP, settings={"PING_AFTER": 1})
    gone, healthy = run(python("-c", FROZEN, server.url)), run(python("-c", FROZEN, server.url))
    gone.expect("in")
    healthy.expect("in")
    gone.process.send_signal(signal.SIGSTOP)
    server.expect("connection closed")
    with Wire(server.port) as client:
        client.say("who is there?")
        healthy.expect("got who is there?")
    server.expect("connection closed")
    gone.process.send_signal(signal.SIGCONT)
    assert healthy.process.poll() is None
    assert server.output.count("connection closed") == 2


def test_silence(start_server, join):
    """A ping after a while without a byte; who answers stays, who does not is dropped."""
    server = start_server(HTTP, settings={"PING_AFTER": 1})
    mute, polite = join(server), join(server)
    begun = time.monotonic()
    assert mute.read()[0] == PING
    assert time.monotonic() - begun > 0.5
    with meanwhile(mute.ending):
        for _ in range(3):
            opcode, payload = polite.read()
            assert opcode == PING
            polite.send(frame(PONG, payload))
    assert mute.is_at_end()
    server.expect("connection closed")
    assert server.output.count("connection closed") == 1
    polite.sync()


def test_talking_is_no_silence(start_server):
    """Who sends gets no pings, and who only sends half frames now and then is there, too."""
    server = start_server(HTTP, settings={"PING_AFTER": 0.4})
    with Wire(server.port) as client:
        for byte in frame(TEXT, "0123456789"):
            client.send(bytes([byte]))
            time.sleep(0.1)
        opcode, payload = client.read()
        while opcode == PING:  # a busy machine may have been slower than the ping
            opcode, payload = client.read()
        assert (opcode, payload) == (TEXT, b"0123456789")
