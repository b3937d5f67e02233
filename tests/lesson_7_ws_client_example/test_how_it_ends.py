"""How a connection of the client ends: exit codes, and one sentence each."""

import signal
import threading

import pytest
from clients import HTTP, WS, client, ends, pipe
from course import posix_only


def test_server_stops(start_server, terminal):
    server = start_server(WS)
    window = terminal(client(server.url))
    window.expect_exact("Server said:")
    server.stop()
    said, status = ends(window)
    assert said.endswith("The server closed the connection (1001): the server is stopping")
    assert status == 1


def test_server_says_why(serve, run):
    program = run(client(serve(lambda connection: connection.close(4000, "the end\x1b[2J"))))
    assert program.wait() == 1
    assert program.errors == "The server closed the connection (4000): 'the end\\x1b[2J'\n"


@pytest.mark.parametrize("sign", ["SIGSTOP", "SIGKILL"])
@posix_only
def test_server_that_is_gone_is_noticed(start_server, run, sign):
    """Also one that vanishes without a word, and although the client has nothing to say."""
    server = start_server(HTTP)
    program = run(client(server.url, PING_EVERY=0.5, SILENCE=4), stdin=True)
    program.write("before\n")
    program.expect("^before$")
    server.process.send_signal(getattr(signal, sign))
    assert program.wait() == 1
    assert program.errors == "The connection to the server was lost.\n"


@posix_only
def test_goodbye_without_an_answer(start_server, run):
    """Some servers never send a close frame: when all was said, silence is the end."""
    server = start_server(HTTP)
    program = run(client(server.url, QUIET_TIME=1), stdin=True)
    program.write("a\n")
    program.expect("^a$")
    server.process.send_signal(signal.SIGSTOP)
    program.process.stdin.close()
    assert program.wait() == 0
    assert program.errors == ""


def test_server_that_only_listens_is_not_gone(serve, run):
    """Its pongs show that it is there."""
    done = threading.Event()

    def handler(connection):
        done.wait(6)  # longer than SILENCE
        connection.send("late")
        connection.recv()

    program = run(client(serve(handler), PING_EVERY=0.5, SILENCE=4))
    program.expect("^late$")
    assert program.stop() == 0


def test_an_output_that_is_closed_is_a_sentence(start_server):
    words = ["bash", "-c", 'exec "$@" >&-', "bash", *client(start_server(HTTP).url)]
    status, _, errors = pipe(words, b"a\n")
    assert status == 1 and errors.endswith("Run it in a terminal.\n")
