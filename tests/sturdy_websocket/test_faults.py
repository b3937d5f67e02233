"""Nothing that one client does, or leaves undone, hurts another: clients that vanish, stand still,
drip, flood, reload, and lessons that raise."""

import contextlib
import os
import signal
import socket
import sys
import threading
import time

import psutil
import pytest
from course import PATIENCE, ROOT, free_port, python
from wire import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    Wire,
    allow_many_sockets,
    close_code,
    close_frame,
    frame,
    gather,
    meanwhile,
    request,
    served,
)

HTTP = "http_ws_server_example"
posix_only = pytest.mark.skipif(os.name == "nt", reason="Windows can't stop a process for a while")

# A lesson that a test can ask for what it needs.
LESSON = """
import os, sys, threading
sys.path.insert(0, sys.argv[1])
import sturdy_websocket
from sturdy_websocket import SturdyServer

def new_client(client, server):
    print("in", client["id"])

def client_left(client, server):
    print("left", client["id"], len(server.clients))

def message_received(client, server, message):
    server.send_message_to_all(message)

{code}

def main():
    server = SturdyServer(host="", port=os.environ["PORT"])
    server.set_fn_new_client(new_client)
    server.set_fn_client_left(client_left)
    server.set_fn_message_received(message_received)
    server.run_forever()

main()
"""


@pytest.fixture
def lesson(run, tmp_path):
    """Returns lesson(code): a running server with other event functions."""

    def start(code=""):
        file = tmp_path / f"lesson{free_port()}.py"
        file.write_text(LESSON.replace("{code}", code))
        server = run(python(file, ROOT / "ws_server_example"), env={"PORT": (port := free_port())})
        server.expect("Ctrl-C")
        server.port = port
        return server

    return start


def threads(server):
    return psutil.Process(server.process.pid).num_threads()


def wait_until(condition, what):
    """Waits for something that has to become true in another process."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


# The main thread and the terminal's.
ALWAYS_THERE = 2


def is_idle(server):
    """Waits until no client's thread is left over in the server."""
    wait_until(lambda: threads(server) == ALWAYS_THERE, "threads are left over")


def talk(*clients):
    """Lets each of the clients say something that all of them hear."""
    for number, client in enumerate(clients):
        client.say(f"talk {number} {time.monotonic()}")
        heard = client.hear()
        assert heard.startswith(f"talk {number}")
        for other in clients:
            assert other is client or other.hear() == heard


# ---- clients that go -----------------------------------------------------------------

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
    """The others go on, client_left runs once, the list is right, there is no traceback."""
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
    one.close()
    server.expect("left 1 1")
    two.close()
    server.expect("left 2 0")
    is_idle(server)
    assert server.stop() == 0
    assert server.errors == ""
    assert server.output.count("left") == server.output.count("in ") == len(WAYS_TO_GO) + 2


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
    assert server.output.count("New Connection") == server.output.count("connection closed")


@posix_only
def test_thousand_clients_leave_at_once(start_server):
    """After a big class has left the server is as good as new."""
    allow_many_sockets(1000)
    server = start_server(HTTP)
    process = psutil.Process(server.process.pid)
    files = process.num_fds()
    clients = [Wire(server.port, path=None) for _ in range(1000)]
    for client in clients:
        client.send(request())
    for client in clients:
        assert client.read_head()[0] == 101
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
    is_idle(server)
    wait_until(lambda: process.num_fds() <= files, "files are left open")
    one, two = Wire(server.port), Wire(server.port)
    one.sync(), two.sync()
    talk(one, two)
    one.close(), two.close()
    is_idle(server)
    assert server.output.count("New Connection") == server.output.count("connection closed") == 1002
    assert server.errors == ""


def test_connections_that_say_nothing(start_server):
    """200 of them, as browsers open in advance: others get in, and their threads end in time."""
    server = start_server(HTTP, settings={"REQUEST_TIME": 1})
    silent = [Wire(server.port, path=None) for _ in range(200)]
    with Wire(server.port) as one, Wire(server.port) as two:
        two.sync()
        talk(one, two)
        for client in silent:
            assert client.is_at_end()
        talk(one, two)
    is_idle(server)
    for client in silent:
        client.close()


