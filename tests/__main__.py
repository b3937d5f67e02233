"""
The course's tests

Makes an environment of its own in tests/.venv, installs what the tests need,
says so, and runs everything with pytest, three tests side by side on each core.

Run it with:     python3 tests
Or a part of it: python3 tests -k serial          (any option of pytest, or a path)
                 python3 tests --no-install       (nothing with apt-get)
                 python3 tests -n 0               (one test after the other)
You should see:  a line per installed thing the first time, with its time, then
                 pytest's dots and its closing line.

What may be missing on your computer (a browser, a compiler, node, a broker) is
installed with apt-get where that is allowed without a password; otherwise the
tests that need it are skipped and say so. With CI=true they fail instead.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "support"))
from environment import BROWSERS, HOME, PYTHON, hear_ctrl_c

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
NO_INSTALL = "--no-install"

# The browser of Debian that never shows a window: tests in it take 60 % of the time.
BROWSER = BROWSERS[0]
# What the tests call, and the Debian packages that bring it.
PROGRAMS = {
    BROWSER: BROWSER,
    "g++": "g++",
    "avr-g++": "gcc-avr avr-libc",
    "node": "nodejs",
    "npm": "npm",
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "websocketd": "websocketd",
    "caddy": "caddy",
    "curl": "curl",
    "openssl": "openssl",
}


def call(*command, quiet=False, **options):
    """Runs a command; its output is shown only if it fails, and not even then if quiet.

    Returns True if it ended well.
    """
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, encoding="utf-8", errors="replace", **options,
    )  # fmt: skip
    if done.returncode and not quiet:
        print(done.stdout[-3000:])
    return done.returncode == 0


@contextlib.contextmanager
def progress(what):
    """Prints what is installed now, and after it how long that took."""
    print(f"{what} … ", end="", flush=True)
    began = time.monotonic()
    yield
    print(f"{time.monotonic() - began:.0f} s", flush=True)


def make_environment():
    """Makes tests/.venv with the course's packages and the tests' own, if they changed."""
    lists = [ROOT / "requirements.txt", TESTS / "requirements.txt"]
    wanted = hashlib.sha256(b"".join(name.read_bytes() for name in lists)).hexdigest()
    stamp = HOME / "installed"
    if stamp.exists() and stamp.read_text() == wanted and PYTHON.exists():
        return
    shutil.rmtree(HOME, ignore_errors=True)
    with progress(f"Making an environment for the tests in {HOME.relative_to(ROOT)}"):
        try:
            venv.create(HOME, with_pip=True)
        except subprocess.CalledProcessError:
            sys.exit(
                "This Python can't make environments. "
                "On Debian and Ubuntu, type: sudo apt install python3-venv"
            )
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    for name in lists:
        pip += ["-r", str(name)]
    with progress("Installing the Python packages"):
        good = call(*pip)
    if not good:
        sys.exit("The packages could not be installed: see above. Is this computer online?")
    stamp.write_text(wanted)


def make_node_modules():
    """Installs the JavaScript linter, p5.js and axe with npm, if there is npm."""
    stamp = TESTS / "node_modules" / ".installed"
    wanted = hashlib.sha256((TESTS / "package.json").read_bytes()).hexdigest()
    npm = shutil.which("npm")
    if not npm or (stamp.exists() and stamp.read_text() == wanted):
        return
    words = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    with progress("Installing the JavaScript packages in tests/node_modules"):
        good = call(npm, "install", *words, cwd=TESTS)
    if good:
        stamp.write_text(wanted)


def is_there(program):
    """Tells whether a program is on this computer; one browser is enough, whatever its name is."""
    return any(map(shutil.which, BROWSERS if program == BROWSER else [program]))


def missing_programs():
    """Returns the programs of PROGRAMS that are not here; Playwright's own browser counts."""
    missing = [name for name in PROGRAMS if not is_there(name)]
    if BROWSER in missing:
        code = (
            "import os; from playwright.sync_api import sync_playwright as s\n"
            "with s() as p: raise SystemExit(not os.path.exists(p.chromium.executable_path))"
        )
        if call(str(PYTHON), "-c", code, quiet=True):
            missing.remove(BROWSER)
    return missing


def apt_command():
    """Returns the words that run apt-get without a password, or None if that can't be."""
    apt = shutil.which("apt-get")
    if apt and hasattr(os, "geteuid") and os.geteuid() == 0:
        return [apt]
    if apt and shutil.which("sudo") and call("sudo", "-n", "true", quiet=True):
        return ["sudo", "-n", apt]
    return None


def install_programs():
    """Installs the missing programs with apt-get, where that needs no password.

    Where it has no browser, or can't be used, it is Playwright's own if that can be had.
    """
    missing = missing_programs()
    apt = apt_command() if missing else None
    if apt:
        install_with_apt(apt, missing)
    if BROWSER in missing and BROWSER in missing_programs():
        with progress("Installing Playwright's Chromium"):
            call(str(PYTHON), "-m", "playwright", "install", "chromium", quiet=True)


def install_with_apt(apt, missing):
    """Installs the Debian packages of the missing programs, each with a line of its own."""
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    with progress("Asking apt-get what there is"):
        call(*apt, "update", env=environment)
    packages = sorted({package for name in missing for package in PROGRAMS[name].split()})
    # One at a time, so that one that can't be had does not keep the rest away.
    for number, package in enumerate(packages, 1):
        with progress(f"Installing {package} with apt-get ({number} of {len(packages)})"):
            call(*apt, "install", "-y", "--no-install-recommends", package, env=environment)


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
    words = [word for word in sys.argv[1:] if word != NO_INSTALL]
    make_environment()
    if NO_INSTALL not in sys.argv:
        install_programs()
    make_node_modules()
    missing = missing_programs()
    if missing:
        print(f"Not on this computer: {', '.join(missing)}. The tests that need them are skipped.")
    sys.stdout.flush()
    try:
        sys.exit(subprocess.call([str(PYTHON), "-m", "pytest", *pytest_words(words)]))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
