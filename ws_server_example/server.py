# /// script
# requires-python = ">=3.9"
# dependencies = ["websocket-server==0.6.4"]
# ///
"""
WebSocket server

Sends what one client says to all clients, with the address it came from.

Run it with:     python server.py
Another port:    PORT=8081 python server.py             macOS, Linux
                 $env:PORT=8081; python server.py       Windows PowerShell
                 set PORT=8081& python server.py        Windows Command Prompt
You should see:  the addresses of the server, then a line whenever a client arrives, says
                 something, or leaves. Open ../js_client/index.html to be a client.

Needs:           python -m pip install websocket-server==0.6.4
                 and the file sturdy_websocket.py next to this one

After Tom Igoe's wsServer.js in websocket-examples (MIT)
"""

import json

# The file next to this one.
from sturdy_websocket import SturdyServer, no_words_expected, port_from_environment, shorten

# "" means every network this computer is on; "127.0.0.1" would be this computer only.
HOST = ""
# The PORT that was set in the terminal, or else 8080.
PORT = port_from_environment(8080)


# A client is a dictionary: its "id", its "address", and the "handler" that speaks to it.
def new_client(client, server):
    """Called when a client has connected."""
    print(f"New Connection: {client['address'][0]} ({len(server.clients)} here)")


def client_left(client, server):
    """Called when a client is gone, whichever side hung up."""
    print(f"connection closed: {client['address'][0]} ({len(server.clients)} here)")


def message_received(client, server, message):
    """Called for every message: text is a str, binary data is bytes."""
    address = client["address"][0]
    # Binary data, such as a photo, isn't text. The others get its size instead.
    text = shorten(message) if isinstance(message, bytes) else message
    # Everyone gets it, the speaker too. JSON puts it in quotes, so every character in it
    # arrives unchanged, even a quote or a new line.
    server.send_message_to_all(json.dumps(f"{address}: {text}", ensure_ascii=False))
    print(f"{address}: {shorten(message)}")


def main():
    no_words_expected(__doc__)
    server = SturdyServer(host=HOST, port=PORT)
    server.set_fn_new_client(new_client)
    server.set_fn_client_left(client_left)
    server.set_fn_message_received(message_received)
    server.run_forever()
    print("Server stopped.")


if __name__ == "__main__":
    main()
