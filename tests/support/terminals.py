"""Runs what the READMEs tell a reader to type, each fenced block in a terminal of its own.

- Each heading starts from a fresh copy of the course. The blocks below it are windows that are
  open together. The next one opens when the last one has shown its first line, or everything if
  something is typed there. At the end Ctrl-C is pressed in those that still run. The steps of
  *Build it yourself* share one copy; the windows of a step close before the next.
- sh: commands that succeed, or a program that says how Ctrl-C ends it. console: what a terminal
  shows, after "$ " what is typed; … stands for what varies, a line of only … for any lines.
- diff: edits, separated by @@, in the one file that has their lines (of the reader's, in a step).
- A terminal opens in the README's folder; one that begins with cd LESSON, in the course's.
- A comment in the line before a block says more:
    <!-- not run: why -->            for a board, or a server in another place
    <!-- file: class.conf -->        the block is saved under that name before what follows runs
    <!-- you type: good morning -->  the line with these words is not printed but typed
    <!-- visitors -->                the test connects, speaks and leaves when the output says so
- Every port is replaced by a free one; in what is printed it is put back. 192.168.1.23 is this
  computer. A client from ::1 is shown as 127.0.0.1: which of them localhost is differs.
"""

import contextlib
import os
import re
import shutil
import sys
import types
from pathlib import Path

import websocket
from course import PATIENCE, ROOT, free_port
from markdown_it import MarkdownIt
from wire import listens, wait_until

if sys.platform != "win32":  # there no README is run
    import pexpect

SHELLS, EDITED = ("sh", "console"), (".py", ".js")
CHANGED = (*EDITED, ".html", ".css", ".ino", ".h")  # what a diff block may change
PORTS = ("8080", "8081", "3000", "3001", "1883", "9001", "8443")
BUILD = "Build it yourself"


def read_blocks(path):
    """Returns the fenced blocks of a README, in order.

    Each has .kind, .text, .line, .section (the heading with ##), .heading (the nearest one)
    and .marks: what the comments before it say, as {name: value}.
    """
    blocks, marks, section, heading, before = [], {}, "", "", None
    for token in MarkdownIt("commonmark").parse(path.read_text("utf-8")):
        if before and before.type == "heading_open":
            heading = token.content
            section = heading if before.tag == "h2" else section
        elif token.type == "html_block":
            for comment in re.findall(r"<!--(.*?)-->", token.content, re.S):
                name, _, value = comment.partition(":")
                marks[name.strip()] = value.strip()
        elif token.type == "fence":
            what = {"kind": token.info.strip(), "text": token.content, "line": token.map[0] + 1}
            where = {"section": section, "heading": heading}
            blocks.append(types.SimpleNamespace(marks=marks, **what, **where))
        if token.type != "html_block":
            marks = {}
        before = token
    return blocks


