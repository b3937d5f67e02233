"""How a connection of the client ends: exit codes, and one sentence each."""

import contextlib
import queue
import signal
import socket
import threading
import time

import pytest
from clients import HTTP, WS, client, ends, pipe
from course import PATIENCE
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode
from websockets.server import ServerProtocol
from websockets.streams import StreamReader


def test_server_stops(start_server, terminal):
    server = start_server(WS)
    window = terminal(client(server.url))
    window.expect_exact("Server said:")
    server.stop()
    said, status = ends(window)
    assert "The server closed the connection (1001)." in said.splitlines()[-1]
    assert status == 1


def test_server_says_why(serve, run):
    def handler(connection):
        connection.close(4000, "the class is over\x1b[2J")

    program = run(client(serve(handler)))
    assert program.wait() == 1
    assert program.errors == (
        "The server closed the connection (4000). 'the class is over\\x1b[2J'\n"
    )


def let_in(listener):
    """Accepts a client of this listening socket; returns its connection and what it is told."""
    connection, _ = listener.accept()
    server = ServerProtocol()
    server.receive_data(connection.recv(65536))
    server.send_response(server.accept(server.events_received()[0]))
    connection.sendall(b"".join(server.data_to_send()))
    return connection, server


def frames_in(data):
    """Returns the opcodes of the whole frames in these bytes (bytearray)."""
    reader, opcodes = StreamReader(), []
    reader.feed_data(data)
    reader.feed_eof()
    with contextlib.suppress(EOFError):
        while True:
            try:
                next(Frame.parse(reader.read_exact, mask=True))
            except StopIteration as done:
                opcodes.append(done.value.opcode)
    return opcodes


@pytest.mark.parametrize("who", ["the client", "the server"])
def test_nothing_follows_the_close_frame(run, who):
    """It is sent once, and no line after it, though more of them come all the time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        # It does not wait for answers.
        program = run(client(url, QUIET_TIME=0.001, CLOSE_TIME=2), stdin=True)
        connection, server = let_in(listener)

        def feed():
            with contextlib.suppress(OSError):
                while True:
                    program.write("x\n" * 1000)

        threading.Thread(target=feed, daemon=True).start()
        with connection:
            data = bytearray(connection.recv(65536))
            if who == "the client":
                program.process.send_signal(signal.SIGINT)
            else:
                server.send_close(1001)
                connection.sendall(b"".join(server.data_to_send()))
            while piece := connection.recv(65536):
                data += piece
        assert program.wait() == (who == "the server")
    opcodes = frames_in(data)
    assert opcodes.count(Opcode.CLOSE) == 1 and opcodes[-1] == Opcode.CLOSE, len(data)


def test_ctrl_c_sends_a_close_frame(serve, run):
    """The server does not hear a broken connection."""
    codes = queue.Queue()

    def handler(connection):
        connection.send("hello")
        with contextlib.suppress(ConnectionClosed):
            connection.recv()
        codes.put(connection.close_code)

    program = run(client(serve(handler)), stdin=True)
    program.expect("hello")
    assert program.stop() == 0
    assert codes.get(timeout=PATIENCE) == 1000


def test_server_is_killed(start_server, run):
    server = start_server(WS)
    program = run(client(server.url), stdin=True)
    server.expect("New Connection")
    server.kill()
    assert program.wait() == 1
    assert program.errors == "The connection to the server was lost.\n"


def test_message_too_big_for_the_server(start_server):
    server = start_server(HTTP, settings={"MAX_MESSAGE": 1000})
    status, output, errors = pipe(client(server.url), b"x" * 2000 + b"\n")
    assert (status, output) == (1, b"")
    assert errors.startswith("The server closed the connection (1009).")


def test_pings_are_answered(serve, run):
    answered = threading.Event()

    def handler(connection):
        if connection.ping().wait(PATIENCE):
            answered.set()
        with contextlib.suppress(ConnectionClosed):
            connection.recv()

    program = run(client(serve(handler)))
    assert answered.wait(PATIENCE)
    assert program.stop() == 0


def test_frozen_server_does_not_keep_it(request, serve, run):
    """Ctrl-C ends it though it is just sending to a server that has stopped reading."""
    over = threading.Event()
    request.addfinalizer(over.set)
    program = run(client(serve(lambda connection: over.wait()), CLOSE_TIME=0.2), stdin=True)
    written = []

    def feed():
        with contextlib.suppress(OSError):
            for _ in range(100):
                program.write("x" * 1_000_000 + "\n")
                written.append(time.monotonic())

    threading.Thread(target=feed, daemon=True).start()
    while not written or time.monotonic() - written[-1] < 1:
        time.sleep(0.1)
    assert len(written) < 100
    assert program.stop() == 0
    assert program.errors == "Disconnected.\n"
