"""The sketch compiles for every board, without a warning, and stays small and readable."""

import re
import shutil
import subprocess

import pytest
from arduino_host import build
from course import need

NAMES = [(board, name) for board, names in build.BOARDS.items() for name in names]
TABS = ["arduino_websocket_client.ino", "frames.ino", "board.h"]
AVR = ["-std=gnu++11", "-mmcu=atmega2560"]
SAMD = ["-std=gnu++11", "-mcpu=cortex-m0plus", "-mthumb"]
ARM = shutil.which("arm-none-eabi-g++")
TLS = ("WiFiClient wifi;\n", "WiFiSSLClient wifi;\n")


def code_lines(tab):
    """Returns the lines of code: not blank, no comment."""
    text = (build.FOLDER / tab).read_text(encoding="utf-8")
    lines = [line.strip() for line in re.sub(r"/\*.*?\*/", "", text, flags=re.S).splitlines()]
    return [line for line in lines if line and not line.startswith("//")]


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
def test_every_board_picks_its_library(tmp_path, board, name):
    sketch = build.translate(build.SKETCH, tmp_path, board, host=False)
    include = [f"-D{name}", f"-I{build.HERE / board}", f"-I{build.HERE}"]
    command = [need("g++"), "-std=gnu++17", *include, "-M", sketch]
    used = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for header in (build.HERE / board).glob("*.h"):
        assert f"/{header.name}" in used


def test_an_unknown_board_gets_the_list_of_boards(tmp_path):
    with pytest.raises(AssertionError, match=r"board.h knows MKR1000, MKR WiFi 1010, Nano 33"):
        check(need("g++"), tmp_path, "nina", "-fsyntax-only", defined="ARDUINO_AVR_UNO")


@pytest.mark.parametrize("board, name", NAMES)
@pytest.mark.parametrize("certificate", ["", '-DSECRET_ROOT_CERTIFICATE="PEM"'])
def test_tls_is_one_changed_line(tmp_path, board, name, certificate):
    options = ["-fsyntax-only", *filter(None, [certificate])]
    check(need("g++"), tmp_path, board, *options, defined=name, change=TLS)


@pytest.mark.parametrize("family, options, bytes_kept", [("avr-", AVR, 1000), ("", [], 4000)])
def test_a_message_takes_no_more_than_the_board_has(tmp_path, family, options, bytes_kept):
    known = f'static_assert(longestMessage == {bytes_kept}, "memory");\nvoid setup() {{'
    change = ("void setup() {", known)
    check(need(f"{family}g++"), tmp_path, "nina", *options, "-fsyntax-only", change=change)


def test_a_board_without_a_name_for_its_led(tmp_path):
    check(need("g++"), tmp_path, "esp32", "-fsyntax-only", "-DHOST_NO_LED")


def test_the_check_sees_what_only_a_board_sees(tmp_path):
    """60000 is too much for an int of 16 bits, and true is not a state of a pin."""
    with pytest.raises(AssertionError, match="overflow"):
        change = ("void setup() {", "int tooMuch = 30000 + 30000;\nvoid setup() {")
        check(need("avr-g++"), tmp_path, "nina", *AVR, "-fsyntax-only", change=change)
    with pytest.raises(AssertionError, match="PinStatus"):
        change = ("lit ? LED_ON : LED_OFF", "lit")
        check(need("g++"), tmp_path, "nina", "-fsyntax-only", change=change)


@pytest.mark.parametrize(
    "family, options, limit",
    [
        ("avr", AVR, 5500),
        pytest.param(
            "arm-none-eabi", SAMD, 4500, marks=pytest.mark.skipif(not ARM, reason="no ARM")
        ),
    ],
)
def test_flash_and_memory(tmp_path, family, options, limit):
    """What the tabs themselves take, without the libraries. The biggest part of the memory are
    the buffers of the Wi-Fi client and of the WebSocket client; 4,000 bytes for the message
    come when it runs."""
    check(
        need(f"{family}-g++"), tmp_path, "nina", *options, "-Os", "-c", "-o", tmp_path / "sketch.o"
    )
    words = subprocess.check_output([f"{family}-size", tmp_path / "sketch.o"], text=True)
    text, data, bss = map(int, words.splitlines()[1].split()[:3])
    print(text, data, bss)
    assert text + data < limit and data + bss < 1800


def test_the_main_tab_is_short_and_its_functions_fit_on_a_screen():
    assert len(code_lines("arduino_websocket_client.ino")) <= 90
    for tab in TABS:
        source = (build.FOLDER / tab).read_text(encoding="utf-8")
        assert all(len(line) <= 100 for line in source.splitlines())
        for name, body in re.findall(r"^\w+ &?(\w+)\([^()]*\) \{\n(.*?)^\}", source, re.M | re.S):
            code = [one for one in body.splitlines() if not one.strip().startswith("//")]
            assert len(code) <= 20 or name == "sendFrame", name


def test_setup_and_loop_come_first_and_every_variable_has_a_comment():
    source = build.SKETCH.read_text(encoding="utf-8")
    functions = re.findall(r"^\w+ (\w+)\([^()]*\) \{$", source, re.M)
    assert functions[:2] == ["setup", "loop"]
    lines = source[: source.index("void setup")].splitlines()
    for before, line in zip(lines, lines[1:]):
        if re.match(r"(const )?[\w ]+ \w+( = .*|\(.*\))?;", line):
            assert "//" in line or before.startswith("//") or "//" not in before, line


def test_the_secrets_are_examples_only():
    text = (build.FOLDER / "arduino_secrets.h").read_text(encoding="utf-8")
    values = re.findall(r'^#define SECRET_\w+ "(.*)"', text, re.M)
    assert len(values) == 4
    assert all(re.fullmatch(r"<.*>|/", value) for value in values)
