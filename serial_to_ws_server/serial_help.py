"""
What goes wrong with serial ports, in sentences

You can skip this file. The lesson is in server.py, which takes from here:

  open_board    opens the port, or ends the program and says what to do
  Board         the port: bytes in pieces, writing, waiting for it to come back
  as_text       bytes of a line as str
  OptionReader  what is typed after server.py
"""

import argparse
import codecs
import contextlib
import errno
import math
import re
import sys
import threading
import time

PYSERIAL = """\
This lesson needs the package pyserial; the one named serial is something else. Type:
  python -m pip uninstall serial
  python -m pip install websocket-server==0.6.4 pyserial==3.5"""
try:
    import serial
    from serial.tools.list_ports import comports
except ImportError:
    sys.exit(PYSERIAL)

NO_BOARD = """\
No board was found. Try another cable, because some only charge, and another USB port.
Boards with a CH340 or CP210x chip may need the driver of that chip."""
IN_USE = """\
{name} is in use by another program. Close the Serial Monitor and the Serial Plotter
of the Arduino IDE, or stop the other server.py."""
NO_PERMISSION = """\
You have no permission to use {name}. On Linux, type this once, then log out and in again:
  sudo usermod -a -G dialout $USER"""
NO_ANSWER = """\
{name} can't be reached: {text}
Is the program at the other end running, and is the address right?"""
NO_PORT = """\
{name} can't be opened as a serial port: {text}
To see the ports there are, type: python server.py"""
WRONG_BAUD = """\
Most of it is unreadable. Look for Serial.begin() in the sketch: if there is another number
than {baud} in it, stop the server and give it that number, for example: --baud 115200"""
PIECE = 4096  # bytes that are passed on at once, at most about twice as many
LINES = ["t", "true", "1", "lines"]
RAW = ["f", "false", "0"]


# ---- The port ------------------------------------------------------------------------------


def open_board(options):
    """Returns the Board at the port of options; ends the program if it can't be opened.

    Without a port, prints the ports there are and ends the program. options: .port, .baud,
    .lines and .binary, as server.py reads them.
    """
    if not options.port:
        print(port_list())
        sys.exit()
    board = Board(open_port(options.port, options.baud), options)
    print(f"Reading {'lines' if options.lines else 'bytes as they come'} from {options.port}.")
    return board


def open_port(name, baud):
    """Returns the open port; ends the program with a sentence if it can't be opened.

    name: the system's name for it, demo, or a URL such as socket://host:port; baud: bits a second.
    """
    if name == "demo":
        return SimulatedSensor()
    # A board that does not listen holds up writing for a second; rfc2217:// has its own limit.
    limit = None if name.lower().startswith("rfc2217:") else 1
    try:
        # exclusive: on macOS and Linux a second program would steal half of the bytes.
        return serial.serial_for_url(name, baud, timeout=0.25, write_timeout=limit, exclusive=True)
    except Exception as error:
        sys.exit(port_advice(error, name))


class Board:
    """What is at the other end of the cable: it may go, and come back.

    port: an open port of pyserial, or a SimulatedSensor; options: .baud and .binary.
    Set stopping to end everything: then the thread that reads the port closes it.
    """

    def __init__(self, port, options):
        self.port = port
        self.options = options
        self.stopping = threading.Event()
        self.shown = []
        # Held by whoever writes or closes: two writers would mix their lines, and a port
        # that is closed under a writer is an error that nobody expects.
        self.lock = threading.Lock()

    def pieces(self):
        """Yields bytes as they come, until stopping is set. Raises OSError if the port is gone."""
        sample = BaudCheck(self.options.baud)
        while not self.stopping.is_set():
            # Waits a quarter of a second at most, so that the end is noticed in a silence.
            piece = self.port.read(1)
            while len(piece) < PIECE and self.port.in_waiting:
                piece += self.port.read(self.port.in_waiting)
            if piece:
                yield piece
                self.print_shown()
                if not self.options.binary:
                    sample.add(piece)
        self.close()

    def raw_messages(self):
        """Yields what comes as it comes: bytes with --binary, else text (str).

        A character that comes in two pieces stays whole; what isn't UTF-8 becomes \ufffd.
        """
        if self.options.binary:
            return self.pieces()
        return codecs.iterdecode(self.pieces(), "utf-8", "replace")

    def show(self, line):
        """Prints a line (str), as soon as all that came together with it is sent."""
        self.shown.append(line)

    def print_shown(self):
        """Prints what there is to show at once: a print() for each line would cost half a flood."""
        if self.shown:
            print("\n".join(self.shown))
            self.shown = []

    def write(self, data):
        """Sends bytes to the board. If it doesn't take them, prints why."""
        try:
            with self.lock:
                self.port.write(data)
        except OSError as error:
            print(f"The board did not get that: {error}")

    def close(self):
        """Closes the port, when nobody is writing."""
        with self.lock:
            self.port.close()

    def wait_until_it_is_back(self):
        """Opens the port again as soon as that works, or returns when stopping is set."""
        print(f"{self.port.port} is gone: is the cable unplugged? Waiting for it to come back.")
        self.close()
        while not self.stopping.wait(0.5):
            # Whatever the reason, it isn't back yet: some errors here are no OSError.
            with contextlib.suppress(Exception):
                self.port.open()
                print(f"{self.port.port} is back.")
                return