@posix_only
def test_more_silent_connections_than_there_may_be(start_server):
    """They can't take all the threads: there is an end to it, and room again once they are gone."""
    allow_many_sockets(1000)
    server = start_server(HTTP, settings={"MAX_CLIENTS": 10})
    one = Wire(server.port)
    one.sync()
    for _ in range(2):
        silent = [Wire(server.port, path=None) for _ in range(600)]
        assert silent[-1].is_at_end()
        talk(one)
        for client in silent:
            client.close()
        wait_until(lambda: threads(server) == ALWAYS_THERE + 1, "threads are left over")
    with Wire(server.port) as two:
        two.sync()
        talk(one, two)
    one.close()


# ---- clients that stand still --------------------------------------------------------

FROZEN = """
import sys, websockets, websockets.sync.client
with websockets.sync.client.connect(sys.argv[1], proxy=None, compression=None) as client:
    print("in", flush=True)
    try:
        while True:
            print("got", client.recv(), flush=True)
    except websockets.ConnectionClosed:
        pass
"""


@posix_only
def test_half_open(start_server, run):
    """A computer that is gone without a word is found out by its silence; a healthy one stays.

    The client is a stopped process: its system still takes what is sent, but nobody answers.
    """
    server = start_server(HTTP, settings={"PING_AFTER": 0.5})
    gone, healthy = run(python("-c", FROZEN, server.url)), run(python("-c", FROZEN, server.url))
    gone.expect("in")
    healthy.expect("in")
    gone.process.send_signal(signal.SIGSTOP)
    server.expect("connection closed")
    with Wire(server.port) as client:
        client.say("who is there?")
        healthy.expect("got who is there?")
    server.expect("connection closed")
    gone.process.send_signal(signal.SIGCONT)
    assert healthy.process.poll() is None
    assert server.output.count("connection closed") == 2


def test_silence(start_server):
    """A ping after a while without a byte; who answers stays, who does not is dropped."""
    server = start_server(HTTP, settings={"PING_AFTER": 0.3})
    with Wire(server.port) as mute, Wire(server.port) as polite:
        pings = 0
        begun = time.monotonic()
        assert mute.read()[0] == PING
        assert time.monotonic() - begun > 0.25
        with meanwhile(mute.ending):
            while pings < 4:
                opcode, payload = polite.read()
                assert opcode == PING
                pings += 1
                polite.send(frame(PONG, payload))
        assert mute.is_at_end()
        server.expect("connection closed")
        assert server.output.count("connection closed") == 1
        polite.sync()


def test_talking_is_no_silence(start_server):
    """Who sends gets no pings, and who only sends half frames now and then is there, too."""
    server = start_server(HTTP, settings={"PING_AFTER": 0.4})
    with Wire(server.port) as client:
        for byte in frame(TEXT, "0123456789"):
            client.send(bytes([byte]))
            time.sleep(0.1)
        opcode, payload = client.read()
        while opcode == PING:  # a busy machine may have been slower than the ping
            opcode, payload = client.read()
        assert (opcode, payload) == (TEXT, b"0123456789")


def test_slow_reader_is_dropped_and_only_that_one(start_server):
    """What waits for a client that does not read is bounded; over the bound it has to go."""
    server = start_server(HTTP, settings={"MAX_BACKLOG": 2_000_000})
    stalled = Wire(server.port, receive_buffer=4096)
    stalled.sync()
    with Wire(server.port) as speaker, Wire(server.port) as listener:
        listener.sync()
        message = os.urandom(100_000)
        for _ in range(1000):
            speaker.say(message)
            assert speaker.hear() == listener.hear() == message
            if "connection closed" in server.output:
                break
        else:
            pytest.fail("nobody was dropped")
        talk(speaker, listener)
        assert server.output.count("connection closed") == 1
        stalled.ending()
    assert server.errors == ""
    is_idle(server)


def test_slow_reader_below_the_bound_gets_everything(start_server):
    """A tab that was asleep for a while has missed nothing, and has it in order."""
    server = start_server(HTTP)
    sleeper = Wire(server.port, receive_buffer=4096)
    sleeper.sync()
    # The big ones are more than a system takes at once: they go out in parts.
    messages = [os.urandom(300_000) for _ in range(10)] + [os.urandom(6_000_000) for _ in range(2)]
    with Wire(server.port) as speaker:
        for message in messages:
            speaker.say(message)
            assert speaker.hear() == message
        for message in messages:
            assert sleeper.hear() == message
        talk(speaker, sleeper)
    sleeper.close()
    is_idle(server)


