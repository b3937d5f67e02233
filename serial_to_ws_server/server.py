# /// script
# requires-python = ">=3.9"
# dependencies = ["websocket-server==0.6.4", "pyserial==3.5"]
# ///
"""
Serial port to WebSocket server

Sends what a board prints on its USB cable to every browser that is connected.

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
                 and the files serial_help.py and sturdy_websocket.py next to this one

After Tom Igoe's SerialToWsServer in websocket-examples (MIT)
"""

import contextlib
import threading

# The files next to this one.
from serial_help import open_board, read_options
from sturdy_websocket import SturdyServer, port_from_environment, shorten

# "" means every network this computer is on; "127.0.0.1" would be this computer only.
HOST = ""
# The PORT that was set in the terminal, or else 8080.
PORT = port_from_environment(8080)
# Longer lines are cut. Otherwise, a line that never ends would fill the memory.
MAX_LINE = 4096  # bytes


# A client is a dictionary: its "id", its "address", and the "handler" that speaks to it.
def new_client(client, server):
    """Called when a client has connected."""
    print(f"New Connection: {client['address'][0]} ({len(server.clients)} here)")


def client_left(client, server):
    """Called when a client is gone, whichever side hung up."""
    print(f"connection closed: {client['address'][0]} ({len(server.clients)} here)")


def message_received(client, server, message):
    """Called for every message: text is a str, binary data is bytes."""
    # Without --write, there is no board to speak to. Each text becomes one line.
    if server.board and isinstance(message, str):
        server.board.write(" ".join(message.splitlines()).encode() + b"\n")
    elif server.board:
        server.board.write(message)
    print(f"{client['address'][0]}: {shorten(message)}")


def read_board(board, server, options):
    """The reader thread: passes on what the board sends, until the program stops."""
    while not board.stopping.is_set():
        try:
            if options.lines == "t":
                read_lines(board, server)
            else:
                for message in board.raw_messages():
                    pass_on(message, server)
        except OSError:
            # The cable was pulled out. The browsers stay connected.
            board.wait_until_it_is_back()


def read_lines(board, server):
    """Passes on whole lines. Their bytes come in pieces of any size."""
    # If the board is in the middle of a line, its beginning is lost: skip the rest.
    skip_line = board.is_talking()
    waiting = b""
    for piece in board.pieces():
        waiting = waiting + piece
        while b"\n" in waiting or len(waiting) > MAX_LINE:
            # The line is what comes before the line end; what comes after it waits.
            line, end, waiting = waiting.partition(b"\n")
            if not skip_line:
                pass_on(line.decode("utf-8", "replace").rstrip("\r"), server)
            skip_line = False


def pass_on(message, server):
    """Sends a message from the board to every client, and prints it."""
    server.send_message_to_all(message)
    # If the terminal is gone, print() fails, but the browsers still get their messages.
    with contextlib.suppress(OSError):
        print(shorten(message))


def main():
    options = read_options(__doc__)
    # If you typed no port, this lists your ports and ends the program.
    board = open_board(options)
    server = SturdyServer(host=HOST, port=PORT)
    server.set_fn_new_client(new_client)
    server.set_fn_client_left(client_left)
    server.set_fn_message_received(message_received)
    server.board = board if options.write else None
    # Reading waits for the board, and serving waits for browsers: each needs its own thread.
    reader = threading.Thread(target=read_board, args=[board, server, options], daemon=True)
    reader.start()
    server.run_forever()
    board.stopping.set()
    reader.join(timeout=1)
    print("Server stopped.")


if __name__ == "__main__":
    main()