def as_text(lines, longest):
    """Yields lines (bytes) as str, each without its \\r; one that is too long comes in several.

    longest: bytes. What isn't UTF-8 becomes \\ufffd.
    """
    for line in lines:
        rest = line
        while len(rest) > longest:
            yield rest[:longest].decode("utf-8", "replace").rstrip("\r")
            rest = rest[longest:]
        yield rest.decode("utf-8", "replace").rstrip("\r")


class BaudCheck:
    """Prints a hint, once, if most of what comes is unreadable.

    A little noise when a port is opened is normal, so ten pieces of lines are judged together.
    """

    def __init__(self, baud):
        self.baud = baud
        self.sample = b""
        self.done = False

    def add(self, piece):
        """Takes the next bytes that came."""
        if self.done:
            return
        self.sample += piece
        parts = re.findall(".{1,20}", self.sample.decode("utf-8", "replace"))
        if len(parts) >= 10:
            self.sample = b""
            if sum("\ufffd" in part or "\0" in part for part in parts) > len(parts) / 2:
                print(WRONG_BAUD.format(baud=self.baud))
                self.done = True


class SimulatedSensor:
    """Stands in for a serial port: a slow wave arrives on it, ten lines a second."""

    port = "demo"
    in_waiting = 0
    count = 0

    def read(self, size):
        """Waits for the next line and returns its bytes, whatever the size."""
        time.sleep(0.1)
        self.count += 1
        return b"%d\r\n" % (512 + 500 * math.sin(self.count / 20))

    def write(self, data):
        """Takes the bytes, and does nothing with them."""

    def close(self):
        """There is nothing to close."""


# ---- What to type --------------------------------------------------------------------------


def port_list():
    """Returns the serial ports of this computer as text, boards first, with what to type."""
    # macOS shows each port twice; opening the one named tty can wait for ever.
    ports = [port for port in comports() if not port.device.startswith("/dev/tty.")]
    ports.sort(key=lambda port: (port.vid is None, port))
    rows = [f"  python server.py {port.device} t    ({port.description})" for port in ports]
    if rows:
        rows.insert(0, "Serial ports of this computer, and what to type:")
    if not any(port.vid for port in ports):
        rows.append(NO_BOARD)
    return "\n".join([*rows, "Without a board:", "  python server.py demo t"])


def port_advice(error, name):
    """Returns what to do about the error that pyserial raised when it opened a port.

    error: the exception, name: the port's name. On Windows only the text tells the cause.
    """
    number, text = getattr(error, "errno", None), str(error)
    if number == errno.ENOENT or "FileNotFoundError" in text:
        return f"There is no serial port {name}.\n{port_list()}"
    if number in (errno.EBUSY, errno.EWOULDBLOCK) or "PermissionError" in text:
        return IN_USE.format(name=name)
    if number in (errno.EACCES, errno.EPERM):
        return NO_PERMISSION.format(name=name)
    return (NO_ANSWER if "://" in name else NO_PORT).format(name=name, text=text)


class OptionReader(argparse.ArgumentParser):
    """argparse that says in a sentence what is wrong. header: what --help begins with."""

    def __init__(self, header):
        layout = argparse.RawDescriptionHelpFormatter
        super().__init__(description=header.strip(), formatter_class=layout)

    def error(self, message):
        """Ends the program, as argparse does, with exit code 2."""
        self.exit(2, f"{message}\nTry: python server.py demo t    All options: --help\n")

    def parse_args(self):
        """Returns the options: .port, .lines, .baud, .binary and .write."""
        options = super().parse_args()
        if options.lines and options.binary:
            self.error(
                "--binary sends bytes as they come and knows no lines: leave out the line mode."
            )
        return options


def line_mode(word):
    """Returns whether this word asks for whole lines; ends the program if it is neither."""
    if word.lower() not in [*LINES, *RAW]:
        sys.exit(f"The line mode is t (whole lines) or f (as it comes), not {word}.")
    return word.lower() in LINES
