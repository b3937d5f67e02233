"""The READMEs: every command in them works, and what they show is what comes."""

import ast
import itertools
import re
import sys

import pytest
from course import LESSON_FILES, ROOT, TESTS, code_lines, need
from terminals import (
    BUILD,
    SHELLS,
    edit,
    other_ports,
    prepare,
    read_blocks,
    terminals,
)

LESSONS = list(LESSON_FILES)
HEADINGS = ["What it does", "Run it", "What you should see", BUILD, "Try this next",
            "Break it on purpose", "You learned"]  # fmt: skip
FIRST_PAGE, TROUBLES = ROOT / "README.md", ROOT / "TROUBLESHOOTING.md"
READMES = [
    *sorted(ROOT.glob("*.md")),
    *(page for lesson in LESSONS for page in sorted((ROOT / lesson).glob("*.md"))),
    TESTS / "README.md",
]
SOURCES = (".py", ".js", ".html", ".css", ".ino", ".h")
WINDOWS = ["bat", "powershell"]
CODE = ["python", "js", "cpp", "html", "css"]
OTHERS = ["diff", "conf", "caddyfile", "ini", "xml", "json", "text"]
MARKS = {"not run", "file", "you type", "visitors"}
# Texts in the table of troubles that other programs show.
NOT_OURS = """
python: command not found | Python was not found; run without arguments to install from the
Microsoft Store | because ensurepip is not | error: externally-managed-environment |
CERTIFICATE_VERIFY_FAILED | running scripts is disabled on this system | The token '&&' is not a
valid statement separator | can't open file …: [Errno 2] No such file or directory | No module
named 'sturdy_websocket' | module 'websocket' has no attribute 'create_connection' |
SerialPort is not a constructor | Port Busy | This site can't be reached | ERR_CONNECTION_REFUSED |
ERR_SSL_PROTOCOL_ERROR | :5500 | ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS | allow pasting |
Still in CONNECTING state | localhost | ERR_CONNECTION_TIMED_OUT | ERR_ADDRESS_UNREACHABLE |
No route to host
"""


def name_of(path):
    folder = path.parent.name if path.parent != ROOT else "first"
    return folder if path.name == "README.md" else f"{folder}-{path.stem}"


def sections_that_run():
    """Yields (README, blocks) for each section in which something is to be run, but the steps."""
    for readme in READMES:
        blocks = [block for block in read_blocks(readme) if block.section != BUILD]
        for _, group in itertools.groupby(blocks, key=lambda block: block.heading):
            together = list(group)
            run = [each for each in together if each.kind in SHELLS and "not run" not in each.marks]
            if run:
                name = f"{name_of(readme)}-line{run[0].line}"
                yield pytest.param(readme, together, id=name)


unix_only = pytest.mark.skipif(sys.platform == "win32", reason="the commands are for Unix")
every_readme = pytest.mark.parametrize("readme", READMES, ids=name_of)


@unix_only
@pytest.mark.parametrize("readme, blocks", list(sections_that_run()))
def test_commands_do_what_is_shown(readme, blocks, tmp_path):
    text = "".join(block.text for block in blocks)
    for program in ("mosquitto", "mosquitto_pub", "mosquitto_sub", "websocketd", "caddy", "curl"):
        if re.search(rf"\b{program} ", text):
            need(program)
    here, ports = prepare(readme, tmp_path / "course")
    with terminals(blocks, here, ports):
        pass


@unix_only
@pytest.mark.parametrize("lesson", LESSONS)
def test_steps_to_build_it_run_and_end_in_the_lessons_own_file(lesson, tmp_path):
    readme, original = ROOT / lesson / "README.md", ROOT / lesson / LESSON_FILES[lesson]
    blocks = [block for block in read_blocks(readme) if block.section == BUILD]
    (here, ports), own_files = prepare(readme, tmp_path / "course"), []
    steps = [list(step) for _, step in itertools.groupby(blocks, lambda block: block.heading)]
    assert 2 <= len(steps) <= 5
    for number, step in enumerate(steps, 1):
        assert step[0].heading.startswith(f"Step {number}: ")
        with terminals(step, here, ports, own_files):
            pass
    [built] = [file for file in own_files if file.suffix == original.suffix]
    wanted = other_ports(original.read_text("utf-8"), ports)
    assert code_lines(built.read_text("utf-8"), built.suffix) == code_lines(wanted, built.suffix)


