"""What SturdyServer cures when clients leave, stand still or come: each test shows one weakness
of the bare package, and its cure. The rows are numbered in all files test_against_package_*."""

import contextlib
import os
import select
import signal
import socket
import threading

import pytest
from comparison import NOTHING, heard
from wire import allow_many_sockets, request

posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows can't stop a process for a while")


def test_row_01_farewell(compare):
    """That x has left can be said in client_left: the leaver is out of the list by then, so nothing
    raises there, and every later message to all arrives."""

    def probe(server):
        with server.wire() as stay:
            server.expect("in 1")
            for number in (2, 3):
                leaver = server.wire()
                server.expect(f"in {number}")
                leaver.vanish()
                if not server.bare:
                    server.expect(f"left {number}")
            farewells = {heard(stay), heard(stay)}
            stay.say("hello")
            stay.say("again")
            return farewells, heard(stay), heard(stay)

    compare(
        probe,
        ({"bye 2", "bye 3"}, "hello", "again"),
        code="""
def client_left(client, server):
    server.send_message_to_all(f"bye {client['id']}")
    print("left", client["id"])
""",
    )


BROKEN = """
hold = threading.Event()

def message_received(client, server, message):
    # While this client's thread waits here, it can't find out that its client is gone.
    if message == "hold":
        print("holding")
        hold.wait(20)
    else:
        server.send_message_to_all(message)
"""


def test_row_02_broken_connection(compare):
    """A connection that broke a moment ago does not keep a message from the clients after it in the
    list, nor throw the speaker out."""

    def probe(server):
        broken = server.wire()
        server.expect("in 1")
        with server.wire() as speaker, server.wire() as third:
            server.expect("in 2")
            server.expect("in 3")
            broken.say("hold")
            server.expect("holding")
            broken.vanish()
            speaker.say("hello")
            return heard(speaker), heard(third)

    assert compare(probe, ("hello", "hello"), code=BROKEN) == (NOTHING, NOTHING)


def test_row_03_one_that_never_reads(compare):
    """A client that does not read (a paused tab, a sleeping laptop) does not freeze the others."""

    def probe(server):
        stalled = server.wire(receive_buffer=4096)
        server.expect("in 1")
        with server.wire() as speaker:
            server.expect("in 2")
            count = 0
            for _ in range(150):
                speaker.say("x" * 60_000)
                if heard(speaker) == NOTHING:
                    break
                count += 1
        stalled.close()
        return count

    assert compare(probe, 150) < 150


def test_row_04_whole_frames_with_a_timeout(compare):
    """A frame that does not fit into the send buffer at once is not cut, even if the socket has a
    timeout (the cure for a frozen client that comes to mind first)."""

    def probe(server):
        with server.wire(receive_buffer=4096) as client:
            server.expect("in 1")
            client.say("send")
            server.expect("sent")
            got = heard(client), heard(client)
            return len(got[0]), got[1]

    compare(
        probe,
        (8_000_000, "next"),
        code="""
def new_client(client, server):
    client["handler"].connection.settimeout(0.5)
    print("in", client["id"])

def message_received(client, server, message):
    server.send_message(client, "x" * 8_000_000)
    print("sent")
    time.sleep(0.7)
    server.send_message(client, "next")
""",
    )


def test_row_13_client_that_never_was(compare):
    """client_left is called for those who had come in, not with None after a failed handshake."""

    def probe(server):
        for data in (b"", b"GET / HTTP/1.1\r\n\r\n", request(Sec_WebSocket_Key=None)):
            with server.wire(path=None) as client:
                client.send(data)
                client.socket.shutdown(socket.SHUT_WR)
                with contextlib.suppress(OSError):
                    while client.socket.recv(1000):
                        pass
        with server.wire() as client:
            client.say("hello")
            client.hear()
        server.expect("left 1")
        return server.output.count("left"), server.errors

    compare(
        probe,
        (1, ""),
        code="""
def client_left(client, server):
    print("left", client["id"] if client else None)
""",
    )


