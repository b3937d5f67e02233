"""The server of the stress. argv: the folder of sturdy_websocket.py, the port."""

import random
import socket
import sys
import threading
import time

sys.path.insert(0, sys.argv[1])
from sturdy_websocket import SturdyServer

sys.setswitchinterval(1e-5)
talking = threading.Event()


class Wanted(Exception):
    """What this lesson raises. Any other traceback is a fault."""


def new_client(client, server):
    client["handler"].connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2048)
    if client["handler"].path == "/raise":
        raise Wanted("new_client")


def client_left(client, server):
    if client["handler"].path == "/raise-left":
        raise Wanted("client_left")


def message_received(client, server, message):
    if message == "talk":
        talking.set()
    elif message == "quiet":
        talking.clear()
    elif message == "raise":
        raise Wanted("message_received")
    elif message == "close":
        client["handler"].send_close(4000, b"enough")
    else:
        server.send_message(client, message)


def talk(server, who):
    """Says numbered messages of all sizes, a few at a time, while somebody wants it."""
    luck, number = random.Random(who), 0
    while talking.wait():
        for _ in range(luck.randint(1, 5)):
            server.send_message_to_all(f"{who} {number} " + "x" * luck.choice((1, 100, 3000)))
            number += 1
        time.sleep(luck.random() * 0.2)  # or those who read slowly are cut off


server = SturdyServer(host="127.0.0.1", port=sys.argv[2])
server.set_fn_new_client(new_client)
server.set_fn_client_left(client_left)
server.set_fn_message_received(message_received)
for who in range(3):
    threading.Thread(target=talk, args=(server, who), daemon=True).start()
server.run_forever()
