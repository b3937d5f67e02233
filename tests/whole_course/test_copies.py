"""The promises of the files themselves: copies, names, nothing shared."""

import ast
import sys

import pytest
from course import DEEP_FILES, FOLDERS, ROOT, SERVERS

PYTHON_FILES = sorted(file for folder in FOLDERS for file in folder.glob("*.py"))
EVENTS = ["new_client", "client_left", "message_received", "main"]
LESSONS = [*(f"{folder}/server.py" for folder in SERVERS), "ws_client_example/client.py"]
PUBLIC = "http_ws_server_example/public"
# What is the same, byte for byte, in several folders.
COPIES = {
    **dict.fromkeys(DEEP_FILES, SERVERS),
    "page.js": ["js_client", PUBLIC],
    "styles.css": ["js_client", PUBLIC],
}


def tree_of(file):
    return ast.parse(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_identical(name):
    copies = [ROOT / folder / name for folder in COPIES[name]]
    assert sorted(copies) == sorted(file for folder in FOLDERS for file in folder.rglob(name))
    texts = {copy.read_bytes() for copy in copies}
    assert len(texts) == 1
    assert b"\r" not in texts.pop()


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
        for name in imported(file):
            assert name in (standard | packages | beside) - {"asyncio"}, (file, name)


def imported(file):
    """Yields the first word of each module that a file imports."""
    for node in ast.walk(tree_of(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, file
            yield node.module.split(".")[0]


@pytest.mark.parametrize("file", PYTHON_FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_file_begins_with_its_header(file):
    """What it shows or is for, how to run it: a copied file still explains itself."""
    header = ast.get_docstring(tree_of(file))
    assert header
    if file.relative_to(ROOT).as_posix() in LESSONS:
        for part in ("Run it with:", "You should see:", "Needs:", "After Tom Igoe's"):
            assert part in header


@pytest.mark.parametrize("folder", SERVERS)
def test_same_names_in_the_same_order(folder):
    """The event functions come first, then main(), then helpers, in every lesson."""
    tree = tree_of(ROOT / folder / "server.py")
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


@pytest.mark.parametrize("name", DEEP_FILES)
def test_functions_of_the_deep_files_say_what_they_do(name):
    for node in tree_of(ROOT / SERVERS[0] / name).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            assert ast.get_docstring(node), node.name
