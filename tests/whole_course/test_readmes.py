"""The READMEs: every command in them works, and what they show is what comes."""

import ast
import configparser
import itertools
import json
import plistlib
import re
import socket
import subprocess
import sys
import textwrap

import pytest
from course import PATIENCE, ROOT, TESTS, need
from terminals import (
    PORTS,
    SHELLS,
    close_terminals,
    edit,
    open_terminals,
    prepare,
    read_blocks,
    usual_ports,
)

LESSONS = [
    "http_ws_server_example",
    "js_client",
    "ws_server_example",
    "p5js_client",
    "serial_to_ws_server",
    "arduino_websocket_client",
    "ws_client_example",
]
HEADINGS = [
    "What it does",
    "What you need",
    "Run it",
    "What you should see",
    "The shortest one that works",
    "How it works",
    "Break it on purpose",
    "Try this next",
    "You learned",
]
PAGES = ["HTTPS.md", "EXHIBITION.md", "CHEATSHEET.md"]
READMES = [
    ROOT / "README.md",
    *(ROOT / lesson / "README.md" for lesson in LESSONS),
    *(ROOT / "http_ws_server_example" / page for page in PAGES),
    TESTS / "README.md",
]
STURDY = "ws_server_example/sturdy_websocket.py"
SOURCES = (".py", ".js", ".html", ".css", ".ino", ".h")
# What a block may be: run, code of the course, typed on Windows, an edit, a file, a picture.
CODE = ("python", "js", "cpp")
WINDOWS = ("bat", "powershell")
WINDOWS_PROGRAMS = (
    r"py|python|cd|set|\$env:\w+(=\S+)?|\.venv\\Scripts\\\w+|schtasks|git|echo|copy|"
    r"mosquitto(_pub|_sub)?|Set-ExecutionPolicy"
)
OTHERS = ("diff", "html", "css", "conf", "caddyfile", "ini", "xml", "json", "text")
# Who else may be the author of a text in the troubleshooting table.
OTHER_PROGRAMS = [
    "Python",
    "pip",
    "the browser",
    "Windows",
    "macOS",
    "Linux",
    "your shell",
    "Arduino IDE",
    "PowerShell",
    "node",
    "nobody",
]


def name_of(path):
    folder = path.parent.name if path.parent != ROOT else "course"
    return folder if path.name == "README.md" else f"{folder}-{path.stem}"


def sections_that_run():
    """Yields (README, blocks) for each section in which something is to be run."""
    for readme in READMES:
        blocks = read_blocks(readme)
        for _, group in itertools.groupby(blocks, key=lambda block: block.heading):
            together = list(group)
            run = [each for each in together if each.kind in SHELLS and not each.mark("not run")]
            if run:
                name = f"{name_of(readme)}-line{run[0].line}"
                yield pytest.param(readme, together, id=name)


every_readme = pytest.mark.parametrize("readme", READMES, ids=name_of)


@pytest.mark.skipif(sys.platform == "win32", reason="these commands are for macOS and Linux")
@pytest.mark.parametrize("readme, blocks", list(sections_that_run()))
def test_commands_do_what_is_shown(readme, blocks, tmp_path):
    text = "".join(block.text for block in blocks)
    for program in ("mosquitto", "mosquitto_pub", "mosquitto_sub", "websocketd", "caddy", "curl"):
        if re.search(rf"\b{program} ", text):
            need(program)
    ports = usual_ports()
    here = prepare(readme, tmp_path / "course", ports)
    close_terminals(readme, open_terminals(blocks, here, ports))


@pytest.mark.parametrize("lesson", LESSONS)
def test_headings(lesson):
    found = re.findall(r"^## (.*)", (ROOT / lesson / "README.md").read_text(), re.M)
    assert found == HEADINGS


@every_readme
def test_blocks_are_of_a_known_kind(readme):
    for block in read_blocks(readme):
        where = f"line {block.line}"
        assert block.kind in (*SHELLS, *CODE, *WINDOWS, *OTHERS), f"{where}: {block.kind!r}"
        assert block.kind != "console" or block.text.startswith("$ "), (
            f"{where} begins with no command"
        )
        assert all(
            mark in ("not run", "file", "you type", "visitors") for mark, _ in block.marks
        ), where
        assert all(block.mark("not run")), f"{where}: say why it is not run"


