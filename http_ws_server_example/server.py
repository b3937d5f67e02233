"""
Web server and WebSocket server in one

Serves the pages in the folder public, and sends what one page says to all pages.

Run it with:     python server.py
Another port:    PORT=3001 python server.py      (Windows: set PORT=3001)
You should see:  the addresses of the server. Open the first one in two browser
                 windows: what you type in one shows up in both.

Needs:           python -m pip install websocket-server==0.6.4
                 and the file sturdy_websocket.py next to this one

After Tom Igoe's ExpressWsServer in websocket-examples (MIT)
"""

import functools
import os
import threading
from http.server import SimpleHTTPRequestHandler

from sturdy_websocket import SturdyHandler, SturdyServer, port_number  # the file next to this one

# "" means every network this computer is on; "127.0.0.1" would be this computer only.
HOST = ""
PORT = port_number(os.environ.get("PORT", "3000"))
PUBLIC = os.path.realpath(os.path.join(os.path.dirname(__file__), "public"))

# Threads that look for files one after the other are twice as fast as all at once.
looking_up = threading.Lock()


# A client is a dictionary: its "id", its "address", and the "handler" that speaks to it.
def new_client(client, server):
    """Called when a client has connected."""
    print("New Connection")


def client_left(client, server):
    """Called when a client is gone, whoever hung up."""
    print("connection closed")


def message_received(client, server, message):
    """Called with every message: text is a str, binary data is bytes."""
    print(f"{client['address'][0]}: {shorten(message)}")
    # Everybody gets it as it came, the speaker too.
    server.send_message_to_all(message)


def main():
    handler = functools.partial(PageHandler, directory=PUBLIC)
    server = SturdyServer(host=HOST, port=PORT, handler=handler)
    server.set_fn_new_client(new_client)
    server.set_fn_client_left(client_left)
    server.set_fn_message_received(message_received)
    server.run_forever()
    print("Server stopped.")


class PageHandler(SturdyHandler, SimpleHTTPRequestHandler):
    """A connection that asks for a page instead of a WebSocket gets a file from PUBLIC."""

    # What the browser is told a file is. Without this it would depend on your computer.
    extensions_map = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".png": "image/png",
        ".wasm": "application/wasm",
    }

    def do_page(self):
        """Sends the file that is asked for, or says that there is none."""
        try:
            if self.command == "HEAD":
                SimpleHTTPRequestHandler.do_HEAD(self)
            else:
                SimpleHTTPRequestHandler.do_GET(self)
        except ValueError:  # no file has such a name
            self.send_error(404)

    def send_head(self):
        """Looks where the file really is: nothing outside PUBLIC may be read."""
        with looking_up:
            path = os.path.realpath(self.translate_path(self.path))
            if os.path.commonpath([path, PUBLIC]) != PUBLIC:
                return self.send_error(404)
            return super().send_head()

    def list_directory(self, path):
        """A folder without an index.html is not shown."""
        self.send_error(404)

    def end_headers(self):
        """Browsers take the type of a file from us, they don't guess it."""
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()


def shorten(message):
    """Returns a message as one short line, so that the terminal stays readable."""
    if isinstance(message, bytes):
        return f"({len(message)} bytes)"
    line = message if len(message) <= 100 else f"{message[:100]}… ({len(message)} characters)"
    # Signs that would move the cursor or begin a new line are shown as \n and the like.
    return line if line.isprintable() else repr(line)


if __name__ == "__main__":
    main()
