"""Every end has a deadline and the right code: of a client that we close, and of the server."""

import contextlib
import signal
import time

import pytest
from course import PATIENCE, posix_only
from wire import CLOSE, TEXT, Wire, close_code, close_frame, frame, is_idle

CLOSES = """
import sturdy_websocket
sturdy_websocket.CLOSE_TIME = 0.5

def message_received(client, server, message):
    print("heard", message)
    if message == "end":
        {how}
        print("said goodbye")
"""


@pytest.mark.parametrize("talks", [True, False], ids=["talks on", "is silent"])
@pytest.mark.parametrize(
    "how, code",
    [
        ("server.disconnect_clients_gracefully(4000, b'lunch')", 4000),
        ("threading.Thread(target=server.shutdown_gracefully).start()", 1000),
        ("client['handler'].send_close(4001)", 4001),
        ("a broken frame", 1002),
    ],
)
def test_client_that_ignores_a_close_frame_is_cut_off(lesson, join, how, code, talks):
    """It has CLOSE_TIME to hang up, even if it talks on; the lesson hears nothing of that."""
    broken = how == "a broken frame"
    server = lesson(CLOSES.replace("{how}", "pass" if broken else how))
    client = join(server)
    client.send(b"\xff\xff" if broken else frame(TEXT, "end"))
    opcode, payload = client.read()
    assert (opcode, close_code(payload)) == (CLOSE, code)
    end = time.monotonic() + PATIENCE
    with contextlib.suppress(ConnectionError):
        while talks:
            assert time.monotonic() < end
            client.say("and another thing")
            time.sleep(0.005)
    server.expect("left 1 0")
    assert "another" not in server.output


def test_closing_from_the_lesson(lesson, join):
    """send_close() tells the client why; what the lesson sends after it goes nowhere.

    A close frame has room for 123 bytes, which may end in the middle of a character.
    """
    server = lesson("""
def message_received(client, server, message):
    server.send_message(client, "last word")
    client["handler"].send_close(4000, ("x" * int(message) + "ü" * 100).encode())
    server.send_message(client, "one more")
""")
    for before in (0, 1):
        client = join(server)
        client.say(str(before))
        assert client.hear() == "last word"
        opcode, payload = client.read()
        assert (opcode, close_code(payload)) == (CLOSE, 4000)
        assert payload[2:].decode() == "x" * before + "ü" * 61
        client.send(close_frame(4000))
        with pytest.raises(EOFError):
            client.read()
        server.expect(r"left \d 0")
    is_idle(server)


@posix_only
def test_a_lesson_that_never_returns_can_be_stopped(lesson, join):
    """A function of the lesson that waits for ever keeps its client waiting, not the program."""
    server = lesson("""
def message_received(client, server, message):
    print("waiting")
    threading.Event().wait()
""")
    client = join(server)
    client.say("hello")
    server.expect("waiting")
    assert server.stop() == 0


@posix_only
def test_stopping_takes_two_seconds_at_most(lesson, join):
    """However stubborn the clients are, and however many: those that stall, and those that talk."""
    server = lesson()
    join(server, receive_buffer=4096)
    for _ in range(20):
        join(server, path=None)
    with Wire(server.port) as speaker:
        for _ in range(40):
            speaker.say("x" * 100_000)
            speaker.hear()
        server.process.send_signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionError):
            while True:
                speaker.say("and another thing")
        assert server.wait() == 0
