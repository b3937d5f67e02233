"""
Serial port to WebSocket server

Sends what a board on a USB cable prints to every browser that is connected.

Run it with:     python server.py                   lists the serial ports
                 python server.py demo t            a simulated sensor, no board needed
                 python server.py /dev/ttyACM0 t    lines from that port (Windows: COM3)
                 python server.py --help            all options
Another port:    PORT=8081 python server.py demo t             macOS, Linux
                 $env:PORT=8081; python server.py demo t       Windows PowerShell
                 set PORT=8081& python server.py demo t        Windows Command Prompt
You should see:  the addresses of the server, then each line from the board. Open
                 ../js_client/index.html: the same lines are there.

Needs:           python -m pip install websocket-server==0.6.4 pyserial==3.5
                 and the files serial_help.py, sturdy_websocket.pynext to this one

After Tom Igoe's SerialToWsServer in websocket-examples (MIT)
"""

import threading

# Files next to this one.
from serial_help import OptionReader, as_text, line_mode, open_board
from sturdy_websocket import SturdyServer, no_words_expected, port_from_environment, shorten

# "" means every network this computer is on; "127.0.0.1" would be this computer only.
HOST = ""
# The PORT that was set in the terminal, or else 8080.
PORT = port_from_environment(8080)
# A longer line is cut, so that one without an end does not fill the memory.
MAX_LINE = 4096  # bytes


# A client is a dictionary: its "id", its "address", and the "handler" that speaks to it.
def new_client(client, server):
    """Called when a client has connected."""
    print("New Connection")


def client_left(client, server):
    """Called when a client is gone, whoever hung up."""
    print("connection closed")


def message_received(client, server, message):
    """Called with every message: text is a str, binary data is bytes."""
    address = client["address"][0]
    print(f"{address}: {shorten(message)}")
    if server.board:
        # Text becomes one line for the board, binary data goes as it is.
        if isinstance(message, str):
            message = " ".join(message.splitlines()).encode() + b"\n"
        server.board.write(message)


def main():
    options = read_options()
    # Without a port, this lists the ports there are and ends the program.
    board = open_board(options)
    server = SturdyServer(host=HOST, port=PORT)
    server.set_fn_new_client(new_client)
    server.set_fn_client_left(client_left)
    server.set_fn_message_received(message_received)
    # Clients can speak to the board only with --write.
    server.board = board if options.write else None
    # Reading waits for the board, serving waits for browsers: each has a thread of its own.
    reader = threading.Thread(target=read_board, args=(board, server, options), daemon=True)
    reader.start()
    server.run_forever()
    board.stopping.set()
    reader.join(timeout=1)
    print("Server stopped.")


def read_board(board, server, options):
    """The reader thread: passes on what the board sends, until the program stops."""
    while not board.stopping.is_set():
        try:
            for message in messages_from(board, options):
                server.send_message_to_all(message)
                board.show(shorten(message))
        except OSError:
            # Somebody has pulled the cable: the browsers stay connected meanwhile.
            board.wait_until_it_is_back()


def messages_from(board, options):
    """Returns what the clients get, one after the other, as long as the board is there."""
    if options.lines:
        lines = whole_lines(board.pieces())
        # The port was opened in the middle of the first one.
        next(lines, None)
        return lines
    return board.raw_messages()


def whole_lines(pieces):
    """Yields lines (str) from bytes that come in pieces of any size: half a line, or seven."""
    rest = b""
    for piece in pieces:
        # What follows the last \n isn't a whole line yet: it waits for the next piece.
        *lines, rest = (rest + piece).split(b"\n")
        while len(rest) > MAX_LINE:
            lines.append(rest[:MAX_LINE])
            rest = rest[MAX_LINE:]
        yield from as_text(lines, MAX_LINE)


def read_options():
    """Returns what was typed after server.py; ends the program if it makes no sense."""
    reader = OptionReader(__doc__)
    reader.add_argument("port", nargs="?", help="its name, or demo; without one: lists them")
    reader.add_argument("lines", nargs="?", default=False, type=line_mode, help="t: whole lines")
    reader.add_argument("--baud", type=int, default=9600, help="as in Serial.begin() (9600)")
    reader.add_argument("--binary", action="store_true", help="bytes, as binary messages")
    reader.add_argument("--write", action="store_true", help="clients can speak to the board")
    return reader.parse_args()


if __name__ == "__main__":
    main()
