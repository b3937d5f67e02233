"""The promises of the files themselves: copies, names, nothing shared."""

import ast
import re
import sys

import pytest
from course import LESSONS, ROOT, SERVERS

PYTHON_FILES = sorted(file for folder in LESSONS for file in folder.glob("*.py"))
PROGRAMS = [*(f"{folder}/server.py" for folder in SERVERS), "ws_client_example/client.py"]
PUBLIC = "http_ws_server_example/public"
COPIES = {
    "sturdy_websocket.py": SERVERS,
    "page.js": ["js_client", PUBLIC],
    "styles.css": ["js_client", PUBLIC],
}


@pytest.mark.parametrize("name", COPIES)
def test_copies_are_identical(name):
    copies = [ROOT / folder / name for folder in COPIES[name]]
    assert sorted(copies) == sorted(file for folder in LESSONS for file in folder.rglob(name))
    texts = {copy.read_bytes() for copy in copies}
    assert len(texts) == 1
    assert b"\r" not in texts.pop()


def test_no_file_is_named_like_a_module():
    """A file next to server.py hides the module of its name: nobody would find out why."""
    taken = set(getattr(sys, "stdlib_module_names", sys.builtin_module_names))
    taken |= {"websocket", "websocket_server", "websockets", "serial", "http", "html", "random"}
    for path in [*PYTHON_FILES, *LESSONS]:
        assert path.stem not in taken, path


@pytest.mark.skipif(sys.version_info < (3, 10), reason="this Python can't name its own modules")
def test_nothing_is_shared_between_folders():
    """A lesson imports the standard library, its package and the files beside it."""
    for file in PYTHON_FILES:
        beside = {other.stem for other in file.parent.glob("*.py")}
        packages = {"websocket_server", "websocket", "serial"} | beside
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in sys.stdlib_module_names | packages, (file, name)


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_copied_program_explains_itself_and_runs_with_uv(name):
    text = (ROOT / name).read_text("utf-8")
    for part in ("Run it with:", "You should see:", "Needs:", "After Tom Igoe's"):
        assert part in ast.get_docstring(ast.parse(text))
    metadata = re.match(r"# /// script\n(?:# .*\n)+?# ///\n", text)[0]
    wanted = re.findall(r"^([\w-]+)", (ROOT / "requirements.txt").read_text("utf-8"), re.M)
    needed = re.findall(r'"([\w-]+)', metadata.split("dependencies")[1])
    assert needed and set(needed) <= set(wanted)