@pytest.mark.parametrize("lesson", LESSONS)
def test_lessons_have_the_same_headings_and_are_short(lesson):
    text = (ROOT / lesson / "README.md").read_text("utf-8")
    assert re.findall(r"^## (.*)", text, re.M) == HEADINGS
    assert len(text.splitlines()) <= 230


def test_first_page_is_short_and_sets_up_with_one_line():
    text = FIRST_PAGE.read_text("utf-8")
    assert len(text.splitlines()) <= 130 and len(text.split()) <= 1100
    for kind in ("sh", "bat"):
        line = next(block.text for block in read_blocks(FIRST_PAGE) if block.kind == kind)
        assert "-m venv .venv && " in line and " -m pip install -r requirements.txt && " in line


@every_readme
def test_blocks_are_of_a_known_kind(readme):
    for block in read_blocks(readme):
        where = f"line {block.line}"
        assert block.kind in (*SHELLS, *CODE, *WINDOWS, *OTHERS), f"{where}: {block.kind!r}"
        assert block.kind != "console" or block.text.startswith("$ "), f"{where}: no command"
        assert set(block.marks) <= MARKS, where
        assert block.marks.get("not run", "why"), f"{where}: say why it is not run"


@every_readme
def test_edits_can_be_made(readme, tmp_path):
    """Each diff fits the files as they are, and what comes of it is still a program."""
    edits = [block for block in read_blocks(readme) if block.kind == "diff"]
    for heading in {block.heading for block in edits if block.section != BUILD}:
        here, ports = prepare(readme, tmp_path / heading)
        for block in edits:
            if block.heading == heading:
                edit(block, here, ports)
        for path in here.rglob("*.py"):
            ast.parse(path.read_text(), path)


@every_readme
def test_links_and_files_are_there(readme):
    text = re.sub(r"^( *)```.*?^\1```", "", readme.read_text("utf-8"), flags=re.M | re.S)
    targets = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'src(?:set)?="([^"]+)"', text)
    for target in targets:
        if re.match(r"(https?|mailto):", target):
            assert re.match(r"https://[\w.-]+\.\w+(/\S*)?$", target), target
            continue
        path, _, name = target.partition("#")
        file = (readme.parent / path).resolve() if path else readme
        assert file.exists() and ROOT in (file, *file.parents), f"{target} is not there"
        if name:
            headings = re.findall(r"^#+ (.*)", file.read_text("utf-8"), re.M)
            assert name in [anchor(heading) for heading in headings], f"{target}: no such heading"
    own = [block.marks.get("file") for block in read_blocks(readme)]
    named = re.findall(r"`([\w./]+/[\w.]+\.(?:py|js|html|css|ino|h|md|txt))`", text)
    for name in set(named) - set(own):
        assert (readme.parent / name).exists() or (ROOT / name).exists(), name


def anchor(heading):
    """Returns what GitHub makes of a heading, for links to it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


@every_readme
def test_commands_for_windows_name_files_that_exist(readme):
    for block in read_blocks(readme):
        words = block.text.replace("\\", "/").split() if block.kind in WINDOWS else []
        here = readme.parent
        for before, word in zip(["", *words], words):
            if before == "cd":
                here = here / word if (here / word).is_dir() else ROOT / word
                assert here.is_dir(), f"line {block.line}: {word}"
            elif re.fullmatch(r"[\w/.]+\.(py|txt|html)", word):
                assert (here / word).exists(), f"line {block.line}: {word} is not in {here}"


def printed_texts():
    """Returns what the programs and pages may show, in one text, … in place of what varies."""
    found = []
    for path in [path for lesson in LESSONS for path in (ROOT / lesson).rglob("*")]:
        if path.suffix in SOURCES and not path.name.endswith(".min.js"):
            source = path.read_text("utf-8").replace('\\"', '"')
            # Texts that + puts together over several lines are one text.
            source = re.sub(r'"\s*\n\s*(\+\s*)?f?"', "", source)
            found.append(re.sub(r"\$?\{[^{};\n]*\}", "…", source))
    return re.sub(r"\s+", " ", "\n".join(found))


def test_troubles_are_texts_that_somebody_prints():
    printed, not_ours = printed_texts(), re.sub(r"\s+", " ", NOT_OURS)
    rows = re.findall(r"^\| (.*?) \| ", TROUBLES.read_text("utf-8"), re.M)
    texts = [text for row in rows for text in re.findall(r"`([^`]+)`", row)]
    known = [all(" ".join(part.split()) in printed for part in text.split("…")) for text in texts]
    assert not [text for text, ours in zip(texts, known) if not ours and text not in not_ours]
