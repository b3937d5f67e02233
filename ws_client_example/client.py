"""
WebSocket client

Sends what you type to a WebSocket server, and prints what the server says.
In a pipe it is a filter: lines come in and are sent, messages go out, one a line.

Run it with:     python client.py
Another server:  python client.py ws://192.168.1.23:3000/
You should see:  Server said: "127.0.0.1: Hello"     (from ../ws_server_example)

Needs:           python -m pip install websocket-client
                 and the file client_help.py next to this one

After Tom Igoe's wsClient.js in websocket-examples (MIT)
"""

import sys
import threading

import client_help  # the file next to this one
import websocket

URL = "ws://127.0.0.1:8080/"

# What the two threads below tell each other: how many answers are missing, and when it is over.
talk = client_help.Talk()


def message_received(message):
    """Called with every message: text is a str, binary data is bytes."""
    # In a pipe, the program behind it wants the bare message.
    if client_help.IN_TERMINAL:
        message = f"Server said: {client_help.shorten(message)}"
    talk.write_out(message)


def main():
    url = client_help.read_address(URL)
    connection = connect(url)
    if client_help.IN_TERMINAL:
        print(f"Connected to {url}. Type a line and press Enter; Ctrl-C ends.")
    # One thread waits for the server and one for the keyboard: neither waits for the other.
    listener = threading.Thread(target=listen, args=[connection], daemon=True)
    speaker = threading.Thread(target=speak, args=[connection], daemon=True)
    try:
        listener.start()
        if client_help.has_input():
            speaker.start()
        sys.exit(talk.wait_for_end(listener))
    finally:
        # Both sides say goodbye, with a close frame; with the server's, listen() ends.
        client_help.close(connection, listener)


def connect(url):
    """Returns the connection to the server at url, or ends the program with advice."""
    try:
        connection = websocket.create_connection(url, **client_help.OPTIONS)
    except client_help.FAILURES as error:
        sys.exit(client_help.advice(error, url))
    # Once connected, silence is no failure.
    connection.settimeout(None)
    return connection


def listen(connection):
    """Receives until the server closes. The package answers pings on the way."""
    opcode, data = connection.recv_data()
    while opcode != websocket.ABNF.OPCODE_CLOSE:
        message_received(client_help.decode(opcode, data))
        talk.answered()
        opcode, data = connection.recv_data()
    talk.end(client_help.closing_words(data))


def speak(connection):
    """Sends Hello in a terminal, then every line that is typed or comes through the pipe."""
    if client_help.IN_TERMINAL:
        connection.send("Hello")
    for line in client_help.lines():
        connection.send(line)
        # In a pipe, this waits when too many lines have no answer yet.
        talk.sent()
    talk.wait_for_answers()
    talk.end(client_help.said_goodbye())


if __name__ == "__main__":
    client_help.run(main, talk)
