"""
The course's tests

Makes an environment of its own in tests/.venv, installs what the tests need,
says so, and runs everything with pytest, three tests side by side on each core.

Run it with:     python3 tests
Or a part of it: python3 tests -k serial          (any option of pytest, or a path)
                 python3 tests --no-install       (nothing with apt-get)
                 python3 tests -n 0               (one test after the other)
You should see:  a line per installed thing the first time, then pytest's dots and its
                 closing line.

What may be missing on your computer (a browser, a compiler, node, a broker) is
installed with apt-get where that is allowed without a password; otherwise the
tests that need it are skipped and say so. With CI=true they fail instead.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))
from environment import BROWSERS, HOME, PYTHON, go_on, hear_ctrl_c

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
NO_INSTALL = "--no-install"

# What the tests call, and the Debian packages that bring it. A browser comes first: of Debian's
# the one that never shows a window, because tests in it take 60 % of the time.
SAME_NAME = ["g++", "npm", "mosquitto", "websocketd", "caddy", "curl", "openssl"]
PROGRAMS = {
    **{name: name for name in SAME_NAME},
    "avr-g++": "gcc-avr avr-libc",
    "node": "nodejs",
    "mosquitto_pub": "mosquitto-clients",
}


def call(*command, what="", quiet=False, **options):
    """Says what is done now, and runs a command; its output is shown if it fails and isn't quiet.

    Returns True if it ended well.
    """
    if what:
        print(f"{what} …", flush=True)
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, encoding="utf-8", errors="replace", **options,
    )  # fmt: skip
    if done.returncode and not quiet:
        print(done.stdout[-3000:], flush=True)
    return done.returncode == 0


def fingerprint(*files):
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def make_environment():
    """Makes tests/.venv with the course's packages and the tests' own, if they changed."""
    lists = [ROOT / "requirements.txt", TESTS / "requirements.txt"]
    stamp = HOME / "installed"
    if stamp.exists() and stamp.read_text() == fingerprint(*lists) and PYTHON.exists():
        return
    shutil.rmtree(HOME, ignore_errors=True)
    what = f"Making an environment for the tests in {HOME.relative_to(ROOT)}"
    if not call(sys.executable, "-m", "venv", HOME, what=what):
        sys.exit("On Debian and Ubuntu, type: sudo apt install python3-venv")
    words = [word for name in lists for word in ("-r", str(name))]
    pip = [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    if not call(*pip, *words, what="Installing the Python packages"):
        sys.exit("The packages could not be installed: see above. Is this computer online?")
    stamp.write_text(fingerprint(*lists))


def make_node_modules():
    """Installs the JavaScript linter, p5.js and axe with npm, if there is npm."""
    stamp, wanted = TESTS / "node_modules" / ".installed", fingerprint(TESTS / "package.json")
    npm = shutil.which("npm")
    if not npm or (stamp.exists() and stamp.read_text() == wanted):
        return
    words = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    what = "Installing the JavaScript packages in tests/node_modules"
    if call(npm, "install", *words, cwd=TESTS, what=what):
        stamp.write_text(wanted)


def has_browser():
    return any(map(shutil.which, BROWSERS))


def install_programs():
    """Installs the missing programs with apt-get, where that needs no password.

    Where that brings no browser, it is Playwright's own if that can be had.
    """
    missing = [] if has_browser() else [BROWSERS[0]]
    missing += [packages for name, packages in PROGRAMS.items() if not shutil.which(name)]
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    apt = ["apt-get"] if is_root else ["sudo", "-n", "apt-get"]
    if missing and shutil.which(apt[0]) and call(*apt, "--version", quiet=True):
        install_with_apt(apt, " ".join(missing).split())
    if not has_browser():
        words = ["-m", "playwright", "install", "chromium"]
        call(PYTHON, *words, what="Installing Playwright's Chromium", quiet=True)


def install_with_apt(apt, packages):
    """Installs Debian packages, each with a line of its own."""
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    call(*apt, "update", env=environment, what="Asking apt-get what there is")
    # One at a time, so that one that can't be had does not keep the rest away.
    for package in packages:
        words = ["install", "-y", "--no-install-recommends", package]
        call(*apt, *words, env=environment, what=f"Installing {package} with apt-get")


def pytest_words(words):
    """Returns the options that pytest gets: the user's, and ours where there are none."""
    ours = ["-c", str(TESTS / "pytest.ini"), "--rootdir", str(ROOT)]
    if not any(word.startswith(("-n", "--numprocesses", "--pdb")) for word in words):
        # A test waits for much of its time, so three run on each core.
        ours += ["-n", str(3 * (os.cpu_count() or 1)), "--dist", "loadgroup"]
    if not any(os.path.exists(word.split("::")[0]) for word in words):
        ours.append(str(TESTS))
    return [*ours, *words]


def main():
    """Prepares everything and hands over to pytest; ends with pytest's exit code."""
    hear_ctrl_c()
    make_environment()
    if NO_INSTALL not in sys.argv:
        install_programs()
    make_node_modules()
    words = [word for word in sys.argv[1:] if word != NO_INSTALL]
    go_on("-m", "pytest", *pytest_words(words))


if __name__ == "__main__":
    main()
