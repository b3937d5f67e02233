"""
Mutants: do the tests notice when a line of the course is wrong?

Plants one fault at a time in a copy of the course, runs the tests of that file until the
first one fails, and prints each fault that no test found.

Run it with:     python3 tests                        once, it makes the environment
                 python3 tests/mutants                20 faults in every file
                 python3 tests/mutants ws_client_example/client.py --count 5 --seed 7
                 python3 tests/mutants --list         only shows the faults there are
You should see:  a line for each fault, then how many of them were found, by file
Needs:           what the tests need. A fault costs seconds to minutes: the tests have to
                 run to their end for each one that they don't find.

A fault is one of these: a comparison or a condition turned round, a number changed by
one, True and False exchanged, a statement taken out, a lock not taken, an except that
raises again, a suppress() that suppresses nothing. With the same seed the same ones.
"""

import argparse
import ast
import collections
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from environment import use_environment

HERE = Path(__file__).resolve().parent
TESTS, ROOT = HERE.parent, HERE.parent.parent
MINUTES = 10  # for the tests of one fault; a fault that makes them hang is found
PATIENCE = "10"  # seconds: with a fault, most of the time is spent waiting for what never comes
SERVERS = ["http_ws_server_example", "ws_server_example", "serial_to_ws_server"]
DEEP_FILES = ["sturdy_websocket.py", "frames.py", "server_help.py"]
# The tests that hold each file, the most likely ones to notice first.
HELD_BY = {
    **{
        f"http_ws_server_example/{name}": [
            "sturdy_websocket", "lesson_3_ws_server_example", "lesson_1_http_ws_server_example",
        ]
        for name in DEEP_FILES
    },
    "http_ws_server_example/server.py": [
        "lesson_1_http_ws_server_example", "lesson_3_ws_server_example",
    ],
    "http_ws_server_example/pages.py": ["lesson_1_http_ws_server_example"],
    "ws_server_example/server.py": ["lesson_3_ws_server_example"],
    "serial_to_ws_server/server.py": ["lesson_5_serial_to_ws_server"],
    "serial_to_ws_server/serial_help.py": ["lesson_5_serial_to_ws_server"],
    "ws_client_example/client.py": ["lesson_7_ws_client_example"],
    "ws_client_example/client_help.py": ["lesson_7_ws_client_example"],
}  # fmt: skip
# These take minutes and judge the whole, not a line.
LEFT_OUT = "not autobahn and not benchmark and not stress"

TURNED = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is",
}  # fmt: skip
REMOVED = (ast.Expr, ast.Assign, ast.AugAssign, ast.Return, ast.Raise, ast.Delete)

# start and end: places in the text; instead: what stands there in the mutant.
Fault = collections.namedtuple("Fault", "file line kind start end instead")


class Faults(ast.NodeVisitor):
    """Collects in .found every Fault that could be planted in a file.

    name: the file's path from the project's root; text: what is in it.
    """

    def __init__(self, name, text):
        self.name, self.text, self.found = name, text, []
        lines = text.splitlines(keepends=True)
        self.begins = [sum(len(line) for line in lines[:i]) for i in range(len(lines) + 1)]
        self.lines = lines
        self.visit(ast.parse(text))

    def place(self, line, column):
        """Returns where in the text a line and a column (in bytes, as ast counts) are."""
        before = self.lines[line - 1].encode()[:column].decode()
        return self.begins[line - 1] + len(before)

    def add(self, kind, first, last, instead):
        start = self.place(first.lineno, first.col_offset)
        end = self.place(last.end_lineno, last.end_col_offset)
        self.found.append(Fault(self.name, first.lineno, kind, start, end, instead))

    def source(self, node):
        return ast.get_source_segment(self.text, node)

    def generic_visit(self, node):
        if isinstance(node, REMOVED) and not is_text(getattr(node, "value", None)):
            self.add("statement taken out", node, node, "pass")
        super().generic_visit(node)

    def visit_Compare(self, node):
        turned = TURNED.get(type(node.ops[0]))
        if turned and len(node.ops) == 1:
            words = f"({self.source(node.left)} {turned} {self.source(node.comparators[0])})"
            self.add("comparison", node, node, words)
        self.generic_visit(node)

    def visit_If(self, node):
        self.turn(node.test)
        self.generic_visit(node)

    visit_While = visit_IfExp = visit_If

    def turn(self, condition):
        if not isinstance(condition, ast.Constant):
            self.add("condition", condition, condition, f"(not ({self.source(condition)}))")

    def visit_Constant(self, node):
        if isinstance(node.value, bool):
            self.add("constant", node, node, str(not node.value))
        elif isinstance(node.value, (int, float)):
            self.add("constant", node, node, f"({self.source(node)} + 1)")

    def visit_JoinedStr(self, node):
        """The numbers in an f-string have no place of their own on Python 3.11."""

    def visit_With(self, node):
        used = any(item.optional_vars for item in node.items)
        if not used:
            kind = "suppress" if "suppress(" in self.source(node.items[0].context_expr) else "lock"
            first, last = node.items[0].context_expr, node.items[-1].context_expr
            self.add(kind, first, last, '__import__("contextlib").nullcontext()')
        self.generic_visit(node)

    def visit_Try(self, node):
        for handler in node.handlers:
            self.add("except", handler.body[0], handler.body[-1], "raise")
        self.generic_visit(node)

    def visit_Import(self, node):
        """Without an import nothing runs."""

    visit_ImportFrom = visit_Import