def test_memory_for_stalled_readers_is_shared(start_server):
    """Five clients that do not read cost the message once, not five times."""
    server = start_server(HTTP)
    process = psutil.Process(server.process.pid)
    stalled = [Wire(server.port, receive_buffer=4096) for _ in range(5)]
    for client in stalled:
        client.sync()
    with Wire(server.port) as speaker:
        message = bytes(1_000_000)
        for _ in range(14):
            speaker.say(message)
            speaker.hear()
        grown = process.memory_info().rss / 1e6
        assert grown < 90
    for client in stalled:
        client.close()


def test_one_who_asks_and_does_not_read(start_server):
    """Pongs for a client that never reads are bounded, too."""
    server = start_server(HTTP, settings={"MAX_BACKLOG": 500_000})
    with Wire(server.port, receive_buffer=4096) as client, Wire(server.port) as healthy:
        healthy.sync()
        pings = frame(PING, b"x" * 125) * 2000
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                client.send(pings)
                if "connection closed" in server.output:
                    break
        server.expect("connection closed")
        talk(healthy)


# ---- clients that speak a lot --------------------------------------------------------


def test_flood(start_server):
    """20,000 messages of 1 KiB, as fast as they go, to ten readers: all there, all in order.

    The server's memory stays bounded.
    """
    server = start_server(HTTP)
    process = psutil.Process(server.process.pid)
    readers = [Wire(server.port) for _ in range(10)]
    for reader in readers:
        reader.sync()
    messages = [b"%8d" % number + bytes(1016) for number in range(20_000)]
    sent = [frame(BINARY, message) for message in messages]
    expected = b"".join(map(served, messages))
    most = [0]

    def speak():
        for start in range(0, len(sent), 64):
            readers[0].send(b"".join(sent[start : start + 64]))
            if not start % 640:
                most[0] = max(most[0], process.memory_info().rss)

    with meanwhile(speak):
        received, _ = gather(readers, len(expected))
    assert [data == expected for data in received] == [True] * 10
    assert max(most[0], process.memory_info().rss) < 150 * 1024 * 1024
    for reader in readers:
        reader.close()
    is_idle(server)
    assert server.errors == ""


def test_all_speak_and_all_hear_the_same_order(start_server):
    """Ten clients speak at once: each hears everything, in one order that is the same for all."""
    server = start_server(HTTP)
    clients = [Wire(server.port) for _ in range(10)]
    for client in clients:
        client.sync()
    texts = [[f"{who} {number:4}" for number in range(300)] for who in range(10)]
    size = sum(len(served(text)) for row in texts for text in row)
    start = threading.Barrier(10)

    def speak(client, row):
        start.wait()
        for text in row:
            client.say(text)

    speakers = [threading.Thread(target=speak, args=pair) for pair in zip(clients, texts)]
    for speaker in speakers:
        speaker.start()
    received, _ = gather(clients, size)
    for speaker in speakers:
        speaker.join()
    assert len(set(received)) == 1
    heard = [received[0][place + 2 : place + 8].decode() for place in range(0, size, 8)]
    for who, row in enumerate(texts):
        assert [text for text in heard if text.startswith(f"{who} ")] == row
    for client in clients:
        client.close()


ANSWERS = """
def message_received(client, server, message):
    server.send_message_to_all("all " + message)
    server.send_message(client, "you " + message)
    server.send_message_to_all("more " + message)
    if message.endswith("last"):
        client["handler"].send_close(1000, b"enough")
"""


def test_answer_does_not_overtake_what_was_sent_to_all(lesson):
    """To one, to all, and the close frame: each client gets them in the order they were sent."""
    server = lesson(ANSWERS)
    clients = [Wire(server.port) for _ in range(6)]
    for client in clients:
        client.sync()
    bursts = []
    for who in range(6):
        texts = [f"{who}.{number}" for number in range(150)] + [f"{who}.last"]
        bursts.append(b"".join(frame(TEXT, text) for text in texts))
    heard = [[] for _ in clients]

    def play(who):
        clients[who].send(bursts[who])
        with contextlib.suppress(EOFError):
            while True:
                heard[who].append(clients[who].hear())

    players = [threading.Thread(target=play, args=(who,)) for who in range(6)]
    for player in players:
        player.start()
    for player in players:
        player.join(PATIENCE)
        assert not player.is_alive()
    for who, texts in enumerate(heard):
        place = {text: number for number, text in enumerate(texts)}
        for name in [*range(150), "last"]:
            word = f"{who}.{name}"
            assert place[f"all {word}"] < place[f"you {word}"] < place[f"more {word}"]


