"""
Opens the serial port, and says what to do if that fails

You can skip this file: the lesson is in server.py. What it uses from here:

  read_options  reads what was typed after server.py
  open_board    opens the port, or says what to do and ends the program
  Board         reads from the port, writes to it, and waits for it to come back
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
        "pyserial is missing, or a file or package called serial is in its way. Activate the\n"
        "environment, and rename your serial.py if you have one. If that doesn't help, type:\n"
        "  python -m pip uninstall serial\n  python -m pip install pyserial==3.5"
    )

NO_BOARD = """No board was found. Try another cable, because some can only charge, and another USB
port. A board with a CH340 or CP210x chip may need a driver. On Ubuntu: sudo apt remove brltty"""
IN_USE = """{name} is in use by another program. Close the Serial Monitor and the Serial Plotter
in the Arduino IDE, or stop the other server.py."""
NO_PERMISSION = """You have no permission to use {name}. On Linux, type this, log out, and log in:
  sudo usermod -a -G dialout $USER"""
NO_PORT = """{name} can't be opened: {text}
To see your ports, type: python server.py. If you typed socket://…, is that program running?"""
UNREADABLE = """Most of it is unreadable. If the number in Serial.begin() isn't {baud}, add it, for
example --baud 115200. If the sketch uses Serial.write(), add --binary and leave out the t."""
NOTHING_CAME = """Nothing has come from {name} for five seconds. If the board should be sending,
press its reset button, and check that its sketch calls Serial.begin({baud})."""
NO_LINE_END = """Bytes are coming from {name}, but no line has ended for five seconds. Use
Serial.println() in the sketch, or leave out the t."""


# ---- The port ------------------------------------------------------------------------------


def open_board(options):
    """Opens the port and returns its Board. If that fails, says what to do and ends the program.

    Without a port, lists the ports and ends the program. options: as read_options() returns them.
    """
    if not options.port:
        print(port_list())
        sys.exit()
    board = Board(open_port(options.port, options.baud), options)
    print(f"Reading from {options.port}.")
    return board


def open_port(name, baud):
    """Opens the port and returns it. If that fails, says what to do and ends the program.

    name: as in port_list(), demo, or a URL such as socket://host:port; baud: bits per second.
    """
    if name == "demo":
        return SimulatedSensor()
    # Seconds to wait for a board that doesn't take what we write. rfc2217:// has its own limit.
    limit = None if name.lower().startswith("rfc2217:") else 1
    try:
        # exclusive: otherwise, on macOS and Linux, a second program could take half of the bytes.
        return serial.serial_for_url(name, baud, timeout=0.25, write_timeout=limit, exclusive=True)
    except Exception as error:
        sys.exit(port_advice(error, name))


def say(words):
    """Prints a text, unless the terminal is gone."""
    with contextlib.suppress(OSError):
        print(words)


