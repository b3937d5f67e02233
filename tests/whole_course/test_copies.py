"""The promises of the files themselves: copies, names, lengths."""

import ast
import sys

import pytest
from course import ROOT, SERVERS

LESSONS = {
    # Lines that are neither empty nor a part of the header block.
    "ws_server_example/server.py": 60,
    "http_ws_server_example/server.py": 80,
    "serial_to_ws_server/server.py": 130,
    "ws_client_example/client.py": 135,
}
FOLDERS = sorted(
    folder
    for folder in ROOT.iterdir()
    if folder.is_dir() and folder.name != "tests" and not folder.name.startswith((".", "__"))
)
PYTHON_FILES = sorted(file for folder in FOLDERS for file in folder.glob("*.py"))
EVENTS = ["new_client", "client_left", "message_received", "main"]
LONGEST_FUNCTION = 20


def functions(file):
    """Yields every function of a file with the number of its lines, its docstring not counted."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            docstring = ast.get_docstring(node, clean=False)
            lines = node.end_lineno - node.lineno + 1
            yield node, lines - (len(docstring.splitlines()) if docstring else 0)


def test_copies_are_identical():
    """sturdy_websocket.py is the same in the three folders, byte for byte."""
    copies = [(ROOT / folder / "sturdy_websocket.py").read_bytes() for folder in SERVERS]
    assert copies[0] == copies[1] == copies[2]
    assert len(copies[0]) > 5000 and b"\r" not in copies[0]
    assert sorted(ROOT.glob("*/sturdy_websocket.py")) == sorted(
        ROOT / folder / "sturdy_websocket.py" for folder in SERVERS
    )


def test_no_file_is_named_like_a_module():
    """A file next to server.py hides the module of its name: nobody would find out why."""
    taken = set(getattr(sys, "stdlib_module_names", sys.builtin_module_names)) | {
        "websocket", "websocket_server", "websockets", "serial", "pytest", "http", "socket",
        "queue", "html", "signal", "code", "test", "random", "types", "string", "select",
    }  # fmt: skip
    assert PYTHON_FILES
    for path in [*PYTHON_FILES, *FOLDERS]:
        assert path.stem not in taken, path


def test_nothing_is_shared_between_folders():
    """A lesson imports the standard library, its package and the files beside it."""
    packages = {"websocket_server", "websocket", "serial"}
    standard = getattr(sys, "stdlib_module_names", None)
    if standard is None:
        pytest.skip("this Python does not know the names of its own modules")
    for file in PYTHON_FILES:
        beside = {other.stem for other in file.parent.glob("*.py")}
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, file
                names = [node.module]
            for name in names:
                assert name.split(".")[0] in standard | packages | beside, (file, name)
                assert name.split(".")[0] != "asyncio", file


@pytest.mark.parametrize("name", LESSONS)
def test_lesson_can_be_read_in_one_sitting(name):
    file = ROOT / name
    header = ast.parse(file.read_text(encoding="utf-8")).body[0].end_lineno
    lines = [
        line for line in file.read_text(encoding="utf-8").splitlines()[header:] if line.strip()
    ]
    assert len(lines) <= LESSONS[name]


@pytest.mark.parametrize("file", PYTHON_FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_no_function_is_long(file):
    long = {node.name: lines for node, lines in functions(file) if lines > LONGEST_FUNCTION}
    assert not long


@pytest.mark.parametrize("file", PYTHON_FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_file_begins_with_its_header(file):
    """What it shows or is for, how to run it: a copied file still explains itself."""
    header = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert header
    if f"{file.parent.name}/{file.name}" in LESSONS:
        for part in ("Run it with:", "You should see:", "Needs:", "After Tom Igoe's"):
            assert part in header


@pytest.mark.parametrize("folder", SERVERS)
def test_same_names_in_the_same_order(folder):
    """The event functions come first, then main(), then helpers, in every lesson."""
    tree = ast.parse((ROOT / folder / "server.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))]
    assert names[:4] == EVENTS
    settings = [target.id for node in tree.body if isinstance(node, ast.Assign)
                for target in node.targets if isinstance(target, ast.Name)]  # fmt: skip
    assert settings[:2] == ["HOST", "PORT"]


@pytest.mark.parametrize("folder", SERVERS)
def test_server_is_one_word_from_the_package(folder):
    """SturdyServer knows all that the package's server knows: to swap them is an exercise."""
    code = (ROOT / folder / "server.py").read_text(encoding="utf-8")
    for name in ("set_fn_new_client", "set_fn_client_left", "set_fn_message_received"):
        assert f"server.{name}(" in code
    assert "import SturdyServer" in code or "SturdyServer(" in code
    assert "server.run_forever()" in code


def test_functions_of_the_sturdy_file_say_what_they_do():
    tree = ast.parse((ROOT / SERVERS[0] / "sturdy_websocket.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            assert ast.get_docstring(node), node.name
