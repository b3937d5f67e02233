"""The terminal never holds up a client: gone, full, paused, or slower than what is said.

And what is printed comes out: whole, in order, up to the last line.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest
from course import PATIENCE, ROOT, SERVERS, free_port, python, server_command
from wire import TEXT, Wire, echo_of, frame, gather, served

pytestmark = pytest.mark.skipif(os.name == "nt", reason="pipes and terminals of Unix")
SERIAL = "serial_to_ws_server"


class Silent:
    """A server whose output goes to a file descriptor, and a board for the one that wants it."""

    def __init__(self, folder, output, errors=subprocess.PIPE):
        self.port, words = free_port(), []
        if folder == SERIAL:
            import tty

            self.board, self.pty = os.openpty()
            tty.setraw(self.pty)
            words = [os.ttyname(self.pty), "t"]
        self.folder = folder
        # These clients answer no ping, and in a long chat most of them say nothing.
        command = server_command(*words, settings={"PING_AFTER": 1000})
        self.process = subprocess.Popen(
            command, cwd=ROOT / folder, env={**os.environ, "PORT": str(self.port)},
            stdin=subprocess.DEVNULL, stdout=output, stderr=errors)  # fmt: skip

    def join(self, **options):
        """Returns a client that is in the list of clients."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                client = Wire(self.port, **options)
                break
            except ConnectionRefusedError:
                assert time.monotonic() < end, "the server does not listen"
                time.sleep(0.05)
        client.sync()
        return client

    def say(self, client, text):
        """Lets a client, or the board, say something that all clients hear. Returns the echo."""
        if self.folder == SERIAL:
            os.write(self.board, f"{text}\n".encode())
            return text
        client.say(text)
        return echo_of(self.folder, text)


@pytest.fixture
def silent():
    """Returns silent(folder, output): a Silent, which is ended with the test."""
    servers = []

    def start(*args, **options):
        servers.append(Silent(*args, **options))
        return servers[-1]

    yield start
    for server in servers:
        server.process.kill()
        server.process.wait()
        if server.process.stderr:
            server.process.stderr.close()
        if server.folder == SERIAL:
            os.close(server.board)
            os.close(server.pty)


def chat(server, clients, seconds, rate=1000, begin=0):
    """One says so many lines a second, all hear each of them, in order. Returns their number."""
    expected, end = [], time.monotonic() + seconds
    size = 0
    heard = [bytearray() for _ in clients]
    stop = threading.Event()

    def listen(client, data):
        client.socket.settimeout(0.2)
        while not (stop.is_set() and len(data) >= size):
            with contextlib.suppress(socket.timeout):
                got = client.socket.recv(65536)
                assert got, "hung up"
                data += got

    listeners = [threading.Thread(target=listen, args=pair) for pair in zip(clients, heard)]
    for listener in listeners:
        listener.start()
    number = begin
    while time.monotonic() < end:
        text = f"{number:7} " + "x" * 60
        echo = server.say(clients[0], text)
        expected.append(served(echo))
        size += len(expected[-1])
        number += 1
        time.sleep(1 / rate)
    stop.set()
    for listener in listeners:
        listener.join(PATIENCE)
        assert not listener.is_alive(), "somebody has not heard everything"
    assert [bytes(data) == b"".join(expected) for data in heard] == [True] * len(clients)
    return number


def settle(server, clients):
    """A serial port loses its first line: it was opened in the middle of it."""
    if server.folder == SERIAL:
        server.say(clients[0], "lost")
        deadline = time.monotonic() + PATIENCE
        server.say(clients[0], "ready")
        for client in clients:
            assert client.hear_until("ready") and time.monotonic() < deadline


