"""The serial server with a pty as the board: what is printed, cut, unplugged, busy or garbled."""

import contextlib
import errno
import fcntl
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import types
from unittest import mock

import course
import psutil
import pytest
from course import PATIENCE, ROOT, python
from hypothesis import given
from hypothesis import strategies as some
from wire import Wire, gather, meanwhile, served

pty = pytest.importorskip("pty", reason="the board is a pty, and Windows has none")
tty = pytest.importorskip("tty")

FOLDER = "serial_to_ws_server"
# What pyserial 3.5 raises: on Windows all is in the text.
WINDOWS = "could not open port 'COM3': {}"


class Board:
    """A pty as the board on a cable. The server opens .name, which stays the same."""

    def __init__(self, name):
        self.name, self.plugged = name, False
        self.plug()

    def plug(self):
        self.here, self.there = pty.openpty()
        tty.setraw(self.there)
        os.symlink(os.ttyname(self.there), self.name)
        self.plugged = True

    def unplug(self):
        """Pulls the cable. The name goes first: others may get the same pty a moment later."""
        if self.plugged:
            self.plugged = False
            os.unlink(self.name)
            os.close(self.there)
            os.close(self.here)

    def print(self, data):
        """Sends bytes as the sketch would; waits where the computer does not take them."""
        view = memoryview(data)
        while view:
            view = view[os.write(self.here, view) :]

    def read(self, size):
        """Waits for this many bytes from the computer."""
        data = b""
        while len(data) < size:
            data += os.read(self.here, size - len(data))
        return data


@pytest.fixture
def board(tmp_path):
    board = Board(str(tmp_path / "board"))
    yield board
    board.unplug()


@pytest.fixture
def listen(start_server, connect):
    """Returns listen(*words): a server on these words, and a client that is in."""

    def start(*words):
        server = start_server(FOLDER, *words)
        client = connect(server.url)
        server.expect("New Connection")
        return server, client

    return start


@pytest.fixture(scope="module")
def lesson():
    """The modules server and serial_help of the folder, under names of their own."""
    sys.path.insert(0, str(ROOT / FOLDER))
    try:
        modules = types.SimpleNamespace()
        for name in ("serial_help", "server"):
            path = ROOT / FOLDER / f"{name}.py"
            spec = importlib.util.spec_from_file_location(f"lesson_{name}", path)
            setattr(modules, name, importlib.util.module_from_spec(spec))
            spec.loader.exec_module(getattr(modules, name))
        return modules
    finally:
        sys.path.remove(str(ROOT / FOLDER))


def hear(client, count):
    return [client.recv(timeout=PATIENCE) for _ in range(count)]


def hear_until(client, last):
    """Returns the messages up to this one, which is the last in the list."""
    heard = hear(client, 1)
    while heard[-1] != last:
        heard += hear(client, 1)
    return heard


def refuse(run, *words, prefix=None, **options):
    """Runs the server with words that can't work; returns its sentences."""
    program = run(prefix or python("server.py", *words), cwd=ROOT / FOLDER, **options)
    assert program.wait() not in (0, None)
    assert "Traceback" not in program.errors + program.output
    assert "running" not in program.output.replace("Is the program at the other end running", "")
    return program.errors


# ---- without a board -----------------------------------------------------------------


def test_no_argument_lists_or_advises(run):
    program = run(python("server.py"), cwd=ROOT / FOLDER)
    assert program.wait() == 0
    assert "python server.py demo t" in program.output
    assert "what to type:" in program.output or "Try another cable" in program.output


def list_of(lesson, monkeypatch, *ports):
    """Returns port_list() for a computer with ports of these (device, description, USB vendor)."""
    from serial.tools.list_ports_common import ListPortInfo

    found = []
    for device, description, vendor in ports:
        found.append(ListPortInfo(device))
        found[-1].description, found[-1].vid = description, vendor
    monkeypatch.setattr(lesson.serial_help, "comports", lambda: found)
    return lesson.serial_help.port_list()


def test_list_shows_boards_first_and_what_to_type(lesson, monkeypatch):
    text = list_of(
        lesson, monkeypatch, ("/dev/ttyS0", "n/a", None), ("/dev/ttyACM0", "Arduino Uno", 0x2341)
    )
    rows = text.splitlines()
    assert rows[1] == "  python server.py /dev/ttyACM0 t    (Arduino Uno)"
    assert rows[2] == "  python server.py /dev/ttyS0 t    (n/a)"
    assert "cable" not in text


