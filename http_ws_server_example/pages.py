"""
A web server for one folder, on the same port as the WebSocket server

You can skip this file: the lesson is in server.py, which imports PageServer from here.
SimpleHTTPRequestHandler, from Python's http.server, does the work. This file adds what a web
server has to watch out for:

  paths    nothing outside the folder can be read, whatever the address says
  types    what a browser is told about a file doesn't depend on your computer
  reloads  after you change a file, a reload shows the new one
  parts    in sound and video you can jump to any point: the browser asks for a part of the file
  time     a phone on slow Wi-Fi gets the whole file, if it keeps reading
"""

import mimetypes
import os
import re
import sys
from http.server import SimpleHTTPRequestHandler
from urllib.parse import unquote

from sturdy_websocket import SILENCE, SturdyHandler, SturdyServer

# Python's own list of types, and a few more that browsers need.
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
# its last character. They are refused on every system, so the lesson works the same everywhere.
DEVICE = r"/(con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(\.[^/]*)?(/|$)"
NOT_A_FILE = re.compile(DEVICE + r"|[\\:]|[. ](/|$)", re.IGNORECASE)


class PageHandler(SturdyHandler, SimpleHTTPRequestHandler):
    """One connection: SturdyHandler knows WebSockets, SimpleHTTPRequestHandler sends files."""

    def __init__(self, request, client_address, server):
        super().__init__(request, client_address, server, directory=server.folder)

    def do_page(self):
        """Answers a GET or HEAD request, with the file or with 404."""
        # Nobody reads a request's body, so it would look like the next request.
        if "Content-Length" in self.headers or "Transfer-Encoding" in self.headers:
            self.close_connection = True
        # Each piece of a file may take this long to send.
        self.connection.settimeout(SILENCE)
        send = getattr(SimpleHTTPRequestHandler, f"do_{self.command}")
        send(self)

    def send_head(self):
        """Sends the headers. Returns the open file, or None if there's nothing to send."""
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

        first, last: which bytes the browser asks for, as digits. Without first, last says how
        many bytes at the end. Without last, it's everything from first on.
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
        """Sends the rest of a file, in pieces small enough for a slow phone."""
        while piece := source.read(min(16384, self.left)):
            outputfile.write(piece)
            self.left -= len(piece)

    def is_page(self):
        """Tells whether the path leads to a regular file in the folder, even through links."""
        if NOT_A_FILE.search(unquote(self.path.partition("?")[0])):
            return False
        path = self.translate_path(self.path)
        if os.path.isdir(path):
            path = os.path.join(path, "index.html")
        folder = os.path.join(os.path.realpath(self.directory), "")
        return os.path.isfile(path) and os.path.realpath(path).startswith(folder)

    def guess_type(self, path):
        """Returns a file's type (str), from the ending of its name."""
        return TYPES.get(os.path.splitext(path)[1].lower(), "application/octet-stream")

    def end_headers(self):
        """Adds the headers that every file gets.

        Browsers may ask for parts. They use our type instead of guessing. And they keep no copy,
        because an old copy could hide what you have changed.
        """
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()


class PageServer(SturdyServer):
    """A SturdyServer with pages. folder: where they are (str); host, port: as in SturdyServer.

    Ends the program with a sentence if there's no such folder, or the port can't be used.
    """

    handler_class = PageHandler
    addresses = "http://{0}:{1}/  ws://{0}:{1}/"

    def __init__(self, folder, host="", port=0):
        if not os.path.isdir(folder):
            sys.exit(f"There is no folder {folder!r} for the pages. Create it, or change its name.")
        self.folder = folder
        super().__init__(host, port)
