"""Clients that stand still: silent, frozen, half open, slow to read. They are dropped in time,
and only they."""

import contextlib
import os
import signal
import time

import psutil
import pytest
from course import PATIENCE, python
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
posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows can't stop a process for a while")


def test_connections_that_say_nothing(start_server):
    """200 of them, as browsers open in advance: others get in, and their threads end in time."""
    server = start_server(HTTP, settings={"REQUEST_TIME": 1})
    silent = [Wire(server.port, path=None) for _ in range(200)]
    with Wire(server.port) as one, Wire(server.port) as two:
        two.sync()
        talk(one, two)
        for client in silent:
            assert client.is_at_end()
        talk(one, two)
    is_idle(server)
    for client in silent:
        client.close()


@posix_only
def test_more_silent_connections_than_there_may_be(start_server):
    """They can't take all the threads: there is an end to it, and room again once they are gone."""
    allow_many_sockets(1000)
    server = start_server(HTTP, settings={"MAX_CLIENTS": 10})
    one = Wire(server.port)
    one.sync()
    for _ in range(2):
        silent = [Wire(server.port, path=None) for _ in range(600)]
        assert silent[-1].is_at_end()
        talk(one)
        for client in silent:
            client.close()
        wait_until(lambda: threads(server) == ALWAYS_THERE + 1, "threads are left over")
    with Wire(server.port) as two:
        two.sync()
        talk(one, two)
    one.close()


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
    server = start_server(HTTP, settings={"PING_AFTER": 0.5})
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


def test_silence(start_server):
    """A ping after a while without a byte; who answers stays, who does not is dropped."""
    server = start_server(HTTP, settings={"PING_AFTER": 0.3})
    with Wire(server.port) as mute, Wire(server.port) as polite:
        pings = 0
        begun = time.monotonic()
        assert mute.read()[0] == PING
        assert time.monotonic() - begun > 0.25
        with meanwhile(mute.ending):
            while pings < 4:
                opcode, payload = polite.read()
                assert opcode == PING
                pings += 1
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


def test_slow_client_is_dropped_and_only_that_one(start_server):
    """What waits for a client that does not read is bounded; over the bound it has to go."""
    server = start_server(HTTP, settings={"MAX_BACKLOG": 2_000_000})
    stalled = Wire(server.port, receive_buffer=4096)
    stalled.sync()
    with Wire(server.port) as speaker, Wire(server.port) as listener:
        listener.sync()
        message = os.urandom(100_000)
        for _ in range(1000):
            speaker.say(message)
            assert speaker.hear() == listener.hear() == message
            if "connection closed" in server.output:
                break
        else:
            pytest.fail("nobody was dropped")
        talk(speaker, listener)
        assert server.output.count("connection closed") == 1
        stalled.ending()
    assert server.errors == ""
    is_idle(server)


def test_slow_client_below_the_bound_gets_everything(start_server):
    """A tab that was asleep for a while has missed nothing, and has it in order."""
    server = start_server(HTTP)
    sleeper = Wire(server.port, receive_buffer=4096)
    sleeper.sync()
    # The big ones are more than a system takes at once: they go out in parts.
    messages = [os.urandom(300_000) for _ in range(10)] + [os.urandom(6_000_000) for _ in range(2)]
    with Wire(server.port) as speaker:
        for message in messages:
            speaker.say(message)
            assert speaker.hear() == message
        for message in messages:
            assert sleeper.hear() == message
        talk(speaker, sleeper)
    sleeper.close()
    is_idle(server)


def test_memory_for_stalled_readers_is_shared(start_server):
    """Five clients that do not read cost the message once, not five times."""
    server = start_server(HTTP)
    process = psutil.Process(server.process.pid)
    stalled = [Wire(server.port, receive_buffer=4096) for _ in range(5)]
    for client in stalled:
        client.sync()
    with Wire(server.port) as speaker:
        message = bytes(1_000_000)
        for _ in range(14):
            speaker.say(message)
            speaker.hear()
        grown = process.memory_info().rss / 1e6
        assert grown < 90
    for client in stalled:
        client.close()


def test_one_who_asks_and_does_not_read(start_server):
    """Pongs for a client that never reads are bounded, too."""
    server = start_server(HTTP, settings={"MAX_BACKLOG": 500_000})
    with Wire(server.port, receive_buffer=4096) as client, Wire(server.port) as healthy:
        healthy.sync()
        pings = frame(PING, b"x" * 125) * 2000
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                client.send(pings)
                if "connection closed" in server.output:
                    break
        server.expect("connection closed")
        talk(healthy)


def test_who_talks_on_after_a_close_is_cut_off(start_server):
    """Reading on until the client hangs up has an end, even if it never stops sending."""
    server = start_server(HTTP, settings={"CLOSE_TIME": 0.3})
    client = Wire(server.port)
    client.send(b"\xff\xff")
    end = time.monotonic() + PATIENCE
    with pytest.raises(ConnectionError):
        while time.monotonic() < end:
            client.send(bytes(1000))
    client.close()
