"""
The course's tests

Makes an environment of its own in tests/.venv, installs what the tests need,
says so, and runs everything with pytest.

Run it with:     python3 tests
Or a part of it: python3 tests -k serial          (any option of pytest)
You should see:  a line per installed thing the first time, then pytest's dots
                 and its closing line.

What may be missing on your computer (a browser, a compiler, node, a broker) is
installed with apt-get where that is allowed without a password; otherwise the
tests that need it are skipped and say so. With CI=true they fail instead.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
HOME = TESTS / ".venv" / "{}.{}".format(*sys.version_info)
PYTHON = HOME / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

# What the tests call, and the Debian package that brings it.
PROGRAMS = {
    "chromium": "chromium",
    "g++": "g++",
    "avr-g++": "gcc-avr avr-libc",
    "node": "nodejs",
    "npm": "npm",
    "mosquitto": "mosquitto",
    "mosquitto_pub": "mosquitto-clients",
    "websocketd": "websocketd",
    "caddy": "caddy",
    "wrk": "wrk",
    "curl": "curl",
    "openssl": "openssl",
}
# One browser is enough, whatever its name is here.
OTHER_NAMES = {
    "chromium": ["chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge"]
}


def call(*command, **options):
    """Runs a command; its output is shown only if it fails.

    Returns True if it ended well.
    """
    done = subprocess.run(
        command, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    if done.returncode:
        print(done.stdout[-3000:])
    return done.returncode == 0


def make_environment():
    """Makes tests/.venv with the course's packages and the tests' own, if they changed."""
    lists = [ROOT / "requirements.txt", TESTS / "requirements.txt"]
    wanted = hashlib.sha256(b"".join(name.read_bytes() for name in lists)).hexdigest()
    stamp = HOME / "installed"
    if stamp.exists() and stamp.read_text() == wanted and PYTHON.exists():
        return
    print(f"Making an environment for the tests in {HOME.relative_to(ROOT)} …", flush=True)
    shutil.rmtree(HOME, ignore_errors=True)
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
    print("Installing the Python packages …", flush=True)
    if not call(*pip):
        sys.exit("The packages could not be installed: see above. Is this computer online?")
    stamp.write_text(wanted)


def make_node_modules():
    """Installs the JavaScript linter, p5.js and axe with npm, if there is npm."""
    stamp = TESTS / "node_modules" / ".installed"
    wanted = hashlib.sha256((TESTS / "package.json").read_bytes()).hexdigest()
    npm = shutil.which("npm")
    if not npm or (stamp.exists() and stamp.read_text() == wanted):
        return
    print("Installing the JavaScript packages in tests/node_modules …", flush=True)
    if call(
        npm,
        "install",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--ignore-scripts",
        cwd=TESTS,
    ):
        stamp.write_text(wanted)


def is_there(program):
    """Tells whether a program, under any of its names, is on this computer."""
    return any(shutil.which(name) for name in [program, *OTHER_NAMES.get(program, [])])


def install_programs():
    """Installs the missing programs with apt-get, where that needs no password.

    The browser is Playwright's own if it can be had.
    """
    missing = [name for name in PROGRAMS if not is_there(name)]
    if "chromium" in missing:
        print("Installing Playwright's Chromium …", flush=True)
        install = [PYTHON, "-m", "playwright", "install", "chromium"]
        if subprocess.run(install, check=False, capture_output=True).returncode == 0:
            missing.remove("chromium")
    if not missing:
        return
    sudo = [] if hasattr(os, "geteuid") and os.geteuid() == 0 else ["sudo", "-n"]
    apt = shutil.which("apt-get")
    if apt and (not sudo or (shutil.which("sudo") and call("sudo", "-n", "true"))):
        packages = sorted({package for name in missing for package in PROGRAMS[name].split()})
        print(f"Installing with apt-get: {' '.join(packages)} …", flush=True)
        environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        call(*sudo, apt, "update", env=environment)
        # One at a time, so that one that can't be had does not keep the rest away.
        for package in packages:
            call(*sudo, apt, "install", "-y", "--no-install-recommends", package, env=environment)
    missing = [name for name in missing if not is_there(name)]
    if missing:
        print(
            f"Not on this computer: {', '.join(missing)}. The tests that need them are skipped.",
            flush=True,
        )


def main():
    """Prepares everything and hands over to pytest; ends with pytest's exit code."""
    make_environment()
    install_programs()
    make_node_modules()
    command = [
        str(PYTHON),
        "-m",
        "pytest",
        "-c",
        str(TESTS / "pytest.ini"),
        "--rootdir",
        str(ROOT),
        *sys.argv[1:],
    ]
    if not any(
        not word.startswith("-") and Path(word.split("::")[0]).exists() for word in sys.argv[1:]
    ):
        command.append(str(TESTS))
    try:
        sys.exit(subprocess.call(command))
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