@pytest.mark.parametrize("folder", SERVERS)
def test_pipe_that_nobody_reads(silent, folder):
    """A thousand lines a second from one of ten: everybody hears all. Later some are left out."""
    out, into = os.pipe()
    server = silent(folder, into)
    os.close(into)
    clients = [server.join() for _ in range(10)]
    settle(server, clients)
    number = chat(server, clients, seconds=float(os.environ.get("SECONDS_OF_CHAT", "4")))
    # More than a pipe and the bound of what waits can take, quickly.
    texts = [f"{number + i:7} " + "x" * 60 for i in range(20_000)]
    expected = b"".join(served(echo_of(folder, text) or text) for text in texts)

    def flood():
        for start in range(0, len(texts), 100):
            for text in texts[start : start + 100]:
                if folder == SERIAL:
                    os.write(server.board, f"{text}\n".encode())
            if folder != SERIAL:
                clients[0].send(b"".join(frame(TEXT, t) for t in texts[start : start + 100]))

    flooding = threading.Thread(target=flood)
    flooding.start()
    received, _ = gather(clients, len(expected))
    flooding.join(PATIENCE)
    assert [data == expected for data in received] == [True] * 10
    printed = b""
    with open(out, "rb", buffering=0) as pipe:
        while b"left out" not in printed:
            printed += pipe.read(65536)
            assert printed
        server.process.terminate()
        while data := pipe.read(65536):
            printed += data
    lines = printed.decode().splitlines()
    numbers = [int(found[1]) for line in lines if (found := re.search(r"(\d+) xxx", line))]
    assert numbers == sorted(numbers) and len(numbers) > 1000
    left_out = sum(int(re.search(r"\d+", line)[0]) for line in lines if "left out" in line)
    # What is missing is what is said to be missing: lines of the chat only, or of those who go.
    assert left_out >= number + len(texts) - len(numbers)
    assert lines[-1] == "Server stopped."
    for client in clients:
        client.close()


@pytest.mark.parametrize("folder", SERVERS)
def test_terminal_that_is_paused(silent, folder):
    """Ctrl-S, or text selected in the window of a Windows terminal: nobody waits for it."""
    window, terminal = os.openpty()
    server = silent(folder, terminal, errors=terminal)
    clients = [server.join() for _ in range(3)]
    settle(server, clients)
    seen = b""
    while b"New Connection" not in seen:
        seen += os.read(window, 65536)
    os.write(window, b"\x13")
    number = chat(server, clients, seconds=2)
    os.write(window, b"\x11")
    last = f"{number - 1:7} xxx".encode()
    while last not in seen:
        seen += os.read(window, 65536)
    # Nothing was too much: all of it is there now.
    assert [int(n) for n in re.findall(rb"(\d+) xxx", seen)] == list(range(number))
    for client in clients:
        client.close()
    os.close(window)
    os.close(terminal)


def test_stopped_while_the_terminal_is_paused(silent):
    """Ctrl-C works all the same; the last words wait for the terminal, but not for ever."""
    out, into = os.pipe()
    server = silent("http_ws_server_example", into)
    os.close(into)
    client = server.join()
    for _ in range(2000):
        client.say("x" * 90)
        client.hear()
    server.process.terminate()
    assert client.ending() == 1001
    assert server.process.wait(PATIENCE) == 0
    assert server.process.stderr.read() == b""
    client.close()
    os.close(out)


@pytest.mark.parametrize("output", ["gone", "full"])
@pytest.mark.parametrize("folder", SERVERS)
def test_output_gone_or_full(silent, folder, output):
    """As in `python server.py | head -1`, or on a full disk."""
    if output == "full" and not os.path.exists("/dev/full"):
        pytest.skip("only Linux has such a device")
    out, into = os.pipe() if output == "gone" else (None, os.open("/dev/full", os.O_WRONLY))
    server = silent(folder, into)
    os.close(into)
    clients = [server.join() for _ in range(2)]
    if output == "gone":
        with open(out, "rb", buffering=0) as pipe:
            pipe.read(1)
    settle(server, clients)
    chat(server, clients, seconds=0.5, rate=100)
    server.process.terminate()
    assert [client.ending() for client in clients] == [1001, 1001]
    # Python itself complains about an output that is closed or full when it ends.
    server.process.wait(PATIENCE)
    assert b"Traceback" not in server.process.stderr.read()
    for client in clients:
        client.close()


