"""The package websockets with asyncio: the same chat as ws_server_example."""

import asyncio
import json
import os

from websockets.asyncio.server import broadcast, serve

clients = set()


async def chat(client):
    print("New Connection")
    clients.add(client)
    address = client.remote_address[0]
    try:
        async for message in client:
            text = f"{address}: {message}"
            print(text[:100])
            broadcast(clients, json.dumps(text, ensure_ascii=False))
    finally:
        clients.discard(client)
        print("connection closed")


async def main():
    async with serve(chat, "127.0.0.1", int(os.environ["PORT"]), max_size=None):
        await asyncio.Future()


asyncio.run(main())
