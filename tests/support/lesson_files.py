"""What of a lesson's file is code: comments, docstrings and blank lines are left out."""

import re

# The file of each lesson that its reader opens first, in the order of the course.
LESSON_FILES = {
    "http_ws_server_example": "server.py",
    "js_client": "script.js",
    "ws_server_example": "server.py",
    "p5js_client": "sketch.js",
    "serial_to_ws_server": "server.py",
    "arduino_websocket_client": "arduino_websocket_client.ino",
    "ws_client_example": "client.py",
}
# What may stand in a file: a text, which is kept (a // in "ws://" is no comment), or a comment.
TEXT = r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)"""
COMMENT = {".py": r"#[^\n]*", "others": r"//[^\n]*|/\*.*?\*/"}
DOCSTRING = r'^ *""".*?"""$'


def code_lines(text, suffix):
    """Returns the lines of code in a text that comes from a file with this suffix."""
    comment = COMMENT.get(suffix, COMMENT["others"])
    pattern = re.compile(f"{DOCSTRING}|{TEXT}|{comment}", re.M | re.S)
    text = pattern.sub(lambda found: found[1] or "", text)
    return [line.rstrip() for line in text.splitlines() if line.strip()]
