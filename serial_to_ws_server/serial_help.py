"""
What goes wrong with serial ports, in sentences

You can skip this file. The lesson is in server.py, which takes from here:

  open_port     opens a port, or ends the program and says what to do
  port_list     the serial ports of this computer, with what to type
  check_baud    gives a hint when most of what arrives is unreadable
  show, shorten print messages so that the terminal stays readable
  MadeUpSensor  stands in for a board where there is none
"""

import contextlib
import errno
import math
import re
import sys
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
No board was found. Try another cable, because some only charge, and another USB socket.
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


def open_port(name, baud):
    """Returns the open port; ends the program with a sentence if it can't be opened.

    name: the system's name for it, demo, or a URL such as socket://host:port; baud: bits a second.
    """
    if name == "demo":
        return MadeUpSensor()
    # A board that does not listen holds up writing for a second; rfc2217:// has its own limit.
    limit = None if name.lower().startswith("rfc2217:") else 1
    try:
        # exclusive: on macOS and Linux a second program would steal half of the bytes.
        return serial.serial_for_url(name, baud, timeout=0.25, write_timeout=limit, exclusive=True)
    except Exception as error:
        sys.exit(port_advice(error, name))


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


def check_baud(texts, baud):
    """Passes texts on, and prints a hint, once, if most of what is in them is unreadable.

    A little noise when a port is opened is normal, so ten pieces of lines are judged together.
    """
    sample = ""
    for text in texts:
        yield text
        sample += text
        pieces = re.findall(".{1,20}", sample)
        if len(pieces) >= 10:
            sample = ""
            if sum("\ufffd" in piece or "\0" in piece for piece in pieces) > len(pieces) / 2:
                print(WRONG_BAUD.format(baud=baud))
                yield from texts


def show(messages):
    """Prints messages, a line each. A terminal that was closed must not stop the lesson."""
    with contextlib.suppress(OSError):
        print("".join(f"{shorten(message)}\n" for message in messages), end="")


def shorten(message):
    """Returns a message as one short line, so that the terminal stays readable."""
    if isinstance(message, bytes):
        return f"({len(message)} bytes)"
    line = message if len(message) <= 100 else f"{message[:100]}… ({len(message)} characters)"
    # Signs that would move the cursor or begin a new line are shown as \n and the like.
    return line if line.isprintable() else repr(line)


class MadeUpSensor:
    """Stands in for a serial port: a slow wave arrives on it, ten lines a second."""

    port, in_waiting, count = "demo", 0, 0

    def read(self, size):
        """Waits for the next line and returns its bytes, whatever the size."""
        time.sleep(0.1)
        self.count += 1
        return b"%d\r\n" % (512 + 500 * math.sin(self.count / 20))

    def write(self, data):
        """Takes the bytes, and does nothing with them."""

    def close(self):
        """There is nothing to close."""
