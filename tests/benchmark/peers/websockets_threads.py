"""The package websockets with threads: the same chat as ws_server_example."""

import contextlib
import json
import os

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

clients = set()


def chat(client):
    print("New Connection")
    try:
        address = client.remote_address[0]
        clients.add(client)
        for message in client:
            text = f"{address}: {message}"
            print(text[:100])
            answer = json.dumps(text, ensure_ascii=False)
            for other in list(clients):
                with contextlib.suppress(ConnectionClosed):
                    other.send(answer)
    except (ConnectionClosed, OSError):
        pass
    finally:
        clients.discard(client)
        print("connection closed")


with serve(chat, "127.0.0.1", int(os.environ["PORT"]), max_size=None) as server:
    server.serve_forever()
