"""Ports and options: what is listed, and a sentence for each that can't work."""

import errno
import time

import pytest
from serial_board import FOLDER, hear, hear_until, refuse, run_with


def list_of(run, *ports):
    """Returns what is listed on a computer with ports of these (device, description, vendor)."""
    change = f"""
from serial.tools import list_ports
from serial.tools.list_ports_common import ListPortInfo
def comports():
    for device, description, vendor in {ports!r}:
        port = ListPortInfo(device)
        port.description, port.vid = description, vendor
        yield port
list_ports.comports = comports
"""
    program = run_with(run, change)
    assert program.wait() == 0
    return program.output


def test_list_shows_boards_first_and_what_to_type(run):
    """On macOS each port has a second name, which begins with tty."""
    text = list_of(
        run,
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
def test_no_board_gets_advice(run, ports):
    text = list_of(run, *ports)
    assert "another cable" in text and "driver" in text and "python server.py demo t" in text
    assert "On Ubuntu: sudo apt remove brltty" in text


@pytest.mark.parametrize("mode", [["t"], []])
def test_demo_moves(start_server, connect, mode):
    """Ten numbers a second that go up and down, in lines or as they come."""
    server = start_server(FOLDER, "demo", *mode)
    began = time.monotonic()
    client = connect(server.url)
    heard = hear(client, 8)
    assert time.monotonic() - began > 0.5
    assert len({int(message) for message in heard}) > 1
    assert all(0 <= int(message) <= 1023 for message in heard)
    assert all(message.endswith("\r\n") for message in heard) == (not mode)
    server.expect(heard[-1].strip())


def test_what_is_written_to_the_simulated_cable_comes_back(start_server, connect):
    """The first line may be taken for the rest of one."""
    client = connect(start_server(FOLDER, "loop://", "t", "--write").url)
    client.send("there")
    client.send("and back")
    assert hear_until(client, "and back")


@pytest.mark.parametrize("words, rate", [([], 9600), (["--baud", "115200"], 115200)])
def test_baud_rate(listen, board, words, rate):
    termios = pytest.importorskip("termios")  # not on Windows
    listen(board.name, "t", *words)
    assert termios.tcgetattr(board.there)[4] == getattr(termios, f"B{rate}")


@pytest.mark.parametrize(
    "words, sentences",
    [
        (["COM99"], ["There is no serial port COM99.", "python server.py demo t"]),
        (["demo", "yes"], ["invalid choice: 'yes'", "usage:"]),
        (["demo", "t", "--binary"], ["leave out the t"]),
        (["demo", "--baud", "fast"], ["--baud", "fast"]),
        (["server.py"], ["server.py can't be opened", "type: python server.py"]),
        (["socket://127.0.0.1:1"], ["can't be opened", "is that program running?"]),
        (["teapot://x"], ["can't be opened", "teapot"]),
    ],
    ids=lambda value: value[0] if "." not in value[0] else None,
)
def test_refusals(run, words, sentences):
    said = refuse(run, *words)
    assert all(sentence in said for sentence in sentences), said


def test_nobody_else_gets_the_port(start_server, run, board):
    """The server holds it from the start until its end."""
    server = start_server(FOLDER, board.name, "t")
    said = refuse(run, board.name, "t")
    assert f"{board.name} is in use" in said and "Serial Monitor" in said
    server.stop()
    start_server(FOLDER, board.name, "t")


@pytest.mark.parametrize(
    "number, text, sentence",
    [
        # What pyserial 3.5 raises on Windows: all is in the text.
        (None, "FileNotFoundError(2, 'The system cannot …', None, 2)", "no serial port COM3."),
        (None, "PermissionError(13, 'Access is denied.', None, 5)", "COM3 is in use by another"),
        (None, "OSError(22, 'The semaphore …', None, 121)", "COM3 can't be opened"),
        (errno.EAGAIN, "Could not exclusively lock port: [Errno 35]", "in use by another program"),
        (errno.ENOENT, "", "There is no serial port"),
        (errno.EACCES, "", "sudo usermod -a -G dialout $USER"),
    ],
)
def test_advice_on_all_systems(run, number, text, sentence):
    text = f"could not open port 'COM3': {text}"
    change = f"""
def fail(*words, **options):
    raise serial.SerialException(*{(number, text) if number else (text,)!r})
serial.serial_for_url = fail
"""
    program = run_with(run, change, "COM3", "t")
    assert program.wait() == 1
    assert sentence in program.errors


def test_wrong_package_named_serial(run, tmp_path):
    (tmp_path / "serial.py").write_text("")
    said = refuse(run, "demo", env={"PYTHONPATH": tmp_path})
    assert "pip uninstall serial" in said and "pyserial==3.5" in said
