"""Clients that leave, with a close frame, cut off, or without a word. Nobody else notices."""

import re
import signal
import socket

from course import posix_only
from wire import PING, TEXT, Wire, close_frame, frame, is_idle, meanwhile, request, talk

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
SAYS_BYE = """
def client_left(client, server):
    server.send_message_to_all("bye " + str(client["id"]))
    server.send_message(client, "you don't hear this")
    print("left", client["id"], len(server.clients))
"""


def test_every_way_to_go(lesson):
    """The others go on, client_left runs once, the list is right, there is no traceback."""
    server = lesson(SAYS_BYE)
    one = Wire(server.port)
    server.expect("in 1")
    two = Wire(server.port)
    server.expect("in 2")
    for number, leave in enumerate(WAYS_TO_GO.values(), 3):
        leaver = Wire(server.port)
        server.expect(f"in {number}")
        leave(leaver)
        server.expect(f"left {number} 2")
        assert one.hear_until(f"bye {number}") and two.hear_until(f"bye {number}")
        leaver.close()
        talk(one, two)
    # Who never came in is not noted at all.
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
    assert len(re.findall("^left", server.output, re.M)) == len(WAYS_TO_GO) + 2


@posix_only
def test_a_class_leaves_at_once(start_server, join):
    """One more than MAX_CLIENTS gets 503. After all have left, the server is as good as new."""
    server = start_server(HTTP, settings={"MAX_CLIENTS": 100})
    clients = [join(server) for _ in range(100)]
    with Wire(server.port) as late:
        assert late.status == 503
    # The server is stopped for a moment, so that it finds all of them gone at the same time.
    server.process.send_signal(signal.SIGSTOP)
    for number, client in enumerate(clients):
        client.vanish() if number % 2 else client.close()
    server.process.send_signal(signal.SIGCONT)
    server.expect(r"^connection closed: 127\.0\.0\.1 \(0 here\)")
    is_idle(server)
    talk(join(server), join(server))
    assert server.errors == ""


def test_silent_clients_are_gone_and_polite_ones_stay(start_server, join):
    """What a client took before it fell silent doesn't count: the one silent for longer goes first.

    The system of a silent one still takes what is sent, but nobody answers the pings.
    """
    server = start_server(HTTP, settings={"PING_EVERY": 0.3, "SILENCE": 2})
    polite, silent = join(server), join(server, receive_buffer=4096)
    polite.say(bytes(6_000_000))
    with meanwhile(polite.hear):
        silent.hear()
    with meanwhile(polite.hear):
        assert [silent.read(), silent.read()] == [(PING, b"")] * 2
        with meanwhile(join(server, host="::1").ending):
            server.expect("^127.0.0.1: gone(.*\n)*::1: gone")
        with Wire(server.port) as newcomer:
            newcomer.say("who is there?")
    assert server.output.count(": gone") == 2


def test_heartbeat_for_a_page_that_asks(start_server, join):
    """An empty text at once and again and again if it asks with ?heartbeat. Nobody else gets it."""
    with Wire(start_server(HTTP, settings={"PING_EVERY": 999}).port, path="/?heartbeat") as page:
        assert page.hear() == ""
    server = start_server(HTTP, settings={"PING_EVERY": 0.3})
    for path in ("/?heartbeat", "/room?a=b&heartbeat", "/?heartbeat&a=b"):
        page = join(server, path=path)
        assert [page.hear(), page.hear()] == ["", ""]
    others = [join(server, path=path) for path in ("/", "/heartbeat", "/?noheartbeat")]
    page.hear(), page.hear(), page.hear()
    for other in others:
        assert all(opcode == PING for opcode, _ in other.sync())


def test_silent_connections_keep_nobody_out(start_server, join):
    """Browsers open connections in advance. They are cut off in time too."""
    server = start_server(HTTP, settings={"SILENCE": 1})
    silent = [join(server, path=None) for _ in range(200)]
    with Wire(server.port) as one, Wire(server.port) as two:
        two.sync()
        talk(one, two)
    for client in silent:
        assert client.is_at_end()
    is_idle(server)