def is_text(value):
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def faults_in(name):
    """Returns the faults that can be planted in a file and leave a program that parses."""
    text = (ROOT / name).read_text(encoding="utf-8")
    good = []
    for fault in Faults(name, text).found:
        try:
            compile(mutant_of(text, fault), name, "exec")
        except SyntaxError:
            continue
        good.append(fault)
    return good


def mutant_of(text, fault):
    return text[: fault.start] + fault.instead + text[fault.end :]


def is_found(fault, course):
    """Plants the fault in the copy of the course, runs the tests, and takes it out again."""
    folder, file = fault.file.split("/")
    copies = [course / other / file for other in (SERVERS if file in DEEP_FILES else [folder])]
    text = copies[0].read_text(encoding="utf-8")
    for copy in copies:
        copy.write_text(mutant_of(text, fault), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-c", "tests/pytest.ini", "--rootdir", ".",
               "-p", "no:cacheprovider", "-x", "-q", "-k", LEFT_OUT]  # fmt: skip
    command += [f"tests/{name}" for name in HELD_BY[fault.file]]
    try:
        done = subprocess.run(command, cwd=course, timeout=60 * MINUTES, check=False,
                              env={**os.environ, "PATIENCE": PATIENCE},
                              stdin=subprocess.DEVNULL, capture_output=True)  # fmt: skip
        return done.returncode != 0
    except subprocess.TimeoutExpired:
        return True
    finally:
        for copy in copies:
            copy.write_text(text, encoding="utf-8")


def copy_course(folder):
    """Copies the course into folder, without what the tests have installed: that is linked."""
    ignore = shutil.ignore_patterns(".git", ".venv", "node_modules", "__pycache__", ".*_cache")
    course = Path(shutil.copytree(ROOT, folder / "course", ignore=ignore))
    for name in (".venv", "node_modules"):
        (course / "tests" / name).symlink_to(TESTS / name, target_is_directory=True)
    return course


def hunt(faults):
    """Tries every fault; prints each, then the table. Returns how many were not found."""
    found, tried, missed = collections.Counter(), collections.Counter(), []
    with tempfile.TemporaryDirectory() as folder:
        course = copy_course(Path(folder))
        for i, fault in enumerate(faults, 1):
            good = is_found(fault, course)
            tried[fault.file] += 1
            found[fault.file] += good
            print(f"{i:4}/{len(faults)}  {'found    ' if good else 'NOT FOUND'}  {describe(fault)}",
                  flush=True)  # fmt: skip
            missed += [] if good else [fault]
    for name in tried:
        print(f"{found[name]:4} of {tried[name]} found in {name}")
    for fault in missed:
        print(f"not found: {describe(fault)}")
    return len(missed)


def describe(fault):
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    was = " ".join(text[fault.start : fault.end].split())
    instead = " ".join(fault.instead.split())
    return f"{fault.file}:{fault.line}  {fault.kind}: {was[:70]}  ->  {instead[:70]}"


def main():
    parser = argparse.ArgumentParser(description="Plants faults, and tells which no test found.")
    parser.add_argument("files", nargs="*", help="files of the course; all, if none is named")
    parser.add_argument("--count", type=int, default=20, help="faults in each file (20)")
    parser.add_argument("--seed", type=int, default=1, help="another one plants others (1)")
    parser.add_argument("--list", action="store_true", help="show all faults, run nothing")
    options = parser.parse_args()
    files = options.files or [name for name in HELD_BY if (ROOT / name).exists()]
    for name in files:
        if name not in HELD_BY or not (ROOT / name).exists():
            sys.exit(f"{name} is none of these: {', '.join(HELD_BY)}")
    every = {name: faults_in(name) for name in files}
    if options.list:
        for fault in (fault for faults in every.values() for fault in faults):
            print(describe(fault))
        return
    use_environment()
    chosen = []
    for faults in every.values():
        chosen += random.Random(options.seed).sample(faults, min(options.count, len(faults)))
    sys.exit(hunt(chosen) > 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("Stopped.")
