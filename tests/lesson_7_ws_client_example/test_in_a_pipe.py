"""The client in a pipe: lines come in, messages go out."""

import contextlib
import os
import threading

import pytest
from clients import CLIENT, HTTP, WS, client, pipe
from course import PATIENCE, python
from wire import wait_until

MANY = b"".join(b"%d\n" % number for number in range(100_000))


@pytest.mark.parametrize(
    "lines, messages",
    [
        (b"a\nb\n", b"a\nb\n"),
        (b"", b""),
        (b"windows\r\n\n\xffno end", b"windows\n\n\xef\xbf\xbdno end\n"),
        ("grün 🎈\n".encode(), "grün 🎈\n".encode()),
        (MANY, MANY),
    ],
    ids=["two", "none", "no UTF-8, and a last line without an end", "letters", "100,000"],
)
def test_lines_bring_their_answers(start_server, lines, messages):
    server = start_server(HTTP)
    assert pipe(client(server.url), lines) == (0, messages, "")


def test_what_the_chat_server_answers(start_server):
    server = start_server(WS)
    answers = b'"127.0.0.1: a"\n"127.0.0.1: b"\n'
    assert pipe(client(server.url), b"a\nb\n") == (0, answers, "")
    assert "Hello" not in server.output


def test_messages_come_out_at_once(start_server, run):
    server = start_server(HTTP)
    program = run(client(server.url), stdin=True)
    for line in ("one", "two"):
        program.write(f"{line}\n")
        program.expect(f"^{line}$")
    program.process.stdin.close()
    assert program.wait() == 0


def test_binary_messages_come_out_as_they_are(serve):
    data = bytes(range(256)) * 4096

    def handler(connection):
        for _ in connection:
            connection.send(data)

    assert pipe(client(serve(handler)), b"picture\n") == (0, data, "")


def test_silence_and_wrong_letters_are_no_failure(serve, run):
    def handler(connection):
        threading.Event().wait(2)
        connection.send(b"late\xff", text=True)
        connection.recv()

    program = run(client(serve(handler), CONNECT_TIME=1))
    program.expect("^late\ufffd$")
    assert program.stop() == 0


def test_answers_under_way_are_awaited(serve):
    """The server answers when it has everything, and says more than it was asked."""

    def handler(connection):
        connection.send("welcome")
        lines = [connection.recv() for _ in range(3)]
        threading.Event().wait(0.5)
        # At once: who has had as many messages as it sent lines may leave.
        for line in lines:
            connection.protocol.send_text(line.encode())
        connection.socket.sendall(b"".join(connection.protocol.data_to_send()))
        connection.recv()

    output = b"welcome\n1\n2\n3\n"
    assert pipe(client(serve(handler)), b"1\n2\n3\n") == (0, output, "")


def test_server_that_does_not_answer(serve):
    """It is given up after a while, also when it gets more lines than may be ahead."""
    heard = []

    def handler(connection):
        heard.extend(connection)

    lines = [str(number) for number in range(500)]
    command = client(serve(handler), QUIET_TIME=0.3)
    assert pipe(command, "\n".join(lines).encode()) == (0, b"", "")
    wait_until(lambda: heard == lines, "not all of the lines have come")


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-"])
def test_with_nothing_to_read_it_listens(start_server, connect, run, redirection):
    server = start_server(HTTP)
    command = ["bash", "-c", f'exec "$@" {redirection}', "bash", *client(server.url)]
    program = run(command)
    server.expect("New Connection")
    speaker = connect(server.url)
    for text in ("one", "two"):
        speaker.send(text)
        program.expect(f"^{text}$")
    assert program.stop() == 0
    assert program.errors == "Disconnected.\n"


def test_two_clients_and_a_pipe(start_server, connect, run):
    """The README's solution: what one server says, two clients bring to another server."""
    sensor, pages = start_server("serial_to_ws_server", "demo", "t"), start_server(HTTP)
    listener = connect(pages.url)
    script = '"$@" "$FROM" </dev/null | "$@" "$TO"'
    run(["bash", "-c", script, "bash", *python(CLIENT)], env={"FROM": sensor.url, "TO": pages.url})
    assert all(0 <= int(listener.recv(PATIENCE)) < 1024 for _ in range(3))


def test_it_does_not_run_ahead_of_the_answers(serve):
    """Or a server would have to keep what the client can't take in, and drop it in the end."""
    more = []

    def handler(connection):
        ahead = [connection.recv(timeout=PATIENCE) for _ in range(21)]
        with contextlib.suppress(TimeoutError):
            more.append(connection.recv(timeout=1))
        for lines in (ahead, more, connection):
            for line in lines:
                connection.send(line)

    lines = b"".join(b"%d\n" % number for number in range(1000))
    assert pipe(client(serve(handler), MAX_AHEAD=20), lines) == (0, lines, "")
    assert more == []


def test_reader_that_has_seen_enough(start_server, run):
    server = start_server(HTTP)
    words = client(server.url)
    script = 'seq 100000 | "$@" | head -1; echo ${PIPESTATUS[1]}'
    program = run(["bash", "-c", script, "bash", *words])
    assert program.wait() == 0
    assert (program.output, program.errors) == ("1\n0\n", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has such a device")
def test_disk_is_full(start_server):
    server = start_server(HTTP)
    words = ["bash", "-c", 'exec "$@" >/dev/full', "bash", *client(server.url)]
    status, _, errors = pipe(words, b"a\n")
    assert status == 1 and errors == "The output can't be written: No space left on device.\n"
