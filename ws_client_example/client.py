# /// script
# requires-python = ">=3.9"
# dependencies = ["websocket-client"]
# ///
"""
WebSocket client

Sends what you type to a WebSocket server, and prints what the server says.
In a pipe, it sends each line that comes in, and writes each message and a line break.

Run it with:     python client.py
Another server:  python client.py ws://192.168.1.23:3000/
You should see:  Server said: "127.0.0.1: Hello"     (from ../ws_server_example)

Needs:           python -m pip install websocket-client
                 and the file client_help.py next to this one

After Tom Igoe's wsClient.js in websocket-examples (MIT)
"""

import sys
import threading

# The file next to this one.
import client_help
import websocket

URL = "ws://127.0.0.1:8080/"


def message_received(message):
    """Called for every message: text is a str, binary data is bytes."""
    # In a pipe, the next program needs the message and nothing else.
    if client_help.in_terminal():
        print(f"Server said: {client_help.shorten(message)}")
    else:
        client_help.write(message)


def connect(url):
    """Returns the connection to the server at url, or ends the program with advice."""
    try:
        connection = websocket.create_connection(url, timeout=5, suppress_origin=True)
    except client_help.FAILURES as error:
        sys.exit(client_help.advice(error, url))
    # From now on, silence isn't an error: pings find out whether the server is still there.
    connection.settimeout(client_help.SILENCE)
    return connection


def speak(connection):
    """Sends Hello in a terminal, then every line that is typed or comes through the pipe."""
    try:
        if client_help.in_terminal():
            connection.send("Hello")
        for line in client_help.lines():
            connection.send(line)
        # No more lines. The server answers with its own close frame, after all its messages.
        client_help.say_goodbye(connection)
    except client_help.LOST:
        # main() notices that the connection is lost and says so.
        return


def main():
    url = client_help.read_address(URL)
    connection = connect(url)
    if client_help.in_terminal():
        print(f"Connected to {url}. Type a line and press Enter; Ctrl-C ends.")
    # The program waits for the keyboard and for the server, so it needs two threads: this one
    # listens, and speaker speaks. A third one asks the server whether it's still there.
    speaker = threading.Thread(target=speak, args=[connection], daemon=True)
    pinger = threading.Thread(target=client_help.ping, args=[connection], daemon=True)
    pinger.start()
    if client_help.has_input():
        speaker.start()
    try:
        for message in client_help.messages(connection):
            message_received(message)
    finally:
        client_help.close(connection)


if __name__ == "__main__":
    client_help.run(main)
