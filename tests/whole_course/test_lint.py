"""Every source file is as its linter wants it, and every JavaScript file parses."""

import subprocess
import sys

import pytest
from course import ROOT, TESTS, missing, need

SCRIPTS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ROOT.iterdir()
    if folder.is_dir() and folder != TESTS and not folder.name.startswith(".")
    for path in folder.rglob("*.js")
    if "node_modules" not in path.parts and not path.name.endswith(".min.js")
)


def check(*command):
    """Runs a linter in the project; what it has to say is the test's failure."""
    done = subprocess.run(
        [str(word) for word in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", ["check", "format --check"])
def test_python_is_as_ruff_wants_it(words):
    check(sys.executable, "-m", "ruff", *words.split(), ".")


def test_there_is_javascript():
    assert len(SCRIPTS) >= 3, SCRIPTS


def test_javascript_is_as_eslint_wants_it():
    eslint = TESTS / "node_modules" / "eslint" / "bin" / "eslint.js"
    if not eslint.exists():
        missing("eslint is not in tests/node_modules")
    check(need("node"), eslint, "-c", TESTS / "eslint.config.mjs", "--max-warnings=0", *SCRIPTS)


@pytest.mark.parametrize("script", SCRIPTS)
def test_javascript_parses(script):
    check(need("node"), "--check", script)


@pytest.mark.parametrize("script", SCRIPTS)
def test_lines_fit_on_a_screen(script):
    long = [line for line in (ROOT / script).read_text("utf-8").splitlines() if len(line) > 100]
    assert not long