BUSY = """
import time

def talk_for_ever(server):
    number = 0
    while True:
        server.send_message_to_all(str(number))
        number += 1
        if number % 50 == 0:
            time.sleep(0.001)

def new_client(client, server):
    print("in", client["id"])
    if client["id"] == 1:
        for _ in range(3):
            threading.Thread(target=talk_for_ever, args=(server,), daemon=True).start()
"""


def test_sending_from_other_threads_while_clients_come_and_go(lesson):
    """As a serial port does: nothing is raised, and each client hears whole messages only."""
    server = lesson(BUSY)
    stay = Wire(server.port)
    server.expect("in 1")
    for number in range(60):
        with Wire(server.port) as client:
            heard = [int(client.hear()) for _ in range(20)]
            assert len(heard) == 20
            if number % 2:
                client.vanish()
        server.expect(f"left {number + 2} 1")
    assert [int(stay.hear()) for _ in range(100)]
    stay.close()
    server.expect("left 1 0")
    assert server.errors == ""


# ---- lessons that raise --------------------------------------------------------------

RAISES = """
import json

def new_client(client, server):
    print("in", client["id"])
    if client["handler"].path == "/new":
        raise KeyError("new_client is wrong")

def client_left(client, server):
    print("left", client["id"], len(server.clients))
    if client["handler"].path == "/left":
        raise KeyError("client_left is wrong")

def message_received(client, server, message):
    if message == "number":
        server.send_message(client, 512)
    elif message == "exit":
        sys.exit("no more")
    else:
        server.send_message_to_all(str(json.loads(message)))
"""


@pytest.mark.parametrize(
    "path, message, error",
    [
        ("/", "hello", "JSONDecodeError"),
        ("/", "number", "TypeError.*send str"),
        ("/new", None, "KeyError.*new_client is wrong"),
    ],
)
def test_lesson_that_raises(lesson, path, message, error):
    """The traceback is printed, with the line of the lesson; that client gets 1011, no other."""
    server = lesson(RAISES)
    server.may_complain = True
    with Wire(server.port) as other:
        other.sync()
        with Wire(server.port, path=path) as client:
            if message:
                client.say(message)
            assert client.ending() == 1011
        server.expect_error(rf"Traceback(.*\n)+.*lesson\d+.py(.*\n)+.*{error}")
        server.expect("left 2 1")
        other.say("[1]")
        assert other.hear() == "[1]"
        with Wire(server.port) as another:
            another.say("[2]")
            assert another.hear() == "[2]"
    assert server.errors.count("Traceback") == 1
    is_idle(server)


def test_client_left_that_raises(lesson):
    """The client is out of the list all the same, the traceback is printed once."""
    server = lesson(RAISES)
    server.may_complain = True
    with Wire(server.port) as other:
        other.sync()
        for number in range(2, 5):
            with Wire(server.port, path="/left") as client:
                client.sync()
            server.expect(f"left {number} 1")
        other.say("[1]")
        assert other.hear() == "[1]"
    is_idle(server)
    assert server.errors.count("Traceback") == 3


def test_path_and_headers_are_there_for_the_lesson(lesson):
    """Rooms by path are a few lines."""
    server = lesson("""
def message_received(client, server, message):
    room = client["handler"].path
    name = client["handler"].headers["X-Name"]
    for other in server.clients:
        if other["handler"].path == room:
            server.send_message(other, f"{name} in {room}: {message}")
""")
    red, blue = Wire(server.port, path="/red", X_Name="Ada"), Wire(server.port, path="/blue?a=b")
    blue.say("hello")
    assert blue.hear() == "None in /blue?a=b: hello"
    red.say("hi")
    assert red.hear() == "Ada in /red: hi"
    assert blue.sync() == []
    red.close(), blue.close()