class Board:
    """The board at the other end of the cable. It can be unplugged and come back.

    port: an open port from pyserial, or a SimulatedSensor; options: .baud, .binary, and .lines.
    To end everything, set stopping: the thread that reads from the port then closes it.
    """

    def __init__(self, port, options):
        self.port = port
        self.options = options
        self.stopping = threading.Event()
        # Only one thread at a time may write or close. Otherwise two threads could mix their
        # lines, or one could close the port while another one is writing.
        self.lock = threading.Lock()

    def is_talking(self):
        """Tells whether the board was already sending when the port was opened.

        Then its first bytes come at once. A button or a card reader is silent until it's used.
        """
        time.sleep(0.1)
        return self.port.in_waiting > 0

    def pieces(self):
        """Yields bytes as they come, until stopping is set. Raises OSError if the port is gone."""
        first = b""
        check_at = time.monotonic() + 5
        while not self.stopping.is_set():
            # Waits a quarter of a second at most, so that a silent board doesn't delay the end.
            piece = self.port.read(1)
            while len(piece) < 4096 and self.port.in_waiting:
                piece += self.port.read(self.port.in_waiting)
            if piece:
                yield piece
            first = (first + piece)[:4096]
            if time.monotonic() > check_at:
                self.check(first)
                check_at = math.inf
        self.close()

    def check(self, first):
        """Says what seems to be wrong, if anything. first: the first bytes from the board."""
        # Bytes that aren't UTF-8 become \ufffd.
        text = first.decode("utf-8", "replace")
        unreadable = text.count("\ufffd") + text.count("\0")
        if not first:
            say(NOTHING_CAME.format(name=self.port.port, baud=self.options.baud))
        elif unreadable > len(text) / 5 and not self.options.binary:
            say(UNREADABLE.format(baud=self.options.baud))
        elif self.options.lines == "t" and "\n" not in text:
            say(NO_LINE_END.format(name=self.port.port))

    def raw_messages(self):
        """Yields what the board sends, as it comes: bytes with --binary, otherwise text (str).

        Keeps a letter together if its bytes come in two pieces. What isn't UTF-8 becomes \ufffd.
        """
        if self.options.binary:
            return self.pieces()
        return codecs.iterdecode(self.pieces(), "utf-8", "replace")

    def write(self, data):
        """Sends bytes to the board. If that fails, says why."""
        try:
            with self.lock:
                self.port.write(data)
        except OSError as error:
            say(f"The board didn't get that: {error}")

    def close(self):
        """Closes the port as soon as nobody is writing."""
        with self.lock:
            self.port.close()

    def wait_until_it_is_back(self):
        """Tries to open the port twice a second, until that works or stopping is set."""
        say(f"{self.port.port} is gone: is the cable unplugged? Waiting for it to come back.")
        self.close()
        while not self.stopping.wait(0.5):
            # Any error means that it isn't back yet, and some of them aren't an OSError.
            with contextlib.suppress(Exception):
                self.port.open()
                say(f"{self.port.port} is back.")
                return


class SimulatedSensor:
    """Acts like a serial port with a sensor on it: a slow wave, ten lines a second."""

    port = "demo"
    in_waiting = 0

    def read(self, size):
        """Waits for the next line and returns its bytes, whatever the size."""
        time.sleep(0.1)
        return b"%d\r\n" % (512 + 500 * math.sin(time.monotonic() / 2))

    def write(self, data):
        """Does nothing with the bytes."""

    def close(self):
        """Does nothing: there is no real port to close."""


# ---- What to type --------------------------------------------------------------------------


def port_list():
    """Returns a list of this computer's serial ports as text, with what to type for each."""
    # macOS lists each port twice; opening the one called tty can take forever.
    ports = [port for port in comports() if not port.device.startswith("/dev/tty.")]
    # Boards first: they have a USB vendor ID.
    ports.sort(key=lambda port: (port.vid is None, port))
    rows = ["Serial ports on this computer, and what to type:"]
    rows += [f"  python server.py {port.device} t    ({port.description})" for port in ports]
    if not any(port.vid for port in ports):
        rows.append(NO_BOARD)
    return "\n".join([*rows, "Without a board, type:", "  python server.py demo t"])


def port_advice(error, name):
    """Returns a text that says what to do when a port couldn't be opened.

    error: the exception from pyserial; name: the port. On Windows, only its text says the reason.
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
    """Returns what was typed after server.py: .port, .lines, .baud, .binary, and .write.

    If it makes no sense, says why and ends the program. header: the first lines of --help.
    """
    layout = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=header, formatter_class=layout)
    parser.add_argument("port", nargs="?", help="its name, or demo; without it, lists the ports")
    parser.add_argument("lines", nargs="?", default="f", choices=["t", "f"], help="t: whole lines")
    parser.add_argument("--baud", type=int, default=9600, help="as in Serial.begin(), or 9600")
    parser.add_argument("--binary", action="store_true", help="send bytes, not text")
    parser.add_argument("--write", action="store_true", help="let clients speak to the board")
    options = parser.parse_args()
    if options.lines == "t" and options.binary:
        parser.error("--binary sends bytes as they come, not lines: leave out the t")
    return options
