"""The tests' environment, tests/.venv: where it is, and how a program goes on with its Python.

Needs the standard library only, because it runs before anything is installed.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent / ".venv" / "{}.{}".format(*sys.version_info)
PYTHON = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# The names of browsers that the tests can drive, the best one first.
BROWSERS = ["chromium-headless-shell", "chromium", "google-chrome", "chrome", "msedge"]


def hear_ctrl_c():
    """Lets this program, and all it starts, take Ctrl-C: begun with & in a script it ignores it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def use_environment():
    """Runs this program with the environment's Python, where the packages are, unless it does.

    Ends the program with its exit code, or with a sentence if there is no environment yet.
    """
    hear_ctrl_c()
    if Path(sys.prefix).resolve() == HOME.resolve():
        return
    if not PYTHON.exists():
        sys.exit("This needs the environment of the tests. Run first: python3 tests")
    go_on(*sys.argv)


def go_on(*words):
    """Runs the environment's Python with these words, and ends with its exit code."""
    try:
        sys.exit(subprocess.call([str(PYTHON), *words]))
    except KeyboardInterrupt:  # the other one has got it too, and has said so
        sys.exit(130)
