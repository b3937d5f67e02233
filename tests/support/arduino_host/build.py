"""Builds a sketch for this computer, as the Arduino IDE would for a board."""

import re
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE.parents[2] / "arduino_websocket_client"
SKETCH = FOLDER / "arduino_websocket_client.ino"

# Libraries with what the cores of their boards define. A library's headers are in the folder
# of this name; the first board of each stands for all.
BOARDS = {
    "nina": [
        "ARDUINO_SAMD_NANO_33_IOT",
        "ARDUINO_SAMD_MKRWIFI1010",
        "ARDUINO_NANO_RP2040_CONNECT",
        "ARDUINO_SAMD_MKRVIDOR4000",
        "ARDUINO_AVR_UNO_WIFI_REV2",
    ],
    "wifi101": ["ARDUINO_SAMD_MKR1000"],
    "s3": ["ARDUINO_UNOR4_WIFI"],
    "esp32": ["ARDUINO_ARCH_ESP32"],
    "esp8266": ["ARDUINO_ARCH_ESP8266"],
    "pico": ["ARDUINO_RASPBERRY_PI_PICO_W", "ARDUINO_RASPBERRY_PI_PICO_2W"],
    "mbed": ["ARDUINO_PORTENTA_H7_M7", "ARDUINO_GIGA", "ARDUINO_OPTA"],
}
# Those whose behaviour is known from the real libraries; of the others only the types are.
RADIOS = ["nina", "wifi101", "s3", "esp32"]
WARNINGS = ["-Wall", "-Wextra", "-Werror"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all"]

# The values come from the environment, so that one build serves every test.
SECRETS = """#pragma once
#include <stdlib.h>
#define SECRET_SSID getenv("SECRET_SSID")
#define SECRET_PASS getenv("SECRET_PASS")
#define SECRET_SERVER getenv("SECRET_SERVER")
#define SECRET_PORT atoi(getenv("SECRET_PORT"))
#define SECRET_PATH getenv("SECRET_PATH")
"""


FUNCTION = re.compile(r"^((?:const )?\w+(?: \w+)? [*&]*\w+\([^()]*\)) \{$", re.M)


def join_tabs(sketch):
    """Returns a sketch as the Arduino IDE compiles it: the main tab, then the other .ino files
    in the order of the alphabet, and before the first function the declarations of all."""
    sketch = Path(sketch)
    tabs = [sketch, *sorted(tab for tab in sketch.parent.glob("*.ino") if tab != sketch)]
    texts = [tab.read_text(encoding="utf-8") for tab in tabs]
    declared = "".join(f"{line};\n" for text in texts for line in FUNCTION.findall(text))
    first = FUNCTION.search(texts[0]).start()
    line = texts[0][:first].count("\n") + 1
    texts[0] = f'{texts[0][:first]}{declared}#line {line} "{sketch.name}"\n{texts[0][first:]}'
    return "\n".join(f'#line 1 "{tab.name}"\n{text}' for tab, text in zip(tabs, texts))


def translate(sketch, folder, board="nina", secrets=SECRETS, host=True):
    """Writes the C++ file for a sketch into folder, with its headers; returns its path.

    sketch: path of the .ino, taken as it is; secrets: what arduino_secrets.h holds there, or
    None for the one beside the sketch; host: False leaves the bodies out, for a type check.
    """
    folder, sketch = Path(folder), Path(sketch)
    for header in sketch.parent.glob("*.h"):
        (folder / header.name).write_text(header.read_text(encoding="utf-8"), encoding="utf-8")
    if secrets:
        (folder / "arduino_secrets.h").write_text(secrets)
    text = join_tabs(sketch)
    if host:
        # On every board this type has 32 bits, as millis() has.
        text = text.replace("unsigned long ", "uint32_t ")
    name = folder / f"{sketch.stem}_{board}.cpp"
    name.write_text(
        f"#include <Arduino.h>\n{text}"
        + ("\n#define HOST_SENDS" if "sendFrame(" in text else "")
        + ('\n#include "host.cpp"\n' if host else "\n"),
        encoding="utf-8",
    )
    return name


def build(compiler, source, *options, board="nina", defined=None):
    """Compiles with the tests' headers for a board; a warning is an error. Fails with the
    compiler's words. defined: the board's name in its core, when not the library's first."""
    include = [f"-D{defined or BOARDS[board][0]}", f"-I{HERE / board}", f"-I{HERE}"]
    command = [compiler, "-std=gnu++17", *WARNINGS, *include, *options, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stderr}"