class Terminal:
    """One block being run. What it prints is printed, so that pytest shows it after a failure."""

    def __init__(self, block, folder, ports):
        self.block, self.ports = block, ports
        lines = [line for line in block.text.splitlines() if line.strip()]
        self.shown = [line for line in lines if not line.startswith("$ ")]
        commands = "\n".join(line[2:] for line in lines if line.startswith("$ "))
        script = other_ports(commands or f"set -e\n{block.text}", ports)
        self.typed, self.visited = block.marks.get("you type"), "visitors" in block.marks
        self.said, self.visitors = "", []
        own = {"TERM": "dumb", "LC_ALL": "C.UTF-8", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        own["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        data = {"XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
        lesson = re.match(r"(?:(?:\$ )?\. .*\n)?(?:\$ )?cd (\w+)\n", block.text)
        in_course = lesson and (folder.parent / lesson[1]).is_dir()
        self.child = pexpect.spawn(
            "bash",
            ["--norc", "-c", f"unset PORT PYTHONPATH CI VIRTUAL_ENV\n{script}"],
            cwd=str(folder.parent if in_course else folder),
            env={**os.environ, **own, **data},
            encoding="utf-8",
            codec_errors="replace",
            dimensions=(50, 500),
        )
        self.steps = self.follow()

    def follow(self):
        """Compares what is printed with what the block shows, and types what is typed.

        A generator: it pauses where the next window may open.
        """
        if self.block.kind == "sh":
            while "Ctrl-C" not in (self.next_line(5 * PATIENCE) or "Ctrl-C"):
                pass
            return
        skip = False
        for number, line in enumerate(self.shown):
            # Behind the first line, or before one that comes when somebody acts.
            if number or line.startswith("^C") or self.visited:
                yield
            if line.strip() == "…":
                skip = True
                continue
            self.act(line)
            if line != "^C":
                self.find(line.removeprefix("^C"), skip)
                skip = False
        if skip and not self.said:  # or Ctrl-C would come before the program is up
            self.next_line()

    def open(self):
        """Waits until the next window may open: a server listens then, if the block starts one."""
        for _ in self.steps:
            if not self.typed:
                break
        if re.search(r"server\.py|websocketd|caddy|mosquitto\b(?!_)", self.block.text):
            pid, ended = self.child.pid, lambda: not self.child.isalive()
            wait_until(lambda: listens(pid) or ended(), f"line {self.block.line}: no server")

    def act(self, line):
        """Does what makes this line appear, if it is not the program's own doing."""
        if line.startswith("^C"):
            self.child.sendintr()
        elif line == self.typed:
            self.child.sendline(line)
        elif self.visited and line.startswith("New Connection"):
            while not (found := re.search(r"//localhost:(\d+)", self.said)):
                self.next_line()
            address = f"ws://127.0.0.1:{self.ports[found[1]]}/"
            self.visitors.append(websocket.create_connection(address, timeout=PATIENCE))
        elif self.visited and line.startswith("connection closed"):
            self.visitors.pop(0).close()
        elif self.visited and line.startswith("127.0.0.1: "):
            self.visitors[0].send(line.partition(": ")[2])

    def find(self, line, skip):
        """Waits for this line; with skip others may come before it."""
        pattern = ".*".join(re.escape(part.strip()) for part in line.strip().split("…"))
        while True:
            came = self.next_line()
            assert came is not None, f"line {self.block.line}: not printed: {line!r}"
            if re.fullmatch(pattern, came.strip()):
                return
            assert skip, f"line {self.block.line}\nshown:   {line!r}\nprinted: {came!r}"

    def next_line(self, timeout=PATIENCE):
        """Returns the next line that is not empty, as the README would show it; None at the end."""
        over = False
        while not over:
            over = self.child.expect([r"\r*\n", pexpect.EOF], timeout=timeout) == 1
            line = self.child.before.replace("^C", "")
            for port, free in self.ports.items():
                line = line.replace(str(free), port)
            line = re.sub(r"(?<![\w:])::1\b", "127.0.0.1", line)
            print(f"{self.block.line}: {line}")
            self.said += f"{line}\n"
            if line.strip():
                return line
        return None

    def close(self):
        """Presses Ctrl-C where something still runs, and checks how it ends."""
        asked = "Ctrl-C" in self.said and "^C" not in self.block.text
        runs_on = asked or self.block.text.splitlines()[-1].startswith(("…", "$ "))
        if runs_on:
            self.child.sendintr()
        rest = "".join(iter(self.next_line, None))
        where = f"line {self.block.line}"
        assert runs_on or not rest, f"{where}: this is not shown: {rest}"
        assert "Traceback" not in self.said or "Traceback" in self.block.text, where
        self.child.close()
        failed = self.block.kind == "sh" and not runs_on and self.child.exitstatus
        assert not failed, f"{where}: the command failed"


def other_ports(text, ports):
    """Returns the text with the free ports in place of the usual ones."""
    text = text.replace("192.168.1.23", "127.0.0.1")
    return re.sub(r"\b(" + "|".join(ports) + r")\b", lambda found: str(ports[found[0]]), text)


def edit(block, folder, ports=None, files=None):
    """Makes the changes that a diff block shows: in these files, or else in this folder's."""
    text = other_ports(block.text, ports) if ports else block.text
    for change in filter(None, re.split(r"^@@.*\n", text, flags=re.M)):
        lines = [line if line.strip() else " \n" for line in change.splitlines(keepends=True)]
        before = "".join(line[1:] for line in lines if line[0] in " -")
        after = "".join(line[1:] for line in lines if line[0] in " +")
        for candidates in [files] if files else [folder.rglob("*"), folder.parent.rglob("*")]:
            texts = {path: path.read_text() for path in candidates if path.suffix in CHANGED}
            found = [path for path, text in texts.items() for _ in range(text.count(before))]
            if found:
                break
        assert len(found) == 1, f"line {block.line}: the lines of this change are in {found}"
        found[0].write_text(texts[found[0]].replace(before, after))


def prepare(readme, folder):
    """Copies the course as a reader gets it, with free ports in place of those the READMEs name.

    Returns the folder where this README's reader begins, and the ports.
    """
    ports = {port: free_port() for port in PORTS}
    hidden = shutil.ignore_patterns(".*", "tests", "node_modules", "__pycache__", "*.log")
    shutil.copytree(ROOT, folder, ignore=hidden)
    for needed in ("tests", ".venv/bin"):
        (folder / needed).mkdir(parents=True)
    (folder / ".venv/bin/activate").touch()
    for path in folder.rglob("*"):
        if path.suffix in EDITED and path.name != "sturdy_websocket.py":
            path.write_text(other_ports(path.read_text(), ports))
    here = folder / readme.parent.relative_to(ROOT)
    # These two read options from such a file: mosquitto's usual port is not in their commands.
    for program in ("mosquitto_pub", "mosquitto_sub"):
        (here / program).write_text(f"-p {ports['1883']}\n")
    return here, ports


@contextlib.contextmanager
def terminals(blocks, here, ports, own_files=None):
    """Does what these blocks say, one after the other; the terminals are open during the block.

    At its end, all that is shown has to have come. own_files: what the reader has written so
    far, if only that may be edited.
    """
    opened = []
    with contextlib.ExitStack() as stack:
        for block in blocks:
            if "not run" in block.marks:
                continue
            if "file" in block.marks:
                file = here / block.marks["file"]
                file.write_text(other_ports(block.text, ports))
                if own_files is not None:
                    own_files.append(file)
            if block.kind == "diff":
                edit(block, here, ports, own_files)
            if block.kind in SHELLS:
                opened.append(Terminal(block, here, ports))
                stack.callback(opened[-1].child.close)
                opened[-1].open()
        yield
        # Those that were opened last speak to the others, not the other way round.
        for terminal in reversed(opened):
            list(terminal.steps)
        for terminal in opened:
            terminal.close()
