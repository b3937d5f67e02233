"""
What goes wrong with serial ports, in sentences

You can skip this file. The lesson is in server.py, which takes from here:

  read_options  what was typed after server.py
  open_board    opens the port, or ends the program and says what to do
  Board         the port: bytes in pieces, writing, waiting for it to come back
"""

import argparse
import codecs
import contextlib
import errno
import math
import sys
import threading
import time

try:
    import serial
    from serial.tools.list_ports import comports
except ImportError:
    sys.exit(
        "pyserial is missing, or the package named serial is in its way. Does your prompt begin\n"
        "with (.venv)? If not, activate it. If it does, type:\n"
        "  python -m pip uninstall serial\n  python -m pip install pyserial==3.5"
    )

NO_BOARD = """No board was found. Try another cable, because some only charge, and another USB
port. A CH340 or CP210x chip may need its driver. On Ubuntu: sudo apt remove brltty"""
IN_USE = """{name} is in use by another program. Close the Serial Monitor and the Serial Plotter
of the Arduino IDE, or stop the other server.py."""
NO_PERMISSION = """You have no permission to use {name}. On Linux, type this, then log out and in:
  sudo usermod -a -G dialout $USER"""
NO_PORT = """{name} can't be opened: {text}
To see the ports there are, type: python server.py. If it is an address: is a program there?"""
UNREADABLE = """Most of it is unreadable. If the number in Serial.begin() isn't {baud}, add it, for
example --baud 115200. If the sketch sends bytes and not text, add --binary."""
NOTHING_CAME = """Nothing has come from {name} for five seconds. If it should have, press
reset on the board, and check that the sketch is on it and calls Serial.begin({baud})."""
NO_LINE_END = """Bytes come from {name}, but no line has ended for five seconds. Use
Serial.println() in the sketch, or leave out the t."""


# ---- The port ------------------------------------------------------------------------------


def open_board(options):
    """Returns the Board at the port of options; ends the program if it can't be opened.

    Without a port, prints the ports there are and ends the program. options: as read_options()
    returns them.
    """
    if not options.port:
        print(port_list())
        sys.exit()
    board = Board(open_port(options.port, options.baud), options)
    print(f"Reading from {options.port}.")
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


def say(words):
    """Prints a sentence, if there is still a terminal to print it on."""
    with contextlib.suppress(OSError):
        print(words)


class Board:
    """What is at the other end of the cable: it may go, and come back.

    port: an open port of pyserial, or a SimulatedSensor; options: .baud, .binary and .lines.
    Set stopping to end everything: then the thread that reads the port closes it.
    """

    def __init__(self, port, options):
        self.port = port
        self.options = options
        self.stopping = threading.Event()
        # Held by whoever writes or closes: two writers would mix their lines, and a port
        # that is closed under a writer is an error that nobody expects.
        self.lock = threading.Lock()

    def is_talking(self):
        """Tells whether the board was in the middle of something when the port was opened.

        Its bytes come at once then. A button or a card reader says nothing until it is used.
        """
        time.sleep(0.1)
        return self.port.in_waiting > 0

    def pieces(self):
        """Yields bytes as they come, until stopping is set. Raises OSError if the port is gone."""
        first = b""
        judge_at = time.monotonic() + 5
        while not self.stopping.is_set():
            # Waits a quarter of a second at most, so that the end is noticed in a silence.
            piece = self.port.read(1)
            while len(piece) < 4096 and self.port.in_waiting:
                piece += self.port.read(self.port.in_waiting)
            if piece:
                yield piece
            first = (first + piece)[:4096]
            if time.monotonic() > judge_at:
                self.judge(first)
                judge_at = math.inf
        self.close()

    def judge(self, first):
        """Says in a sentence what seems to be wrong. first: what the board has sent so far."""
        text = first.decode("utf-8", "replace")
        unreadable = text.count("\ufffd") + text.count("\0")
        if not first:
            say(NOTHING_CAME.format(name=self.port.port, baud=self.options.baud))
        elif unreadable > len(text) / 5 and not self.options.binary:
            say(UNREADABLE.format(baud=self.options.baud))
        elif self.options.lines == "t" and "\n" not in text:
            say(NO_LINE_END.format(name=self.port.port))

    def raw_messages(self):
        """Yields what comes as it comes: bytes with --binary, else text (str).

        A character that comes in two pieces stays whole; what isn't UTF-8 becomes \ufffd.
        """
        if self.options.binary:
            return self.pieces()
        return codecs.iterdecode(self.pieces(), "utf-8", "replace")

    def write(self, data):
        """Sends bytes to the board. If it doesn't take them, prints why."""
        try:
            with self.lock:
                self.port.write(data)
        except OSError as error:
            say(f"The board did not get that: {error}")

    def close(self):
        """Closes the port, when nobody is writing."""
        with self.lock:
            self.port.close()

    def wait_until_it_is_back(self):
        """Opens the port again as soon as that works, or returns when stopping is set."""
        say(f"{self.port.port} is gone: is the cable unplugged? Waiting for it to come back.")
        self.close()
        while not self.stopping.wait(0.5):
            # Whatever the reason, it isn't back yet: some errors here are no OSError.
            with contextlib.suppress(Exception):
                self.port.open()
                say(f"{self.port.port} is back.")
                return


class SimulatedSensor:
    """Stands in for a serial port: a slow wave arrives on it, ten lines a second."""

    port = "demo"
    in_waiting = 0

    def read(self, size):
        """Waits for the next line and returns its bytes, whatever the size."""
        time.sleep(0.1)
        return b"%d\r\n" % (512 + 500 * math.sin(time.monotonic() / 2))

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
    rows = ["Serial ports of this computer, and what to type:"]
    rows += [f"  python server.py {port.device} t    ({port.description})" for port in ports]
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
    return NO_PORT.format(name=name, text=text)


def read_options(header):
    """Returns what was typed after server.py: .port, .lines, .baud, .binary and .write.

    header: what --help begins with. Ends the program if it makes no sense.
    """
    layout = argparse.RawDescriptionHelpFormatter
    reader = argparse.ArgumentParser(description=header, formatter_class=layout)
    reader.add_argument("port", nargs="?", help="its name, or demo; without one: lists them")
    reader.add_argument("lines", nargs="?", default="f", choices=["t", "f"], help="t: whole lines")
    reader.add_argument("--baud", type=int, default=9600, help="as in Serial.begin() (9600)")
    reader.add_argument("--binary", action="store_true", help="bytes, as binary messages")
    reader.add_argument("--write", action="store_true", help="clients can speak to the board")
    options = reader.parse_args()
    if options.lines == "t" and options.binary:
        reader.error("--binary sends bytes as they come and knows no lines: leave out the t")
    return options
