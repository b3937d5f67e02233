"""
A web server for one folder, on the same port as the WebSocket server

You can skip this file: the lesson is in server.py, which takes PageServer from here. The work
is done by SimpleHTTPRequestHandler from Python's http.server. This file adds what a web server
has to watch out for:

  paths    nothing outside the folder can be read, whatever the address says
  types    what a browser is told about a file doesn't depend on your computer
  reloads  after you have changed a file, a reload shows the new one
  parts    sound and film can be wound forward and back: a browser asks for a part of the file
  time     a phone on slow Wi-Fi gets the whole file, as long as it takes some of it
"""

import mimetypes
import os
import re
import sys
from http.server import SimpleHTTPRequestHandler
from urllib.parse import unquote

from sturdy_websocket import SILENCE, SturdyHandler, SturdyServer

# Python's own list of types, and what browsers want besides.
TYPES = {
    **mimetypes.MimeTypes().types_map[True],
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".ogg": "audio/ogg",
    ".m4a": "audio/mp4",
    ".webp": "image/webp",
}
# Names that mean something else on Windows: a device, another drive, or the same file without
# its last character. They are refused on every system, so the lesson is the same on all of them.
DEVICE = r"/(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.[^/]*)?(/|$)"
NOT_A_FILE = re.compile(DEVICE + r"|[\\:]|[. ](/|$)", re.IGNORECASE)


class PageHandler(SturdyHandler, SimpleHTTPRequestHandler):
    """One connection: SturdyHandler knows WebSockets, SimpleHTTPRequestHandler sends files."""

    def __init__(self, request, client_address, server):
        super().__init__(request, client_address, server, directory=server.folder)

    def do_page(self):
        """Answers a GET or HEAD request: with the file that is asked for, or with 404."""
        # Nobody reads a request's body, and it must not be taken for the next request.
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        # Each piece of a file may take this long to send.
        self.connection.settimeout(SILENCE)
        send = getattr(SimpleHTTPRequestHandler, f"do_{self.command}")
        send(self)

    def send_head(self):
        """Sends status and headers. Returns the open file, or None if there is nothing to send."""
        self.left = sys.maxsize
        if not self.is_page():
            return self.send_error(404)
        path = self.translate_path(self.path)
        # One part. A browser that asks for several gets the whole file.
        part = re.fullmatch(r"bytes=(?!-$)(\d*)-(\d*)", self.headers.get("Range", ""))
        if not part or os.path.isdir(path):
            return super().send_head()
        return self.send_part(path, *part.groups())

    def send_part(self, path, first, last):
        """The same for a part of a file (RFC 9110, section 14).

        first, last: numbers of the bytes that are asked for, in digits. Without first, last says
        how many bytes at the end; without last, it is everything from first on.
        """
        size = os.path.getsize(path)
        begin = int(first) if first else max(size - int(last), 0)
        end = min(int(last), size - 1) if first and last else size - 1
        self.left = max(end - begin + 1, 0)
        self.send_response(206 if self.left else 416)
        self.send_header("Content-Type", self.guess_type(path))
        part = f"{begin}-{end}" if self.left else "*"
        self.send_header("Content-Range", f"bytes {part}/{size}")
        self.send_header("Content-Length", str(self.left))
        self.end_headers()
        file = open(path, "rb")  # noqa: SIM115, http.server closes it
        file.seek(begin)
        return file

    def copyfile(self, source, outputfile):
        """Sends what is left of a file, in pieces that even a slow phone takes in time."""
        while piece := source.read(min(16384, self.left)):
            outputfile.write(piece)
            self.left -= len(piece)

    def is_page(self):
        """Tells whether the path leads to a regular file in the folder, wherever links lead."""
        if NOT_A_FILE.search(unquote(self.path.partition("?")[0])):
            return False
        path = self.translate_path(self.path)
        if os.path.isdir(path):
            path = os.path.join(path, "index.html")
        folder = os.path.join(os.path.realpath(self.directory), "")
        return os.path.isfile(path) and os.path.realpath(path).startswith(folder)

    def guess_type(self, path):
        """Returns the type of a file (str), by the ending of its name."""
        return TYPES.get(os.path.splitext(path)[1].lower(), "application/octet-stream")

    def end_headers(self):
        """Adds what is true of every file.

        Browsers may ask for parts. They take the type from us, they don't guess it. And they keep
        no copy: otherwise they might not show a file that you have changed, or put back.
        """
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


class PageServer(SturdyServer):
    """A SturdyServer with pages. folder: where they are (str); host, port: as in SturdyServer.

    Ends the program with a sentence if there is no such folder, or the port can't be had.
    """

    handler_class = PageHandler
    addresses = "http://{0}:{1}/  ws://{0}:{1}/"

    def __init__(self, folder, host="", port=0):
        if not os.path.isdir(folder):
            sys.exit(f"There is no folder {folder!r} for the pages. Make one, or change its name.")
        self.folder = folder
        super().__init__(host, port)