@every_readme
def test_excerpts_are_in_the_files(readme):
    folder = readme.parent
    folders = [folder] if folder.name in LESSONS else [ROOT / lesson for lesson in LESSONS]
    sources = [path.read_text().splitlines() for path in files_in(folders, SOURCES)]
    for block in read_blocks(readme):
        own = block.mark("file") or block.summary or block.heading == "The shortest one that works"
        if block.kind in CODE and not own:
            lines = textwrap.dedent(block.text).splitlines()
            there = any(stands_in(lines, source) for source in sources)
            assert there, f"line {block.line} is in no file\n{block.text}"


@every_readme
def test_edits_can_be_made(readme, tmp_path):
    """Each diff fits the files as they are, and what comes of it is still a program."""
    blocks = [block for block in read_blocks(readme) if block.kind == "diff"]
    headings = {block.heading for block in blocks}
    same_ports = {port: port for port in PORTS}
    for number, heading in enumerate(sorted(headings)):
        here = prepare(readme, tmp_path / str(number), same_ports)
        for block in blocks:
            if block.heading == heading:
                edit(block, here, same_ports)
        for path in here.rglob("*.py"):
            ast.parse(path.read_text(), path)


@pytest.mark.parametrize("lesson", LESSONS)
def test_exercises_have_hints_and_solutions(lesson):
    text = (
        (ROOT / lesson / "README.md").read_text().split("\n## Try this next\n")[1].split("\n## ")[0]
    )
    exercises = re.split(r"^### ", text, flags=re.M)[1:]
    kinds = [exercise.partition(":")[0] for exercise in exercises]
    assert kinds == ["Easy", "Combine", "Break it"]
    for exercise in exercises:
        summaries = re.findall(r"<details>\s*<summary>(.*?)</summary>\n\n", exercise)
        assert summaries == ["A hint", "A solution"], exercise
        assert exercise.count("\n\n</details>") == 2, exercise


def files_in(folders, suffixes):
    """Returns the files in these folders whose names end so."""
    return [path for folder in folders for path in folder.rglob("*") if path.suffix in suffixes]


def stands_in(lines, source):
    """Tells whether these lines stand in the source one after the other, indented or not."""
    slices = [source[i : i + len(lines)] for i in range(len(source))]
    return any(textwrap.dedent("\n".join(slice)).splitlines() == lines for slice in slices)


def anchor(heading):
    """Returns what GitHub makes of a heading, for links to it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@every_readme
def test_links_lead_somewhere(readme):
    text = re.sub(r"^( *)```.*?^\1```", "", readme.read_text(), flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text)
    for target in targets:
        if re.match(r"(https?|mailto):", target):
            assert re.match(r"https://[\w.-]+\.\w+(/\S*)?$", target), target
            continue
        path, _, name = target.partition("#")
        file = (readme.parent / path).resolve() if path else readme
        assert file.exists() and ROOT in (file, *file.parents), f"{target} is not there"
        if name:
            headings = re.findall(r"^#+ (.*)", file.read_text(), re.M)
            assert name in [anchor(heading) for heading in headings], f"{target}: no such heading"


@every_readme
def test_files_named_in_the_text_exist(readme):
    text = re.sub(r"^( *)```.*?^\1```", "", readme.read_text(), flags=re.M | re.S)
    for name in re.findall(r"`([\w./]+/[\w.]+\.(?:py|js|html|css|ino|h|md|txt))`", text):
        assert (readme.parent / name).exists() or (ROOT / name).exists(), name


@every_readme
def test_commands_for_windows_make_sense(readme):
    for block in read_blocks(readme):
        for line in block.text.splitlines() if block.kind in WINDOWS else []:
            here = readme.parent
            for command in re.split(r" && | \| |; ", line.strip()):
                words = command.split()
                assert re.fullmatch(WINDOWS_PROGRAMS, words[0]), command
                if words[0] == "cd":
                    here = here / words[1].replace("\\", "/")
                for word in words:
                    if re.fullmatch(r"[\w\\.]+\.(py|txt|html)", word):
                        file = here / word.replace("\\", "/")
                        assert file.exists(), f"line {block.line}: {word} is not in {here}"


def printed_texts(path):
    """Returns the texts in a file of the course, … in place of what varies."""
    source = path.read_text()
    if path.suffix == ".py":
        nodes = [node for node in ast.walk(ast.parse(source)) if is_text(node)]
        texts = [joined(node) for node in nodes]
        return [re.sub(r"\{[\w.]*\}", "…", text) for text in texts]
    # Texts that + puts together over several lines are one text.
    source = re.sub(r'"\s*\n\s*\+\s*"', "", source)
    texts = [found[2] for found in re.finditer(r"""(["'`])((?:\\.|(?!\1).)*)\1""", source)]
    texts += re.findall(r"<[^<>]+>([^<>]+)<", source) if path.suffix == ".html" else []
    return [re.sub(r"\$\{[^{}]*\}", "…", text) for text in texts]


