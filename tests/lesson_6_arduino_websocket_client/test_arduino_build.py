"""The Arduino sketch compiles for every board, stays small and readable, and its README is true."""

import re
import subprocess

import course
import pytest
from arduino_host import build
from course import need

FOLDER = course.ROOT / "arduino_websocket_client"
SKETCH = FOLDER / "arduino_websocket_client.ino"
TLS = ("WiFiClient wifi;\n", "WiFiSSLClient wifi;\n")


def source():
    return SKETCH.read_text(encoding="utf-8")


def code_lines():
    """Returns the lines of code: not blank, no comment."""
    text = re.sub(r"/\*.*?\*/", "", source(), flags=re.S)
    return [
        line for line in text.splitlines() if line.strip() and not line.strip().startswith("//")
    ]


def check(compiler, folder, board, *options, text=None):
    """Type-checks the sketch, or another text in its place, with the secrets of the folder."""
    sketch = folder / SKETCH.name
    sketch.write_text(text or source(), encoding="utf-8")
    secrets = (FOLDER / "arduino_secrets.h").read_text(encoding="utf-8")
    name = build.translate(sketch, folder, board, secrets=secrets, host=False)
    build.build(compiler, name, *options)


@pytest.mark.parametrize("board", list(build.BOARDS))
def test_it_compiles_for_every_board(tmp_path, board):
    """With an AVR compiler too: there an int has 16 bits, as on the Uno WiFi Rev2."""
    check(need("g++"), tmp_path, board, "-fsyntax-only")
    check(need("avr-g++"), tmp_path, board, "-std=gnu++11", "-mmcu=atmega2560", "-fsyntax-only")


@pytest.mark.parametrize("board", list(build.BOARDS))
def test_every_board_picks_its_library(tmp_path, board):
    sketch = build.translate(SKETCH, tmp_path, board, host=False)
    command = [need("g++"), "-std=gnu++17", f"-I{build.HERE}", "-M", sketch]
    used = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    libraries = {library for _, library in build.BOARDS.values()}
    assert {name for name in libraries if f"/{name}" in used} == {build.BOARDS[board][1]}


@pytest.mark.parametrize("board", list(build.BOARDS))
def test_tls_is_one_changed_line(tmp_path, board):
    assert source().count(TLS[0]) == 1
    text = source().replace(*TLS)
    check(need("g++"), tmp_path, board, "-fsyntax-only", text=text)


def test_a_board_without_a_name_for_its_led(tmp_path):
    check(need("g++"), tmp_path, "esp32", "-fsyntax-only", "-DHOST_NO_LED")


def test_the_check_sees_what_only_a_board_sees(tmp_path):
    """60000 is too much for an int of 16 bits, and true is no state of a pin."""
    with pytest.raises(AssertionError, match="overflow"):
        text = source() + "\nint tooMuch = 30000 + 30000;\n"
        check(need("avr-g++"), tmp_path, "nina", "-std=gnu++11", "-mmcu=atmega2560", text=text)
    with pytest.raises(AssertionError, match="PinStatus"):
        check(need("g++"), tmp_path, "nina", text=source().replace("lit ? HIGH : LOW", "lit"))


def test_flash_and_memory(tmp_path):
    """What the sketch itself takes on an AVR, without the libraries."""
    size = need("avr-size")
    check(
        need("avr-g++"),
        tmp_path,
        "nina",
        "-std=gnu++11",
        "-mmcu=atmega2560",
        "-Os",
        "-c",
        "-o",
        tmp_path / "sketch.o",
    )
    words = subprocess.run(
        [size, tmp_path / "sketch.o"], capture_output=True, text=True, check=True
    )
    text, data, bss = map(int, words.stdout.splitlines()[1].split()[:3])
    print(text, data, bss)
    assert text + data < 5500
    # Buffers of the Wi-Fi and the WebSocket client are in it, as in every such sketch.
    assert not re.search(r"\b(new|malloc|realloc|std::)\b", "\n".join(code_lines()))


def test_it_is_short_and_its_functions_fit_on_a_screen():
    assert len(code_lines()) <= 165
    assert all(len(line) <= 100 for line in source().splitlines())
    for name, body in re.findall(r"^\w+ &?(\w+)\([^()]*\) \{\n(.*?)^\}", source(), re.M | re.S):
        lines = [line for line in body.splitlines() if not line.strip().startswith("//")]
        assert len(lines) <= 22, name
    commented = re.findall(r"^//.*\n(?:uint64_t|\w+) &?\w+\([^()]*\) \{", source(), re.M)
    functions = re.findall(r"^\w+ &?\w+\([^()]*\) \{$", source(), re.M)
    assert len(functions) - len(commented) <= 1, "only setup() explains itself"


def test_the_secrets_are_examples_only():
    values = re.findall(r'#define SECRET_\w+ "(.*)"', (FOLDER / "arduino_secrets.h").read_text())
    assert len(values) == 4
    assert all(re.fullmatch(r"<.*>|/", value) for value in values)


def test_serial_texts_in_the_readme_are_the_sketchs_own():
    """What the README shows of the Serial Monitor is printed by the sketch."""
    shown = re.search(r"```text\n(Joining .*?)```", (FOLDER / "README.md").read_text(), re.S)[1]
    code = "\n".join(code_lines())
    printed = [text for text in re.findall(r'"((?:[^"\\]|\\.)*)"', code) if len(text) > 3]
    for line in shown.splitlines():
        assert any(text.replace('\\"', '"') in line for text in printed), line
