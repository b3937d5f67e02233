"""Ports and options: what is listed, and a sentence for each that can't work."""

import errno
import os
import socket
import sys
import time

import course
import pytest
from course import ROOT, python
from serial_board import FOLDER, hear, refuse


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
    """On macOS each port has a second name, which begins with tty."""
    text = list_of(
        lesson,
        monkeypatch,
        ("/dev/ttyS0", "n/a", None),
        ("/dev/tty.usbmodem1", "Arduino Uno", 0x2341),
        ("/dev/cu.usbmodem1", "Arduino Uno", 0x2341),
    )
    assert text.splitlines()[1:3] == [
        "  python server.py /dev/cu.usbmodem1 t    (Arduino Uno)",
        "  python server.py /dev/ttyS0 t    (n/a)",
    ]
    assert "/dev/tty." not in text and "cable" not in text


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


@pytest.mark.parametrize("words, rate", [([], 9600), (["--baud", "115200"], 115200)])
def test_baud_rate(listen, board, words, rate):
    termios = pytest.importorskip("termios")  # not on Windows
    listen(board.name, "t", *words)
    assert termios.tcgetattr(board.there)[4] == getattr(termios, f"B{rate}")


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
    fcntl = pytest.importorskip("fcntl")  # not on Windows
    fcntl.flock(board.there, fcntl.LOCK_EX)
    assert "Serial Monitor" in refuse(run, board.name, "t")


def test_nobody_else_gets_the_port(start_server, board):
    """The server holds it exclusively, from the start until its end."""
    fcntl = pytest.importorskip("fcntl")  # not on Windows
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
    "number, text, sentence",
    [
        # What pyserial 3.5 raises on Windows: all is in the text.
        (None, "FileNotFoundError(2, 'The system cannot …', None, 2)", "no serial port COM3."),
        (None, "PermissionError(13, 'Access is denied.', None, 5)", "COM3 is in use by another"),
        (
            None,
            "OSError(22, 'The semaphore …', None, 121)",
            "COM3 can't be opened as a serial port",
        ),
        (errno.EBUSY, "[Errno 16] Resource busy", "in use by another program"),
        (errno.EAGAIN, "Could not exclusively lock port: [Errno 35]", "in use by another program"),
        (errno.ENOENT, "", "There is no serial port"),
        (errno.EACCES, "", "dialout"),
    ],
)
def test_advice_on_other_systems(lesson, number, text, sentence):
    text = f"could not open port 'COM3': {text}"
    error = OSError(number, text) if number else OSError(text)
    assert sentence in lesson.serial_help.port_advice(error, "COM3")


def test_wrong_package_named_serial(run, tmp_path):
    (tmp_path / "serial.py").write_text("")
    said = refuse(run, "demo", env={"PYTHONPATH": tmp_path})
    assert "pip uninstall serial" in said and "pyserial==3.5" in said


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
