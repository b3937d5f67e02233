"""Every source file is as its linter wants it."""

import subprocess
import sys

import pytest
from course import LESSONS, ROOT, TESTS, missing, need

PAGES = [page for folder in [ROOT, TESTS, *LESSONS] for page in sorted(folder.glob("*.md"))]


def check(*command):
    """Runs a linter in the project; what it has to say is the test's failure."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("words", ["check", "format --check"])
def test_python_is_as_ruff_wants_it(words):
    check(sys.executable, "-m", "ruff", *words.split(), ".")


def test_markdown_is_as_pymarkdown_wants_it():
    """Its rules are in .pymarkdown.yml."""
    pytest.importorskip("pymarkdown", reason="pymarkdown can't be had for this Python")
    check(sys.executable, "-m", "pymarkdown", "scan", *PAGES)


def test_spelling():
    check(sys.executable, "-m", "codespell_lib", "--config", ".codespellrc", *LESSONS, *PAGES)


def test_javascript_is_as_eslint_wants_it():
    eslint = TESTS / "node_modules" / "eslint" / "bin" / "eslint.js"
    if not eslint.exists():
        missing("eslint is not in tests/node_modules")
    options = ["--max-warnings=0", "--no-error-on-unmatched-pattern", "--ignore-pattern=*.min.js"]
    check(need("node"), eslint, "-c", TESTS / "eslint.config.mjs", *options, *LESSONS)