def test_list_on_macos_has_no_tty(lesson, monkeypatch):
    text = list_of(
        lesson,
        monkeypatch,
        ("/dev/tty.usbmodem1", "Uno", 0x2341),
        ("/dev/cu.usbmodem1", "Uno", 0x2341),
    )
    assert "/dev/cu.usbmodem1" in text and "/dev/tty." not in text


@pytest.mark.parametrize("ports", [[], [("/dev/cu.Bluetooth-Incoming-Port", "n/a", None)]])
def test_no_board_gets_advice(lesson, monkeypatch, ports):
    text = list_of(lesson, monkeypatch, *ports)
    assert "another cable" in text and "driver" in text and "python server.py demo t" in text


@pytest.mark.parametrize("mode", [["t"], []])
def test_demo_moves(listen, mode):
    """Ten numbers a second that go up and down, in lines or as they come."""
    server, client = listen("demo", *mode)
    began = time.monotonic()
    heard = hear(client, 8)
    assert time.monotonic() - began > 0.5
    assert len({int(message) for message in heard}) > 1
    assert all(0 <= int(message) <= 1023 for message in heard)
    assert all(message.endswith("\r\n") for message in heard) == (not mode)
    server.expect(heard[-1].strip())


@pytest.mark.parametrize(
    "word, lines",
    [
        ("t", True),
        ("true", True),
        ("1", True),
        ("lines", True),
        ("T", True),
        ("f", False),
        ("false", False),
        ("0", False),
        ("FALSE", False),
        (None, False),
    ],
)
def test_line_modes(lesson, monkeypatch, word, lines):
    monkeypatch.setattr(sys, "argv", ["server.py", "demo", *([word] if word else [])])
    assert lesson.server.read_options().lines is lines


# ---- what can't work -----------------------------------------------------------------


