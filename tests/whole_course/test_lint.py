"""Every source file is as its linter wants it, and every JavaScript file parses."""

import subprocess
import sys

import pytest
from course import FOLDERS, ROOT, TESTS, missing, need

SCRIPTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in FOLDERS
    for path in folder.rglob("*.js")
    if not path.name.endswith(".min.js")
)
PAGES = [
    path.relative_to(ROOT).as_posix()
    for folder in [ROOT, TESTS, *FOLDERS]
    for path in sorted(folder.glob("*.md"))
]


def check(*command):
    """Runs a linter in the project; what it has to say is the test's failure."""
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", ["check", "format --check"])
def test_python_is_as_ruff_wants_it(words):
    check(sys.executable, "-m", "ruff", *words.split(), ".")


def test_markdown_is_as_pymarkdown_wants_it():
    """Its rules are in .pymarkdown.yml."""
    assert len(PAGES) > 8
    check(sys.executable, "-m", "pymarkdown", "scan", *PAGES)


def test_javascript_is_as_eslint_wants_it():
    assert len(SCRIPTS) >= 3, SCRIPTS
    eslint = TESTS / "node_modules" / "eslint" / "bin" / "eslint.js"
    if not eslint.exists():
        missing("eslint is not in tests/node_modules")
    check(need("node"), eslint, "-c", TESTS / "eslint.config.mjs", "--max-warnings=0", *SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_javascript_parses(script):
    check(need("node"), "--check", script)


@pytest.mark.parametrize(
    "file",
    [file for folder in FOLDERS for end in ("js", "ino", "h") for file in folder.rglob(f"*.{end}")],
    ids=lambda file: f"{file.parent.name}/{file.name}",
)
def test_lines_fit_on_a_screen(file):
    if not file.name.endswith(".min.js"):
        assert not [line for line in file.read_text("utf-8").splitlines() if len(line) > 100]
