"""Every lesson begins small: how many lines of code its files have, its functions too.

To see the table: python3 tests tests/whole_course/test_lengths.py -n 0 -s
"""

import ast
import io
import re
import tokenize

import pytest
from course import DEEP_FILES, FOLDERS, ROOT, SERVERS

# The file that the reader opens first, with the lines of code that it may have.
LESSONS = {
    "http_ws_server_example/server.py": 35,
    "http_ws_server_example/public/script.js": 60,
    "js_client/script.js": 65,
    "ws_server_example/server.py": 25,
    "p5js_client/sketch.js": 65,
    "serial_to_ws_server/server.py": 65,
    "arduino_websocket_client/arduino_websocket_client.ino": 90,
    "ws_client_example/client.py": 50,
}
# What stands beside it, and may be skipped.
HELPERS = [
    *(f"{folder}/{name}" for folder in SERVERS for name in DEEP_FILES),
    "http_ws_server_example/pages.py",
    "http_ws_server_example/public/page.js",
    "js_client/page.js",
    "p5js_client/graph.js",
    "serial_to_ws_server/serial_help.py",
    "arduino_websocket_client/board.h",
    "arduino_websocket_client/frames.ino",
    "ws_client_example/client_help.py",
]
# The deep file is not a lesson; it may not grow either.
LIMITS = {**LESSONS, f"{SERVERS[0]}/sturdy_websocket.py": 450}
LONGEST_FUNCTION = 20
# Strings are kept, comments and what is between them taken out: a // in "ws://" is no comment.
TEXT_OR_COMMENT = (
    r"""("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)|//[^\n]*|/\*.*?\*/"""
)
NO_CODE = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
           tokenize.ENDMARKER)  # fmt: skip


def lines_of_python(text):
    """Returns the numbers of the lines that are code: no blanks, comments, docstrings."""
    lines = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in NO_CODE:
            lines |= set(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and ast.get_docstring(
            node
        ):
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return lines


def lines_of_code(path):
    """Returns how many lines of a file are code."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return len(lines_of_python(text))
    text = re.sub(TEXT_OR_COMMENT, lambda found: found[1] or "", text, flags=re.S)
    return sum(1 for line in text.splitlines() if line.strip())


def functions_of(path):
    """Yields (name, lines) of every function; a docstring's lines don't count.

    Of JavaScript and C++ those that begin at the margin: eslint looks at the others.
    """
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                docstring = ast.get_docstring(node, clean=False) or ""
                yield node.name, node.end_lineno - node.lineno + 1 - len(docstring.splitlines())
    else:
        for found in re.finditer(r"^(\w[^\n;]*)\([^;{]*\{\n(.*?)^\}", text, re.M | re.S):
            yield found[1], found[0].count("\n") + 1


def test_lessons_begin_small():
    """Prints the table: a file, its lines of code, how many it may have."""
    table = [(name, lines_of_code(ROOT / name), LIMITS.get(name)) for name in [*LESSONS, *HELPERS]]
    for name, lines, limit in table:
        print(f"{lines:5} {f'of {limit}' if limit else '':7} {name}")
    assert not [row for row in table if row[2] and row[1] > row[2]]


@pytest.mark.parametrize("ending", ["py", "js", "ino", "h"])
def test_no_function_is_long(ending):
    files = [file for folder in FOLDERS for file in folder.rglob(f"*.{ending}")]
    found = [(file.name, *each) for file in files for each in functions_of(file)]
    assert found or ending == "h"
    assert not [row for row in found if row[2] > LONGEST_FUNCTION]


@pytest.mark.parametrize("name", HELPERS)
def test_helper_says_that_it_may_be_skipped(name):
    """In the second sentence of its header, before anybody begins to read it."""
    top = (ROOT / name).read_text(encoding="utf-8").splitlines()[:5]
    assert any("skip this" in line for line in top), top


def test_every_file_of_a_lesson_is_here():
    """A new file is either read first, or says that it may be skipped."""
    files = {
        file.relative_to(ROOT).as_posix()
        for folder in FOLDERS
        for ending in ("py", "js", "ino")
        for file in folder.rglob(f"*.{ending}")
    }
    assert files <= {*LESSONS, *HELPERS}


def test_lines_are_counted_as_a_reader_does():
    text = '"""Header\n\nmore"""\n\nA = """x\n\ny"""  # one\n\n\ndef f():\n    "Doc."\n    # no\n'
    assert lines_of_python(text + "    return (1,\n            2)\n") == {5, 6, 7, 10, 13, 14}
