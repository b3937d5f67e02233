"""
What a web server has to watch for

You can skip this file. The lesson is in server.py, which takes CarefulPageHandler from
here: the SimpleHTTPRequestHandler of Python's http.server, which sends the files of a
folder, and besides

  paths   nothing outside the folder can be read, whatever the address says
  types   what a browser is told a file is doesn't depend on your computer
  age     after a change, a reload shows the new page
  speed   threads that look for files take turns
"""

import contextlib
import functools
import os
import threading
from http.server import SimpleHTTPRequestHandler

# Where a folder really is: asked once, not for each request.
real_path = functools.lru_cache(os.path.realpath)
# Threads that look for files one after the other are faster than all at once. It is never held
# while something is sent over the network: who doesn't read holds up nobody.
looking_up = threading.Lock()


class CarefulPageHandler(SimpleHTTPRequestHandler):
    """Sends the files of one folder. directory: its path, an argument besides the usual ones."""

    # Without this it would depend on the computer: some say that .js is plain text.
    extensions_map = {
        **SimpleHTTPRequestHandler.extensions_map,
        ".html": "text/html; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".png": "image/png",
        ".wasm": "application/wasm",
    }

    def send_page(self):
        """Answers a GET or a HEAD request: with the file that is asked for, or with 404."""
        if self.command == "HEAD":
            SimpleHTTPRequestHandler.do_HEAD(self)
        else:
            SimpleHTTPRequestHandler.do_GET(self)

    def send_head(self):
        """Sends status and headers; returns the open file, or None if there is none to send."""
        # The answer to a short request fits into the buffer, so that nobody's network is waited
        # for while the lock is held.
        alone = looking_up if len(self.path) < 2000 else contextlib.nullcontext()
        try:
            with alone:
                if self.is_inside():
                    return super().send_head()
        except ValueError:  # no file has such a name
            pass
        self.send_error(404)

    def is_inside(self):
        """Tells whether the file that is asked for is in the folder, wherever links lead."""
        path = os.path.realpath(self.translate_path(self.path))
        folder = real_path(self.directory)
        return os.path.commonpath([path, folder]) == folder

    def list_directory(self, path):
        """A folder without an index.html is not shown."""
        self.send_error(404)

    def end_headers(self):
        """Browsers take the type of a file from us, they don't guess it.

        And they keep no copy. With one, a file that a student has changed is not shown for days,
        and one that is put back, which is older, never.
        """
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-store")
        super().end_headers()
