"""The sketch compiles for every board, without a warning, and stays readable."""

import re
import shutil

import pytest
from arduino_host import build
from course import need

NAMES = [(board, name) for board, names in build.BOARDS.items() for name in names]
TABS = ["arduino_websocket_client.ino", "frames.ino", "board.h"]
AVR = ["-std=gnu++11", "-mmcu=atmega2560"]
SAMD = ["-std=gnu++11", "-mcpu=cortex-m0plus", "-mthumb"]
ARM = shutil.which("arm-none-eabi-g++")
TLS = ("WiFiClient wifi;\n", "WiFiSSLClient wifi;\n")


def check(compiler, folder, board, *options, defined=None, change=("", "")):
    """Type-checks the sketch with its own secrets, or with one text in it changed."""
    name = build.translate(build.SKETCH, folder, board, secrets=None, host=False)
    name.write_text(name.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    build.build(compiler, name, *options, board=board, defined=defined)


@pytest.mark.parametrize("board, name", NAMES)
def test_it_compiles_for_every_board(tmp_path, board, name):
    """With an AVR compiler too: there (Uno WiFi Rev2) an int has 16 bits. The compiler of the
    SAMD boards is large: it is used where it is installed."""
    for compiler, options in ((need("g++"), []), (need("avr-g++"), AVR), (ARM, SAMD)):
        if compiler:
            check(compiler, tmp_path, board, "-fsyntax-only", *options, defined=name)


@pytest.mark.parametrize("board, name", NAMES)
@pytest.mark.parametrize("certificate", ["", '-DSECRET_ROOT_CERTIFICATE="PEM"'])
def test_tls_is_one_changed_line(tmp_path, board, name, certificate):
    options = ["-fsyntax-only", *filter(None, [certificate])]
    check(need("g++"), tmp_path, board, *options, defined=name, change=TLS)


def test_functions_fit_on_a_screen():
    for tab in TABS:
        source = (build.FOLDER / tab).read_text(encoding="utf-8")
        for name, body in re.findall(r"^\w+ &?(\w+)\([^()]*\) \{\n(.*?)^\}", source, re.M | re.S):
            code = [one for one in body.splitlines() if not one.strip().startswith("//")]
            assert len(code) <= 20 or name == "sendFrame", name


def test_the_secrets_are_examples_only():
    text = (build.FOLDER / "arduino_secrets.h").read_text(encoding="utf-8")
    values = re.findall(r'^#define SECRET_\w+ "(.*)"', text, re.M)
    assert len(values) == 4
    assert all(re.fullmatch(r"<.*>|/", value) for value in values)
