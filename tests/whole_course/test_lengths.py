"""Every lesson begins small: how many lines of code its files have, its functions too.

To see the table: python3 tests tests/whole_course/test_lengths.py -n 0 -s
"""

import ast

import pytest
from course import LESSON_FILES, LESSONS, ROOT, code_lines

LIMITS = {
    "http_ws_server_example/server.py": 25,
    "http_ws_server_example/pages.py": 80,
    "http_ws_server_example/public/script.js": 72,
    "js_client/script.js": 72,
    "ws_server_example/server.py": 25,
    "ws_server_example/sturdy_websocket.py": 480,
    "p5js_client/sketch.js": 65,
    "p5js_client/connection.js": 210,
    "serial_to_ws_server/server.py": 60,
    "serial_to_ws_server/serial_help.py": 140,
    "arduino_websocket_client/arduino_websocket_client.ino": 90,
    "ws_client_example/client.py": 45,
    "ws_client_example/client_help.py": 120,
}
FILES = [
    path
    for folder in LESSONS
    for ending in ("py", "js", "ino", "h")
    for path in sorted(folder.rglob(f"*.{ending}"))
    if not path.name.endswith((".min.js", "secrets.h"))
]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def test_lessons_begin_small():
    """Prints the table: a file, its lines of code, how many it may have."""
    too_long = []
    for path in FILES:
        name, lines = name_of(path), len(code_lines(path.read_text("utf-8"), path.suffix))
        limit = LIMITS.get(name, lines)
        print(f"{lines:5} of {limit:5} {name}")
        too_long += [name] if lines > limit else []
    assert not too_long
    assert len((ROOT / "js_client" / "page.js").read_text("utf-8").splitlines()) <= 340


@pytest.mark.parametrize("path", [path for path in FILES if path.suffix == ".py"], ids=name_of)
def test_no_function_is_long(path):
    """Docstrings don't count. eslint looks at those in JavaScript, lesson 6 at those in C++."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            docstring = ast.get_docstring(node, clean=False) or ""
            lines = node.end_lineno - node.lineno + 1 - len(docstring.splitlines())
            assert lines <= 20, node.name


def test_helpers_say_that_they_may_be_skipped():
    helpers = [path for path in FILES if path.name not in LESSON_FILES.values()]
    tops = {path: path.read_text("utf-8").splitlines()[:5] for path in helpers}
    assert not [path for path, top in tops.items() if "skip this" not in " ".join(top)]
