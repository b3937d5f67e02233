"""The package without sturdy_websocket.py: the same chat as ws_server_example."""

import json
import os

from websocket_server import WebsocketServer


def message_received(client, server, message):
    text = f"{client['address'][0]}: {message}"
    print(text[:100])
    server.send_message_to_all(json.dumps(text, ensure_ascii=False))


server = WebsocketServer(host="127.0.0.1", port=int(os.environ["PORT"]))
server.set_fn_new_client(lambda client, server: print("New Connection"))
server.set_fn_client_left(lambda client, server: print("connection closed"))
server.set_fn_message_received(message_received)
server.run_forever()
