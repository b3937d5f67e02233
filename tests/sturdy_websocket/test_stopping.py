"""Every end has a deadline and the right code: of a client that we close, and of the server."""

import concurrent.futures
import contextlib
import signal
import socket
import time

import pytest
from course import PATIENCE, posix_only
from wire import CLOSE, TEXT, Wire, close_code, close_frame, frame, is_idle, request

CLOSES = """
sturdy_websocket.CLOSE_TIME = 0.5
sturdy_websocket.PING_AFTER = sturdy_websocket.REQUEST_TIME = 1000

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
def test_who_ignores_a_close_frame_is_not_heard_and_cut(lesson, left, join, how, code, talks):
    """It has CLOSE_TIME to hang up, even if it talks on; the lesson hears nothing of that."""
    broken = how == "a broken frame"
    server = lesson(CLOSES.replace("{how}", "pass" if broken else how))
    before = left(server)
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
    before.over()
    assert "another" not in server.output


def test_close_frame_goes_once(lesson, join):
    """However many want to close a client at the same time."""
    server = lesson("""
def message_received(client, server, message):
    if message == "all":
        closers = [
            threading.Thread(target=other["handler"].send_close, args=(4000 + number,))
            for other in server.clients for number in range(3)
        ]
        server.send_message_to_all("now")
        for closer in closers:
            closer.start()
        server.disconnect_clients_gracefully(4009)
""")
    clients = [join(server) for _ in range(30)]
    clients[0].say("all")
    for number, client in enumerate(clients):
        if number % 2:
            client.send(close_frame(1000))
        closes = 0
        with contextlib.suppress(ConnectionError, EOFError):
            while True:
                closes += client.read()[0] == CLOSE
                client.send(close_frame(1000))
        assert closes == 1


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


def test_newcomers_denied_and_let_in_all_the_time(lesson):
    """Each gets in, or is told why not, whenever it comes; nothing is raised."""
    server = lesson("""
def message_received(client, server, message):
    for _ in range(2):
        threading.Thread(target=change_mind, args=(server,), daemon=True).start()

def change_mind(server):
    while True:
        server.deny_new_connections(1013, b"later")
        server.allow_new_connections()
""")
    with Wire(server.port) as one:
        one.say("begin")
        for _ in range(50):
            with Wire(server.port) as client:
                client.send(close_frame(4000))
                assert client.ending() in (1013, 4000)
    assert server.errors == ""


# ---- the whole server ------------------------------------------------------------------


@posix_only
def test_who_comes_while_the_server_stops(lesson):
    """Who is let in is told 1001, and who isn't is refused before it is in: nobody 1006.

    Nothing of them is left behind, and nothing is raised.
    """
    for _ in range(4):
        server = lesson("""
def client_left(client, server):
    pass
""")

        def come_and_stay(port=server.port):
            endings = []
            while True:
                try:
                    with Wire(port, path=None) as client:
                        client.send(request())
                        status = client.read_head()[0]
                        assert status == 101
                        client.socket.settimeout(0.05)
                        try:
                            endings.append(client.ending())
                        except socket.timeout:
                            client.socket.settimeout(PATIENCE)
                            client.send(close_frame(1000))
                            endings.append(client.ending())
                except (ConnectionError, EOFError, IndexError):
                    return endings

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            visitors = [pool.submit(come_and_stay) for _ in range(8)]
            time.sleep(0.3)
            assert server.stop() == 0
            endings = [code for visitor in visitors for code in visitor.result(PATIENCE)]
        assert set(endings) <= {1000, 1001}
        assert server.errors == ""


@posix_only
def test_ctrl_c_after_the_server_has_stopped(lesson):
    """What a lesson does after run_forever() can be stopped as any program can."""
    server = lesson(
        # A program that a shell has put into the background ignores Ctrl-C at first.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)",
        after='print("after"); time.sleep(60)',
    )
    server.may_complain = True
    server.process.send_signal(signal.SIGINT)
    server.expect("^after")
    server.process.send_signal(signal.SIGINT)
    assert server.wait(10) != 0
    assert "KeyboardInterrupt" in server.errors


@pytest.mark.parametrize("where", ["new_client", "message_received", "client_left"])
def test_exit_in_the_lesson_ends_the_program(lesson, where):
    """sys.exit() in a function of the lesson does what it does in main(); clients are told 1001."""
    server = lesson(f"""
def {where}(client, server, message="end"):
    if client["id"] == 2 and message == "end":
        sys.exit("enough for today")
""")
    with Wire(server.port) as one:
        one.sync()
        with Wire(server.port) as two, contextlib.suppress(ConnectionError, EOFError):
            two.send(frame(TEXT, "end") + close_frame(1000))
            two.ending()
        assert one.ending() == 1001
    assert server.wait() == 1
    assert server.errors == "enough for today\n"


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
        assert server.wait(10) == 0
