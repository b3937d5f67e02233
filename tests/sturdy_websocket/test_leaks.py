"""Nothing is left behind: by clients that vanish at a bad moment, and on a system that is at its
end: no thread, connection or file more than before."""

import contextlib

import pytest
from course import ROOT, posix_only, python
from wire import TEXT, Wire, frame, request

HTTP = "http_ws_server_example"
PAGE = b"GET /script.js HTTP/1.1\r\nHost: localhost\r\n\r\n"

# A lesson in which threads can be had or not, as a client says.
NO_THREADS = """
real_start = threading.Thread.start
few = threading.Event()

def start(thread):
    if few.is_set():
        raise RuntimeError("can't start new thread")
    real_start(thread)

threading.Thread.start = start

def message_received(client, server, message):
    if message == "no threads":
        few.set()
    if message == "threads":
        few.clear()
    server.send_message_to_all(message)
"""

MOMENTS = {
    "at once": lambda number: b"",
    "in the handshake": lambda number: request()[: 20 + number % 60],
    "in a frame": lambda number: request() + frame(TEXT, "half a frame")[: number % 18],
    "before a page is written": lambda number: PAGE,
    "with pages unread": lambda number: PAGE * 20,
}


@posix_only
@pytest.mark.parametrize("moment", MOMENTS)
def test_resets_at_any_moment(start_server, left, moment):
    """600 of them are forgotten: not one counts as a connection that is still there."""
    # Who has been forgotten isn't waited for when the server stops: that would be for ever.
    server = start_server(HTTP, settings={"MAX_CLIENTS": 10, "CLOSE_TIME": 1000})
    with Wire(server.port) as one:
        one.sync()
    before = left(server)
    for number in range(600):
        client = Wire(server.port, path=None)
        client.send(MOMENTS[moment](number))
        client.vanish()
    before.over()
    with Wire(server.port) as client:
        client.say("still open?")
        assert client.hear() == "still open?"
    assert server.stop() == 0
    assert server.errors == ""


def test_connection_without_a_thread(lesson, left, join):
    """When the system has no more threads who comes then is lost, and nobody who comes later."""
    server = lesson(NO_THREADS)
    one = join(server)
    before = left(server)
    one.say("no threads")
    assert one.hear() == "no threads"
    # The first of them may still find a thread that is waiting for it.
    unlucky = [join(server, path=None) for _ in range(3)]
    for client in unlucky:
        with contextlib.suppress(ConnectionError):
            client.send(request())
    assert unlucky[-1].is_at_end()
    one.say("threads")
    assert one.hear_until("threads")
    later = [join(server) for _ in range(3)]
    one.say("all here?")
    for client in later:
        assert client.hear_until("all here?")
    for client in [*unlucky, *later]:
        client.close()
    before.over()
    assert "Traceback" not in server.errors


def test_slow_client_without_a_writer(lesson, left, join):
    """Where no thread can be had to write to a slow client, that client is lost, and no other."""
    server = lesson(NO_THREADS)
    before = left(server)
    slow = join(server, receive_buffer=4096)
    with Wire(server.port) as speaker, Wire(server.port) as listener:
        listener.sync()
        speaker.say("no threads")
        assert speaker.hear() == listener.hear() == "no threads"
        speaker.speak_until(lambda: "left 1" in server.output, listener)
        speaker.say("threads")
        assert speaker.hear() == listener.hear() == "threads"
        assert server.output.count("left") == 1
    slow.close()
    before.over()
    assert server.errors == ""


def test_thread_that_is_chosen_while_it_gives_up(run):
    """It has waited in vain, and just then the main thread gives it a connection."""
    code = """if True:
        import queue, sys, threading, types
        sys.path.insert(0, "")
        import sturdy_websocket
        server = sturdy_websocket.SturdyServer(port=0)
        server.server_close()
        chosen, served = threading.Event(), threading.Event()

        def get_nowait():
            chosen.set()
            raise queue.Empty

        # That it is idle is written down no more: the main thread has read it.
        server.idle = types.SimpleNamespace(get_nowait=get_nowait, put=print)
        server.process_request_thread = lambda *connection: served.set()
        threading.Thread(target=server.serve_connections, daemon=True).start()
        chosen.wait()
        server.arrived.put(("connection", "address"))
        print("served" if served.wait(10) else "forgotten")"""
    program = run(python("-c", code), cwd=ROOT / "ws_server_example")
    assert program.wait() == 0
    assert "served\n" in program.output
