"""What of a lesson's file is code: comments, docstrings and blank lines are left out."""

import ast
import io
import re
import tokenize

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
# Strings are kept, comments taken out: a // in "ws://" is no comment.
TEXT_OR_COMMENT = (
    r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|//[^\n]*|/\*.*?\*/"""
)


def code_lines(text, suffix):
    """Returns the lines of code in a text that comes from a file with this suffix."""
    if suffix == ".py":
        text = without_docstrings(without_comments(text), ast.parse(text))
    else:
        text = re.sub(TEXT_OR_COMMENT, lambda found: found[1] or "", text, flags=re.S)
    return [line.rstrip() for line in text.splitlines() if line.strip()]


def without_comments(text):
    lines = text.splitlines(keepends=True)
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column] + "\n"
    return "".join(lines)


def without_docstrings(text, tree):
    lines = text.splitlines(keepends=True)
    for node in ast.walk(tree):
        has_one = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef))
        if has_one and ast.get_docstring(node) is not None:
            first, last = node.body[0].lineno, node.body[0].end_lineno
            lines[first - 1 : last] = ["\n"] * (last - first + 1)
    return "".join(lines)