TALKS = """
import os, sys, threading
sys.path.insert(0, sys.argv[1])
from sturdy_websocket import SturdyServer

server = SturdyServer(port=0)
for number in range({lines}):
    print("out", number)
    if number % 10 == 0:
        print("err", number, file=sys.stderr)
    if number % 1000 == 0:
        sys.stdout.write("no end of line yet, ")
        print("and more: äöü \\U0001f600", end=" and ")
        print("end")
print("last line without an end", end="")
{end}
"""


@pytest.mark.parametrize(
    "end, code, last",
    [
        ("", 0, "last line without an end"),
        ("sys.exit('bye')", 1, "last line without an endbye\n"),
        ("sys.exit(3)", 3, "last line without an end"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
    ],
)
@pytest.mark.parametrize("into", ["pipe", "file"])
def test_everything_printed_comes_out(tmp_path, into, end, code, last):
    """Into a pipe and a file too: whole, in order, with standard error in its place."""
    lines = 3000
    file = tmp_path / "talks.py"
    file.write_text(TALKS.format(lines=lines, end=end), encoding="utf-8")
    command = [sys.executable, file, ROOT / "ws_server_example"]
    env = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    if into == "pipe":
        done = subprocess.run(
            command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env
        )
        text = done.stdout.decode()
    else:
        with open(tmp_path / "log", "wb") as log:
            done = subprocess.run(command, check=False, stdout=log, stderr=log, env=env)
        text = (tmp_path / "log").read_text(encoding="utf-8")
    expected = []
    for number in range(lines):
        expected.append(f"out {number}")
        if number % 10 == 0:
            expected.append(f"err {number}")
        if number % 1000 == 0:
            expected.append("no end of line yet, and more: äöü \U0001f600 and end")
    assert text.splitlines()[: len(expected)] == expected
    rest = text.split(expected[-1] + "\n", 1)[1]
    assert rest.startswith("last line without an end") and rest.endswith(last)
    assert done.returncode == code


AT_THE_END = """
import atexit, sys
sys.path.insert(0, sys.argv[1])
# What is registered first runs last, when all is written.
atexit.register(lambda: print(server_help.Terminal.lines, server_help.Terminal.busy))
import server_help

class Lines(list):
    def append(self, line):
        assert server_help.Terminal.changed._is_owned()
        super().append(line)

    def clear(self):
        assert server_help.Terminal.changed._is_owned()
        super().clear()

server_help.Terminal.lines = Lines()
print("hello")
"""


def test_at_the_end_nothing_is_under_way(run):
    """All lines are written, and they were shared with the lock only."""
    program = run(python("-c", AT_THE_END, ROOT / "ws_server_example"))
    assert program.wait() == 0
    assert program.output == "hello\n[] False\n"


def test_output_that_is_gone_takes_no_other_with_it(run):
    """Nobody reads standard output any more; what stands in the errors is still to be seen."""
    code = """if True:
        import os, sys
        sys.path.insert(0, "")
        import server_help
        out, into = os.pipe()
        os.close(out)
        os.dup2(into, 1)
        print("to nobody")
        print("seen", file=sys.stderr)"""
    program = run(python("-c", code), cwd=ROOT / "ws_server_example")
    program.wait()
    assert program.errors.startswith("seen\n")


IN_HASTE = """
import sys, threading, types
sys.path.insert(0, sys.argv[1])
import server_help
calls, soon = [], threading.Timer(0.5, lambda: None)

class Raw:
    def write(self, data):
        calls.append(data)
        return None if soon.is_alive() else len(data)

terminal = server_help.Terminal(sys.stdout.stream)
terminal.stream = types.SimpleNamespace(buffer=Raw(), encoding="utf-8")
soon.start()
terminal.write_now("hello")
print(len(calls) < 100, calls[-1])
"""


def test_output_that_does_not_wait_is_full(run):
    """It is tried again, but not in haste: that would be a whole core."""
    program = run(python("-c", IN_HASTE, ROOT / "ws_server_example"))
    assert program.wait() == 0
    assert program.output == "True b'hello'\n"
