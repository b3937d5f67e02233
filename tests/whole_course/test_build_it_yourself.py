"""*Build it yourself*: every step runs, and the last one is the lesson's own file."""

import itertools
import re
import sys

import pytest
from course import ROOT
from lesson_files import LESSON_FILES, code_lines
from terminals import (
    BUILD,
    close_terminals,
    open_terminals,
    other_ports,
    prepare,
    read_blocks,
    usual_ports,
)

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="done in terminals of Unix")


@pytest.mark.parametrize("lesson", LESSON_FILES)
def test_steps_run_and_end_in_the_lessons_own_file(lesson, tmp_path):
    readme, original = ROOT / lesson / "README.md", ROOT / lesson / LESSON_FILES[lesson]
    blocks = [block for block in read_blocks(readme) if block.section == BUILD]
    if not blocks:
        pytest.skip("no steps yet")
    ports = usual_ports()
    here, own_files = prepare(readme, tmp_path / "course", ports), []
    steps = [list(step) for _, step in itertools.groupby(blocks, lambda block: block.heading)]
    for number, step in enumerate(steps, 1):
        assert re.match(f"Step {number}: ", step[0].heading)
        close_terminals(readme, open_terminals(step, here, ports, own_files))
    assert len(steps) <= 5
    [built] = [file for file in own_files if file.suffix == original.suffix]
    wanted = other_ports(original.read_text("utf-8"), ports)
    assert code_lines(built.read_text("utf-8"), built.suffix) == code_lines(wanted, built.suffix)
