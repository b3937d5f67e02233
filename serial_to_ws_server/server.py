"""
Serial port to WebSocket server

Sends what a board on a USB cable prints to every browser that is connected.

Run it with:     python server.py                   lists the serial ports
                 python server.py demo t            a made-up sensor, no board needed
                 python server.py /dev/ttyACM0 t    lines from that port (Windows: COM3)
You should see:  the addresses of the server, then each line from the board. Open
                 ../js_client/index.html and connect: the same lines are there.

Needs:           python -m pip install websocket-server==0.6.4 pyserial==3.5
                 and the files sturdy_websocket.py and serial_help.py next to this one

After Tom Igoe's SerialToWsServer in websocket-examples (MIT)
"""

import argparse
import codecs
import contextlib
import os
import sys
import threading

# The two files next to this one.
from serial_help import check_baud, open_port, port_list, shorten, show
from sturdy_websocket import SturdyServer, port_number

# "" means every network this computer is on; "127.0.0.1" would be this computer only.
HOST = ""
PORT = port_number(os.environ.get("PORT", "8080"))
# False keeps what the board sends out of the terminal.
SHOW_LINES = True
# A longer line is cut, so that one without an end does not fill the memory.
MAX_LINE = 4096
LINES, RAW = ["t", "true", "1", "lines"], ["f", "false", "0"]

# Set when the program ends; held by whoever writes to the port or closes it.
stopping = threading.Event()
port_lock = threading.Lock()


# A client is a dictionary: its "id", its "address", and the "handler" that speaks to it.
def new_client(client, server):
    """Called when a client has connected."""
    print("New Connection")


def client_left(client, server):
    """Called when a client is gone, whoever hung up."""
    print("connection closed")


def message_received(client, server, message):
    """Called with every message: text is a str, binary data is bytes."""
    print(f"{client['address'][0]}: {shorten(message)}")
    if server.writable_port:
        if isinstance(message, str):
            message = " ".join(message.splitlines()).encode() + b"\n"
        try:
            with port_lock:
                server.writable_port.write(message)
        except OSError as error:
            print(f"The board did not get that: {error}")


def main():
    options = read_options()
    if not options.port:
        return print(port_list())
    port = open_port(options.port, options.baud)
    print(f"Reading {'lines' if options.lines else 'bytes as they come'} from {options.port}.")
    server = SturdyServer(host=HOST, port=PORT)
    server.set_fn_new_client(new_client)
    server.set_fn_client_left(client_left)
    server.set_fn_message_received(message_received)
    server.writable_port = port if options.write else None
    # Reading waits for the board, serving waits for browsers: each has a thread of its own.
    reader = threading.Thread(target=read_port, args=(port, server, options), daemon=True)
    reader.start()
    server.run_forever()
    stopping.set()
    reader.join(timeout=1)
    print("Server stopped.")


def read_port(port, server, options):
    """The reader thread: nobody else reads the port, opens it again or closes it."""
    while not stopping.is_set():
        try:
            for messages in incoming(port, options):
                for message in messages:
                    server.send_message_to_all(message)
                if SHOW_LINES:
                    show(messages)
        except OSError:
            wait_for_board(port)
    with port_lock:
        port.close()


def wait_for_board(port):
    """Called when reading failed: opens the port again as soon as the board is back."""
    print(f"{port.port} is gone: is the cable unplugged? Waiting for it to come back.")
    with port_lock:
        port.close()
    while not stopping.wait(0.5):
        with contextlib.suppress(Exception):  # whatever the reason, it is not back yet
            port.open()
            return print(f"{port.port} is back.")


def incoming(port, options):
    """Yields lists of messages until the program stops: lines, text as it comes, or bytes."""
    pieces = read_pieces(port)
    if options.binary:
        return ([piece] for piece in pieces)
    # A letter that comes in two pieces stays whole, and what is no letter becomes \ufffd.
    texts = check_baud(codecs.iterdecode(pieces, "utf-8", "replace"), options.baud)
    return whole_lines(texts) if options.lines else ([text] for text in texts)


def read_pieces(port):
    """Yields the bytes that come, up to MAX_LINE at a time. Raises OSError if the port is gone."""
    while not stopping.is_set():
        piece = port.read(1)
        while len(piece) < MAX_LINE and port.in_waiting:
            piece += port.read(min(port.in_waiting, MAX_LINE - len(piece)))
        if piece:
            yield piece


def whole_lines(texts):
    """Yields lists of whole lines, without the first: the port was opened in the middle of it."""
    rest, half = "", 1
    for text in texts:
        lines = (rest + text).split("\n")
        # A text is at most MAX_LINE long, so only a line that began earlier can be too long.
        if len(lines[0]) > MAX_LINE:
            lines[:1] = lines[0][:MAX_LINE], lines[0][MAX_LINE:]
        rest = lines.pop()
        if lines:
            yield [line.rstrip("\r") for line in lines[half:]]
            half = 0


def read_options():
    """Returns what was typed after server.py; ends the program if it makes no sense."""
    parser = argparse.ArgumentParser(description="Sends what a serial port brings to all clients.")
    add = parser.add_argument
    add("port", nargs="?", help="its name, or demo for a made-up sensor; nothing lists the ports")
    add("linemode", nargs="?", default="f", help="t: whole lines; f or nothing: as it comes")
    add("--baud", type=int, default=9600, help="the number in Serial.begin() (9600)")
    add("--binary", action="store_true", help="the bytes as they come, as binary messages")
    add("--write", action="store_true", help="what clients send goes to the board, one line each")
    options = parser.parse_args()
    options.lines = options.linemode.lower() in LINES
    if not options.lines and options.linemode.lower() not in RAW:
        sys.exit(f"The line mode is t (whole lines) or f (as it comes), not {options.linemode}.")
    if options.lines and options.binary:
        sys.exit("--binary sends bytes as they come and knows no lines: leave out the line mode.")
    return options


if __name__ == "__main__":
    main()
