"""Builds a sketch for this computer, as the Arduino IDE would for a board."""

import re
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent

# What each board's core defines, and the library that the sketch has to pick for it.
BOARDS = {
    "nina": ("ARDUINO_SAMD_NANO_33_IOT", "WiFiNINA.h"),
    "wifi101": ("ARDUINO_SAMD_MKR1000", "WiFi101.h"),
    "s3": ("ARDUINO_UNOR4_WIFI", "WiFiS3.h"),
    "esp32": ("ARDUINO_ARCH_ESP32", "WiFi.h"),
}
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


def prototypes(sketch):
    """Returns declarations of the sketch's functions, which the Arduino IDE writes too."""
    found = re.findall(r"^((?:const )?\w+ \**&*\w+\([^()]*\)) \{", sketch, re.M)
    return "".join(f"{line};\n" for line in dict.fromkeys(found))


def translate(sketch, folder, board="nina", secrets=SECRETS, host=True):
    """Writes the C++ file for a sketch into folder; returns its path.

    sketch: path of the .ino, taken as it is; secrets: what arduino_secrets.h holds there, or
    None for the one beside the sketch; host: False leaves the bodies out, for a type check.
    """
    folder = Path(folder)
    if secrets:
        (folder / "arduino_secrets.h").write_text(secrets)
    text = Path(sketch).read_text(encoding="utf-8")
    name = folder / f"{Path(sketch).stem}_{board}.cpp"
    name.write_text(
        f"#define {BOARDS[board][0]}\n#include <Arduino.h>\n{prototypes(text)}"
        f'#line 1 "{Path(sketch).name}"\n{text}'
        + ("\n#define HOST_SENDS" if "sendFrame(" in text else "")
        + ('\n#include "host.cpp"\n' if host else "\n"),
        encoding="utf-8",
    )
    return name


def build(compiler, source, *options):
    """Compiles with the tests' headers; a warning is an error. Fails with the compiler's words."""
    command = [compiler, "-std=gnu++17", *WARNINGS, f"-I{HERE}", *options, str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"
