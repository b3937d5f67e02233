"""Clients that leave: with a close frame, hung up, crashed, all at once. Nobody else notices."""

import signal
import socket

import pytest
from course import posix_only
from wire import (
    PING,
    TEXT,
    Wire,
    allow_many_sockets,
    close_frame,
    frame,
    is_idle,
    request,
    talk,
    wait_until,
)

HTTP = "http_ws_server_example"


WAYS_TO_GO = {
    "close frame": lambda client: client.send(close_frame(1000)),
    "close frame, then gone": lambda client: (client.send(close_frame(1001)), client.close()),
    "hung up": lambda client: client.close(),
    "reset": lambda client: client.vanish(),
    "reset in a frame": lambda client: (client.send(frame(TEXT, "half")[:-2]), client.vanish()),
    "reset in a message": lambda client: (client.send(frame(TEXT, "a", False)), client.vanish()),
    "hung up for sending only": lambda client: client.socket.shutdown(socket.SHUT_WR),
    "reset with answers under way": lambda client: (
        client.send(frame(PING, b"x") * 1000),
        client.vanish(),
    ),
    "broken frame": lambda client: client.send(b"\xff\xff"),
}


@pytest.mark.parametrize("leaving", ["quiet", "says it to all"])
def test_every_way_to_go(lesson, leaving):
    """The others go on, client_left runs once, the list is right, there is no traceback.

    Who never came in is not noted at all.
    """
    server = lesson(
        ""
        if leaving == "quiet"
        else """
def client_left(client, server):
    server.send_message_to_all("bye " + str(client["id"]))
    server.send_message(client, "you hear this no more")
    print("left", client["id"], len(server.clients))
"""
    )
    one = Wire(server.port)
    server.expect("in 1")
    two = Wire(server.port)
    server.expect("in 2")
    for number, leave in enumerate(WAYS_TO_GO.values(), 3):
        leaver = Wire(server.port)
        server.expect(f"in {number}")
        leave(leaver)
        server.expect(f"left {number} 2")
        if leaving == "says it to all":
            assert one.hear_until(f"bye {number}") and two.hear_until(f"bye {number}")
        leaver.close()
        talk(one, two)
    for start in (b"", request()[:60], request(Sec_WebSocket_Key="short"), request(Upgrade=None)):
        with Wire(server.port, path=None) as visitor:
            visitor.send(start)
    one.close()
    server.expect("left 1 1")
    two.close()
    server.expect("left 2 0")
    is_idle(server)
    assert server.stop() == 0
    assert server.errors == ""
    assert server.output.count("left") == server.output.count("in ") == len(WAYS_TO_GO) + 2


LEAVES_SLOWLY = """
spoken = threading.Event()
real_remove = SturdyServer.remove
sturdy_websocket.PING_AFTER = 1000

def remove(server, client):
    print("leaves")
    spoken.wait(10)
    real_remove(server, client)

SturdyServer.remove = remove

def message_received(client, server, message):
    server.send_message_to_all(message)
    spoken.set()
"""


def test_message_sent_while_somebody_leaves_does_not_wait(lesson, join):
    """It is on its way when the leaver is out of the list, not when somebody speaks again."""
    server = lesson(LEAVES_SLOWLY)
    one, leaver = join(server), join(server)
    leaver.close()
    server.expect("leaves")
    one.say("hello")
    assert one.hear() == "hello"


def test_quick_reloads(start_server):
    """500 reloads in a row, as fast as they go: a chat beside them does not notice."""
    server = start_server(HTTP)
    one, two = Wire(server.port), Wire(server.port)
    two.sync()
    for number in range(500):
        client = Wire(server.port, path=None)
        client.send(request())
        if number % 4:
            client.read_head()
            client.send(frame(TEXT, f"hello {number}") + close_frame(1001))
        if number % 3:
            client.close()
        else:
            client.vanish()
        if not number % 50:
            one.say(f"chat {number}")
            assert one.hear_until(f"chat {number}") and two.hear_until(f"chat {number}")
    one.close()
    two.close()
    is_idle(server)
    assert server.errors == ""
    came = server.output.count("New Connection")
    wait_until(lambda: server.output.count("connection closed") == came, "somebody is not gone")


@posix_only
def test_thousand_clients_leave_at_once(start_server, left):
    """After a big class has left the server is as good as new."""
    allow_many_sockets(1000)
    server = start_server(HTTP)
    before = left(server)
    clients = [Wire(server.port) for _ in range(1000)]
    for client in clients:
        client.sync()
    with Wire(server.port) as late:
        assert late.status == 503
    clients[0].say("all here?")
    for client in clients:
        assert client.hear() == "all here?"
    # Stopped for a moment, so that it finds all of them gone at the same time.
    server.process.send_signal(signal.SIGSTOP)
    for number, client in enumerate(clients):
        if number % 2:
            client.vanish()
        else:
            client.close()
    server.process.send_signal(signal.SIGCONT)
    before.over()
    with Wire(server.port) as one, Wire(server.port) as two:
        two.sync()
        talk(one, two)
    is_idle(server)
    wait_until(lambda: server.output.count("connection closed") == 1002, "somebody is not gone")
    assert server.output.count("New Connection") == 1002
    assert server.errors == ""