def test_closing_from_the_lesson(lesson):
    """send_close() tells the client why; what the lesson sends after it goes nowhere."""
    server = lesson("""
def message_received(client, server, message):
    server.send_message(client, "last word")
    client["handler"].send_close(4001, "adieu ü".encode())
    server.send_message(client, "one more")
""")
    with Wire(server.port) as client:
        client.say("close me")
        assert client.hear() == "last word"
        opcode, payload = client.read()
        assert (opcode, close_code(payload), payload[2:].decode()) == (CLOSE, 4001, "adieu ü")
        client.send(close_frame(4001))
        with pytest.raises(EOFError):
            client.read()
    server.expect("left 1 0")
    is_idle(server)


def test_closing_a_client_that_does_not_answer(lesson):
    """After a close frame the other side has a while to hang up, then it is cut."""
    server = lesson("""
sturdy_websocket.CLOSE_TIME = 0.3
sturdy_websocket.REQUEST_TIME = sturdy_websocket.PING_AFTER = 1000
""")
    stubborn = Wire(server.port)
    stubborn.send(frame(TEXT, b"\xff"))
    assert stubborn.ending() == 1007
    is_idle(server)
    stubborn.close()


REMOTE = """
import sys
sys.path.insert(0, sys.argv[1])
from sturdy_websocket import SturdyServer

server = SturdyServer(host="127.0.0.1", port=0)
server.set_fn_message_received(lambda client, server, message: server.send_message(client, message))
server.run_forever(threaded=True)
print("port", server.port)
for line in sys.stdin:
    exec(line)
    print("done")
"""


def test_the_other_methods_of_the_package(run):
    """What the package's documentation lists beside the callbacks works here as well."""
    server = run(python("-c", REMOTE, ROOT / "ws_server_example"), stdin=True)
    port = int(server.expect(r"port (\d+)")[1])

    def do(call):
        server.write(f"server.{call}\n")
        server.expect("done")

    one = Wire(port)
    one.sync()
    do("deny_new_connections(1013, b'later')")
    with Wire(port) as late:
        assert late.ending() == 1013
    do("allow_new_connections()")
    two = Wire(port)
    two.say("in")
    assert two.hear() == "in"
    do("disconnect_clients_gracefully(4000, b'lunch')")
    assert one.ending() == two.ending() == 4000
    one.close(), two.close()
    three = Wire(port)
    three.sync()
    do("disconnect_clients_abruptly()")
    assert three.ending() == 1006
    four = Wire(port)
    four.sync()
    do("shutdown_gracefully()")
    assert four.ending() == 1000
    four.close()
    with pytest.raises(ConnectionRefusedError):
        Wire(port)
    server.process.stdin.close()
    assert server.wait() == 0
    assert server.errors == ""


# ---- memory and time -----------------------------------------------------------------


@posix_only
def test_idle_clients_cost_little(run):
    """300 clients that only listen: 40 KB each at most, and no time at all."""
    # Python's development mode takes memory of its own, so this once it is off.
    server = run(
        [sys.executable, "server.py"], cwd=ROOT / HTTP, env={"PORT": (port := free_port())}
    )
    server.expect("Ctrl-C")
    process = psutil.Process(server.process.pid)
    with Wire(port) as first:
        first.sync()
        before = process.memory_info().rss
        clients = [Wire(port) for _ in range(300)]
        for client in clients:
            client.sync()
        each = (process.memory_info().rss - before) / 300
        used = sum(process.cpu_times()[:2])
        time.sleep(1)
        assert sum(process.cpu_times()[:2]) - used < 0.1
        assert each < 40_000
        for client in clients:
            client.close()


def test_declared_length_costs_nothing(start_server):
    """Fifty clients announce a message of 16 MB each and send no byte of it."""
    server = start_server(HTTP)
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    clients = [Wire(server.port) for _ in range(50)]
    for client in clients:
        client.sync()
        client.send(b"\x82\xff" + (16 * 1024 * 1024).to_bytes(8, "big") + b"mask" + b"x" * 10)
    with Wire(server.port) as other:
        other.sync()
        talk(other)
    assert process.memory_info().rss - before < 30e6
    for client in clients:
        client.close()
    is_idle(server)


def test_who_talks_on_after_a_close_is_cut_off(start_server):
    """Reading on until the client hangs up has an end, even if it never stops sending."""
    server = start_server(HTTP, settings={"CLOSE_TIME": 0.3})
    client = Wire(server.port)
    client.send(b"\xff\xff")
    end = time.monotonic() + PATIENCE
    with pytest.raises(ConnectionError):
        while time.monotonic() < end:
            client.send(bytes(1000))
    client.close()