def test_row_14_silence_before_the_handshake(compare):
    """Who says nothing, or half a header, or a header without an end, is cut off in time."""

    def probe(server):
        starts = [b"", b"GET / HTTP/1.1\r\nHost: lo", b"GET / HTTP/1.1\r\nX: " + b"x" * 500_000]
        clients, ends = [server.wire(path=None) for _ in starts], []
        for client, start in zip(clients, starts):
            with contextlib.suppress(ConnectionError):
                client.send(start)
        for client in clients:
            try:
                while client.socket.recv(65536):
                    pass
                ends.append("cut off")
            except ConnectionError:
                ends.append("cut off")
            except socket.timeout:
                ends.append("still open")
                for other in clients:
                    other.socket.settimeout(0.1)
        for client in clients:
            client.close()
        return ends

    assert (
        compare(probe, ["cut off"] * 3, settings="sturdy_websocket.REQUEST_TIME = 0.5")
        == ["still open"] * 3
    )


def test_row_17_list_that_changes(compare):
    """A loop over server.clients skips nobody when somebody leaves meanwhile."""

    def probe(server):
        clients = []
        for number in range(1, 5):
            clients.append(server.wire())
            server.expect(f"in {number}")

        def leave():
            if heard(clients[0]) == "to all":
                clients[0].close()

        thread = threading.Thread(target=leave)
        thread.start()
        clients[3].say("to all")
        result = [heard(client) for client in clients[1:]]
        thread.join()
        for client in clients[1:]:
            client.close()
        return result

    seen = compare(
        probe,
        ["to all"] * 3,
        code="""
def message_received(client, server, message):
    for other in server.clients:
        server.send_message(other, message)
        while other["id"] == 1 and other in server.clients:
            time.sleep(0.005)
""",
    )
    assert NOTHING in seen


@posix_only
def test_row_23_a_big_class_leaves(compare):
    """After many clients have left at once none of them is left in the list, and who comes then can
    speak."""

    allow_many_sockets(1000)

    def leave_at_once(server):
        clients = [server.wire() for _ in range(1000)]
        for _ in clients:
            server.expect("in [0-9]")
        server.process.send_signal(signal.SIGSTOP)
        for client in clients:
            client.vanish()
        server.process.send_signal(signal.SIGCONT)
        with contextlib.suppress(pytest.fail.Exception):
            for _ in clients:
                server.expect("left", timeout=server.patience)

    def probe(server):
        answers = set()
        # Chance takes a part in it: the bare server gets some more of them.
        for _ in range(5 if server.bare else 1):
            leave_at_once(server)
            with server.wire() as late:
                late.say("hello")
                answers.add(heard(late))
            server.expect("left", timeout=server.patience)
            if answers != {"1 hello"}:
                break
        return answers

    compare(
        probe,
        {"1 hello"},
        code="""
# Threads take turns far more often than usual, so that what can happen does.
sys.setswitchinterval(1e-6)

def client_left(client, server):
    print("left", client["id"] if client else None)

def message_received(client, server, message):
    server.send_message(client, f"{len(server.clients)} {message}")
""",
    )


@posix_only
def test_row_24_everybody_at_once(compare):
    """A hundred who come while the server is busy all get a place in its queue."""

    def probe(server):
        server.process.send_signal(signal.SIGSTOP)
        sockets = [socket.socket() for _ in range(100)]
        try:
            for each in sockets:
                each.setblocking(False)
                each.connect_ex(("127.0.0.1", server.port))
            in_line = set()
            with contextlib.suppress(IndexError):
                while len(in_line) < 100:
                    waiting = [each for each in sockets if each not in in_line]
                    in_line.add(select.select([], waiting, [], 0.5)[1][0])
            return len(in_line)
        finally:
            server.process.send_signal(signal.SIGCONT)
            for each in sockets:
                each.close()

    assert compare(probe, 100) < 20