def is_text(node):
    """Tells whether a part of a Python program is a text."""
    constant = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return constant or isinstance(node, ast.JoinedStr)


def joined(node):
    """Returns the text of a constant or an f-string, … in place of its fields."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)


def troubles():
    """Returns the rows of the troubleshooting table: (texts on the screen, who shows them)."""
    section = (ROOT / "README.md").read_text().split("\n## Troubleshooting\n")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in section.splitlines()
        if line.startswith("|")
    ]
    rows = [row for row in rows if row[0] != "On your screen" and row[1].strip("- ")]
    return [(re.findall(r"`([^`]+)`", row[0]), row[1]) for row in rows]


def test_troubles_are_texts_that_somebody_prints():
    rows = troubles()
    assert len(rows) > 20
    for texts, author in rows:
        files = re.findall(r"\]\(([^)]+)\)", author)
        if not files:
            assert author in OTHER_PROGRAMS, f"who prints {texts}: {author!r}?"
            continue
        assert texts, f"{author} says something, but what?"
        for file in files:
            printed = printed_texts(ROOT / file)
            for text in texts:
                assert any(text in each for each in printed), f"{file} does not print {text!r}"


def test_first_page_is_short_and_its_first_line_is_the_same_in_parts():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 250
    blocks = read_blocks(ROOT / "README.md")
    for kind in ("sh", "bat"):
        line, parts = [block.text for block in blocks if block.kind == kind]
        assert line.strip() == " && ".join(parts.splitlines())
        assert "-m pip install -r requirements.txt" in line


def test_drawing_of_the_handshake_is_what_the_server_does(start_server):
    blocks = read_blocks(ROOT / "README.md")
    drawing = next(block.text for block in blocks if "Sec-WebSocket-Key" in block.text)
    words = [
        word.strip(" <>─") for line in drawing.splitlines() for word in re.split("  +|────", line)
    ]
    words = [word for word in words if word]
    request = words[words.index("GET / HTTP/1.1") : words.index("Sec-WebSocket-Version: 13") + 1]
    answer = words[words.index("HTTP/1.1 101 Switching Protocols") :][:4]
    assert answer[3].startswith("Sec-WebSocket-Accept: ")
    server = start_server("http_ws_server_example")
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as link:
        link.sendall("".join(f"{line}\r\n" for line in [*request, ""]).encode())
        assert set(answer) <= set(link.recv(65536).decode().splitlines())


def test_files_to_save_are_of_their_kind():
    """The service files and settings in the READMEs can be read by what they are for."""
    for readme in READMES:
        for block in read_blocks(readme):
            if block.kind == "ini":
                unit = configparser.ConfigParser(interpolation=None, strict=False)
                unit.optionxform = str
                unit.read_string(block.text)
                assert {"Unit", "Service", "Install"} <= set(unit.sections())
            elif block.kind == "xml":
                assert plistlib.loads(block.text.encode())["KeepAlive"] is True
            elif block.kind == "json":
                json.loads(block.text)


def test_engineers_page_names_every_test_file():
    text = (TESTS / "README.md").read_text()
    for file in TESTS.glob("*/test_*.py"):
        name = file.relative_to(TESTS).as_posix()
        assert f"]({name})" in text, f"what does {name} prove?"


def test_engineers_page_names_every_thread_and_lock():
    """Those in the header of sturdy_websocket.py."""
    header = ast.get_docstring(ast.parse((ROOT / STURDY).read_text()))
    names = re.findall(r"^  (?:[a-z ]+)?(\w+\.\w+)[: ]  *", header, re.M)
    assert len(names) > 6
    for name in names:
        assert name.split(".")[-1] in (TESTS / "README.md").read_text(), name


def test_spelling():
    files = files_in([ROOT / lesson for lesson in LESSONS], (".md", *SOURCES))
    files += [ROOT / "README.md", TESTS / "README.md"]
    command = [sys.executable, "-m", "codespell_lib", "--config", ROOT / ".codespellrc"]
    done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
