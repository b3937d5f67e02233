"""The client in a pipe: lines come in, messages go out."""

import pytest
from clients import HTTP, client, pipe

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
    assert pipe(client(start_server(HTTP).url), lines) == (0, messages, "")


def test_binary_messages_come_out_as_they_are(serve):
    data = bytes(range(256)) * 4096
    url = serve(lambda connection: connection.send(data))
    words = ["bash", "-c", 'exec "$@" </dev/null', "bash", *client(url)]
    assert pipe(words)[:2] == (1, data)


def test_reader_that_pauses_loses_nothing(start_server):
    """It pauses for twice as long as QUIET_TIME."""
    command = client(start_server(HTTP).url)
    words = ["bash", "-c", '"$@" | (sleep 10; cat)', "bash", *command]
    assert pipe(words, MANY) == (0, MANY, "")


@pytest.mark.parametrize("redirection", ["</dev/null", "<&-"])
def test_with_nothing_to_read_it_listens(start_server, connect, run, redirection):
    server = start_server(HTTP)
    program = run(["bash", "-c", f'exec "$@" {redirection}', "bash", *client(server.url)])
    server.expect("New Connection")
    speaker = connect(server.url)
    for text in ("one", "two"):
        speaker.send(text)
        program.expect(f"^{text}$")
    assert program.stop() == 0
    assert program.errors == "Disconnected.\n"


def test_reader_that_has_seen_enough(start_server, run):
    script = 'seq 100000 | "$@" | head -1; echo ${PIPESTATUS[1]}'
    program = run(["bash", "-c", script, "bash", *client(start_server(HTTP).url)])
    assert program.wait() == 0
    assert (program.output, program.errors) == ("1\n0\n", "")
