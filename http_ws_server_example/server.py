# /// script
# requires-python = ">=3.9"
# dependencies = ["websocket-server==0.6.4"]
# ///
"""
Web server and WebSocket server in one

Serves the pages in the folder public, and sends what one page says to all pages.

Run it with:     python server.py
Another port:    PORT=3001 python server.py             macOS, Linux
                 $env:PORT=3001; python server.py       Windows PowerShell
                 set PORT=3001& python server.py        Windows Command Prompt
You should see:  the addresses of the server. Open the first one in two browser
                 windows: what you type in one shows up in both.

Needs:           python -m pip install websocket-server==0.6.4
                 and the files pages.py and sturdy_websocket.py next to this one

After Tom Igoe's ExpressWsServer in websocket-examples (MIT)
"""

import os

# The files next to this one.
from pages import PageServer
from sturdy_websocket import no_words_expected, port_from_environment, shorten

# "" means every network this computer is on; "127.0.0.1" would be this computer only.
HOST = ""
# The PORT that was set in the terminal, or else 3000.
PORT = port_from_environment(3000)
# The folder with the pages, next to this file.
PUBLIC = os.path.join(os.path.dirname(__file__), "public")


# A client is a dictionary: its "id", its "address", and the "handler" that speaks to it.
def new_client(client, server):
    """Called when a client has connected."""
    print(f"New Connection: {client['address'][0]} ({len(server.clients)} here)")


def client_left(client, server):
    """Called when a client is gone, whichever side hung up."""
    print(f"connection closed: {client['address'][0]} ({len(server.clients)} here)")


def message_received(client, server, message):
    """Called for every message: text is a str, binary data is bytes."""
    # Everyone gets it unchanged, the speaker too.
    server.send_message_to_all(message)
    print(f"{client['address'][0]}: {shorten(message)}")


def main():
    no_words_expected(__doc__)
    server = PageServer(folder=PUBLIC, host=HOST, port=PORT)
    server.set_fn_new_client(new_client)
    server.set_fn_client_left(client_left)
    server.set_fn_message_received(message_received)
    server.run_forever()
    print("Server stopped.")


if __name__ == "__main__":
    main()