@pytest.mark.parametrize(
    "words, sentences",
    [
        (["COM99"], ["There is no serial port COM99.", "python server.py demo t"]),
        (["/dev/ttyACM99", "t"], ["There is no serial port /dev/ttyACM99."]),
        (["demo", "yes"], ["The line mode is t", "not yes"]),
        (["demo", "t", "--binary"], ["leave out the line mode"]),
        (["demo", "--baud", "fast"], ["--baud", "fast"]),
        (["server.py"], ["can't be opened as a serial port", "type: python server.py"]),
        (["."], ["can't be opened as a serial port"]),
        (["socket://127.0.0.1:1"], ["can't be reached", "address right"]),
        (["socket://nowhere"], ["can't be reached"]),
        (["teapot://x"], ["can't be reached", "teapot"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_refusals(run, words, sentences):
    said = refuse(run, *words)
    assert all(sentence in said for sentence in sentences), said


def test_port_in_use_by_another_server(start_server, run, board):
    start_server(FOLDER, board.name, "t")
    said = refuse(run, board.name, "t")
    assert f"{board.name} is in use" in said and "Serial Monitor" in said


def test_port_in_use_by_another_program(run, board):
    fcntl.flock(board.there, fcntl.LOCK_EX)
    assert "Serial Monitor" in refuse(run, board.name, "t")


def test_nobody_else_gets_the_port(start_server, board):
    """The server holds it exclusively, from the start until its end."""
    server = start_server(FOLDER, board.name, "t")
    with pytest.raises(BlockingIOError):
        fcntl.flock(board.there, fcntl.LOCK_EX | fcntl.LOCK_NB)
    server.stop()
    fcntl.flock(board.there, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_port_without_permission(run, board):
    """As an ordinary user: nobody, who may not be allowed to read Python's own files either."""
    os.chmod(board.name, 0)
    said = refuse(
        run,
        prefix=python(
            "-c",
            "import os, sys; sys.path.insert(0, ''); import serial_help; "
            "os.geteuid() or os.setuid(65534); serial_help.open_port(sys.argv[1], 9600)",
            os.ttyname(board.there),
        ),
    )
    assert "no permission" in said and "sudo usermod -a -G dialout $USER" in said


@pytest.mark.parametrize(
    "error, sentence",
    [
        (
            OSError(WINDOWS.format("FileNotFoundError(2, 'The system cannot find …', None, 2)")),
            "There is no serial port COM3.",
        ),
        (
            OSError(WINDOWS.format("PermissionError(13, 'Access is denied.', None, 5)")),
            "COM3 is in use by another program.",
        ),
        (
            OSError(
                WINDOWS.format(
                    "OSError(22, 'The semaphore timeout period has expired.', None, 121)"
                )
            ),
            "COM3 can't be opened as a serial port",
        ),
        (
            OSError(errno.EBUSY, "could not open port /dev/cu.usbmodem1: [Errno 16] Resource busy"),
            "in use by another program",
        ),
        (
            OSError(errno.EAGAIN, "Could not exclusively lock port /dev/cu.usbmodem1: [Errno 35]"),
            "in use by another program",
        ),
        (OSError(errno.ENOENT, "could not open port"), "There is no serial port"),
        (OSError(errno.EACCES, "could not open port"), "dialout"),
    ],
)
def test_advice_on_other_systems(lesson, error, sentence):
    assert sentence in lesson.serial_help.port_advice(error, "COM3")


def test_wrong_package_named_serial(run, tmp_path):
    (tmp_path / "serial.py").write_text("")
    said = refuse(run, "demo", env={"PYTHONPATH": tmp_path})
    assert "pip uninstall serial" in said and "pyserial==3.5" in said


# ---- lines and raw text --------------------------------------------------------------


def test_lines_in_any_pieces(listen, board):
    """Half a line at first is dropped; then each line comes once and whole, with either end."""
    server, client = listen(board.name, "t")
    pieces = [
        b"tail of a li",
        b"ne\r\n",
        b"5",
        b"12\r",
        b"\nhel",
        b"lo",
        b"\n",
        b"\xc3",
        b"\xa4\r\n\r\na",
        b"\tb\n",
        b"cr\rin it\n",
        b"end\n",
    ]
    for piece in pieces:
        board.print(piece)
        time.sleep(0.01)  # so that the reads fall apart; whole is right, however they fall
    assert hear(client, 7) == ["512", "hello", "ä", "", "a\tb", "cr\rin it", "end"]
    server.expect("^hello$")
    assert "tail" not in server.output


def lines_of(data, limit):
    """Returns the lines that have to arrive: by the rules, not by the server's way to them."""
    *lines, rest = data.split(b"\n")
    cut = [line[i : i + limit] for line in lines for i in range(0, max(len(line), 1), limit)]
    cut += [rest[i : i + limit] for i in range(0, len(rest) - limit, limit)]
    return [line.decode("utf-8", "replace").rstrip("\r") for line in cut[1:]]


@given(
    text=some.text("ab\r\n\n\nä😀", max_size=100),
    cuts=some.sets(some.integers(0, 200), max_size=20),
    limit=some.integers(4, 12),
)
def test_lines_do_not_depend_on_the_cuts(lesson, text, cuts, limit):
    """However the reads fall, even inside a letter, the lines are the same, none over the limit."""
    data = text.encode()
    edges = sorted(
        {0, len(data), *range(0, len(data), limit), *(cut for cut in cuts if cut < len(data))}
    )
    pieces = [data[start:end] for start, end in zip(edges, edges[1:])]
    options = types.SimpleNamespace(lines=True)
    board = types.SimpleNamespace(pieces=lambda: iter(pieces))
    with mock.patch.object(lesson.server, "MAX_LINE", limit):
        heard = list(lesson.server.messages_from(board, options))
    assert heard == lines_of(data, limit)


def test_raw_text_keeps_letters_whole(listen, board):
    """Without a line mode everything is passed on as it comes, but no letter in halves."""
    server, client = listen(board.name)
    letters = "ä€😀".encode()
    for i in range(len(letters)):
        board.print(letters[i : i + 1])
        time.sleep(0.01)
    board.print(b"\r\n")
    heard = "".join(hear_until(client, "\r\n"))
    assert heard == "ä€😀\r\n"


def test_binary_is_untouched(listen, board):
    server, client = listen(board.name, "--binary")
    data = bytes(range(256)) * 4
    with meanwhile(board.print, data):
        heard = b""
        while len(heard) < len(data):
            message = client.recv(timeout=PATIENCE)
            assert isinstance(message, bytes)
            heard += message
    assert heard == data
    server.expect(r"\(\d+ bytes\)")


def test_noise_at_the_start_is_normal(listen, board):
    server, client = listen(board.name, "t")
    board.print(b"\xff\xfe\x00\x80noise\n\xff1\n" + b"512\r\n" * 30 + b"end\n")
    assert hear_until(client, "end") == ["\ufffd1"] + ["512"] * 30 + ["end"]
    assert "baud" not in server.output


@pytest.mark.parametrize(
    "noise", [b"\xff\xff\xe0\n", b"\xfe\x80\x00\xf8"], ids=["lines", "no lines"]
)
def test_wrong_baud_rate_gets_one_hint(listen, board, noise):
    """Most of it is unreadable: one hint, and all is passed on as before."""
    server, client = listen(board.name, "t", "--baud", "115200")
    board.print(noise * 200 + b"\nend\n")
    hear_until(client, "end")
    server.expect(r"Serial\.begin\(\)[^$]*115200")
    for last in ("once more", "and again"):
        board.print(noise * 200 + b"\n%s\n" % last.encode())
        hear_until(client, last)
        server.expect(f"^{last}$")
    assert server.output.count("Serial.begin()") == 1


def test_a_million_bytes_without_an_end(listen, board):
    """They arrive cut at 4 KiB, nothing piles up, and the next line is whole."""
    server, client = listen(board.name, "t")
    board.print(b"begin\n")
    before = psutil.Process(server.process.pid).memory_info().rss
    with meanwhile(board.print, b"x" * 1_000_000 + b"\nend\n"):
        heard = hear_until(client, "end")
    assert [len(message) for message in heard[:-2]] == [4096] * (1_000_000 // 4096)
    assert "".join(heard[:-1]) == "x" * 1_000_000
    assert psutil.Process(server.process.pid).memory_info().rss - before < 10_000_000


# ---- speed ---------------------------------------------------------------------------


def test_flood_to_ten_clients(start_server, board):
    """100,000 numbered lines reach everyone, all and in order, though one client never reads."""
    server = start_server(FOLDER, board.name, "t")
    wires = [Wire(server.port) for _ in range(10)]
    stalled = Wire(server.port, receive_buffer=4096)
    for wire in [*wires, stalled]:
        wire.sync()
    lines = [str(number) for number in range(100_000)]
    expected = b"".join(served(line) for line in lines)
    with meanwhile(board.print, "\r\n".join(["half a line", *lines, ""]).encode()):
        received, _ = gather(wires, len(expected))
    assert all(data == expected for data in received)
    for wire in [*wires, stalled]:
        wire.close()


# ---- the cable -----------------------------------------------------------------------


def test_unplugged_and_back_three_times(listen, board):
    """The client stays, and hears the board again as soon as it is back under its name."""
    server, client = listen(board.name, "t")
    for number in range(3):
        board.print(b"half\nbefore %d\n" % number if number == 0 else b"before %d\n" % number)
        assert hear(client, 1) == [f"before {number}"]
        board.unplug()
        server.expect("is gone: is the cable unplugged")
        client.ping().wait(PATIENCE)
        board.plug()
        server.expect("is back")
        board.print(b"half\nafter %d\n" % number)
        assert hear(client, 1) == [f"after {number}"]
    assert "connection closed" not in server.output
    assert server.stop() == 0


def test_unplugged_in_the_middle_of_a_line(listen, board):
    """Two halves from before and after are not put together."""
    server, client = listen(board.name, "t")
    board.print(b"half\nwhole\n51")
    assert hear(client, 1) == ["whole"]
    board.unplug()
    server.expect("is gone")
    board.plug()
    server.expect("is back")
    board.print(b"2\n300\n")
    assert hear(client, 1) == ["300"]


def test_stop_while_unplugged(listen, board):
    server, client = listen(board.name, "t")
    board.unplug()
    server.expect("is gone")
    assert server.stop() == 0


def test_stop_while_the_port_is_silent(start_server, board):
    """Ctrl-C ends the server within a second; a busy machine gets three tries."""
    for _attempt in range(3):
        server = start_server(FOLDER, board.name, "t")
        began = time.monotonic()
        assert server.stop(signal.SIGINT) == 0
        if time.monotonic() - began < 1:
            break
    else:
        pytest.fail("it took more than a second")
    assert server.output.endswith("Server stopped.\n")


def test_the_reader_thread_closes_the_port(run, board):
    """It is closed where it is read, before the program ends."""
    tell = (
        "import sys, threading; sys.path.insert(0, ''); import server, serial\n"
        "class Serial(serial.Serial):\n"
        "    def close(self):\n"
        "        print('closed by', threading.current_thread().name, flush=True)\n"
        "        super().close()\n"
        "serial.Serial = Serial\n"
        "server.main()"
    )
    server = run(
        python("-c", tell, board.name, "t"), cwd=ROOT / FOLDER, env={"PORT": course.free_port()}
    )
    server.expect("SECRET_PORT|none can reach")
    assert server.stop() == 0
    closers = [line for line in server.output.splitlines() if line.startswith("closed by")]
    assert closers[0] != "closed by MainThread"


def test_nothing_is_printed_after_the_end(listen, board):
    """The thread has ended when the server says so, also in a flood."""
    server, client = listen(board.name, "t")
    ended = threading.Event()

    def flood():
        with contextlib.suppress(OSError):
            while not ended.is_set():
                os.write(board.here, b"x\n" * 100)

    os.set_blocking(board.here, False)
    with meanwhile(flood):
        hear(client, 100)
        client.close()
        assert server.stop() == 0
        ended.set()
    assert server.output.endswith("Server stopped.\n")


def test_closed_terminal(board, connect):
    """The browsers still get their lines when the window with the server is gone."""
    port = course.free_port()
    with subprocess.Popen(
        python("server.py", board.name, "t"),
        cwd=ROOT / FOLDER,
        text=True,
        env=dict(os.environ, PORT=str(port)),
        stdout=subprocess.PIPE,
    ) as server:
        try:
            while "Ctrl-C" not in server.stdout.readline():
                pass
            client = connect(f"ws://127.0.0.1:{port}")
            while "New Connection" not in server.stdout.readline():
                pass
            server.stdout.close()
            for number in range(3):
                board.print(b"half\n1\n" if number == 0 else b"1\n")
                assert hear(client, 1) == ["1"]
        finally:
            server.kill()


# ---- writing to the board ------------------------------------------------------------


def test_write(listen, board):
    """Each message is one line for the board; bytes go as they are; the answer comes back."""
    server, client = listen(board.name, "t", "--write")
    client.send("on")
    client.send("two\r\nlines ä")
    client.send(b"\x00\xff")
    expected = b"on\n" + "two lines ä\n".encode() + b"\x00\xff"
    assert board.read(len(expected)) == expected
    server.expect("^127.0.0.1: on$")
    board.print(b"half\nis on\n")
    assert hear(client, 1) == ["is on"]


def test_nothing_is_written_without_the_option(listen, board):
    server, client = listen(board.name, "t")
    client.send("on")
    server.expect("^127.0.0.1: on$")
    client.ping().wait(PATIENCE)
    os.set_blocking(board.here, False)
    with pytest.raises(BlockingIOError):
        os.read(board.here, 1)


def test_write_to_a_board_that_is_gone(listen, board):
    server, client = listen(board.name, "t", "--write")
    board.unplug()
    server.expect("is gone")
    client.send("on")
    server.expect("^The board did not get that: ")
    board.plug()
    server.expect("is back")
    client.send("off")
    assert board.read(4) == b"off\n"


def test_write_to_a_board_that_does_not_listen(listen, board):
    """It costs the writer a second, and the others nothing."""
    server, client = listen(board.name, "t", "--write")
    client.send("x" * 1_000_000)
    server.expect("^The board did not get that: ")
    board.print(b"half\nstill here\n")
    assert hear(client, 1) == ["still here"]


# ---- other kinds of ports ------------------------------------------------------------


def test_socket(listen):
    """socket://: a program that serves lines; when it is started again, it goes on."""
    with socket.create_server(("127.0.0.1", 0)) as peer:
        server, client = listen(f"socket://127.0.0.1:{peer.getsockname()[1]}", "t", "--write")
        for number in range(2):
            with peer.accept()[0] as far_end:
                far_end.sendall(b"half\nline %d\r\nand " % number)
                assert hear(client, 1) == [f"line {number}"]
                far_end.sendall(b"on\n")
                assert hear(client, 1) == ["and on"]
                client.send("hello")
                assert far_end.recv(100) == b"hello\n"
            server.expect("is gone")
            server.expect("is back")


def test_loop(listen):
    """loop://: what is written comes back."""
    server, client = listen("loop://", "t", "--write")
    client.send("half")
    client.send("whole")
    assert hear(client, 1) == ["whole"]
    assert server.stop() == 0


RFC2217_SERVER = """
import serial, serial.rfc2217, socket, threading, types
port = serial.serial_for_url("loop://", timeout=1)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection = listener.accept()[0]
manager = serial.rfc2217.PortManager(port, types.SimpleNamespace(write=connection.sendall))
def out():
    while True:
        connection.sendall(b"".join(manager.escape(port.read(port.in_waiting or 1))))
threading.Thread(target=out, daemon=True).start()
while data := connection.recv(1024):
    port.write(b"".join(manager.filter(data)))
"""


def test_rfc2217(run, connect):
    """rfc2217://: a port on another computer. pyserial itself warns there, so without -W error."""
    far_end = run([sys.executable, "-c", RFC2217_SERVER])
    address = f"rfc2217://127.0.0.1:{far_end.expect('[0-9]+').group()}"
    port = course.free_port()
    server = run(
        [sys.executable, "server.py", address, "t", "--write"],
        cwd=ROOT / FOLDER,
        env={"PORT": port},
    )
    server.expect("Ctrl-C")
    client = connect(f"ws://127.0.0.1:{port}")
    server.expect("New Connection")
    client.send("half")
    client.send("there and back")
    assert hear(client, 1) == ["there and back"]
    assert server.stop() == 0
    assert server.output.endswith("Server stopped.\n")
