"""What the client needs: its package, and its folder."""

import shutil
import sys

import pytest
from clients import CLIENT
from course import python


def test_package_is_missing(run):
    program = run([sys.executable, "-S", CLIENT])
    assert program.wait() == 1
    assert "Does your prompt begin with (.venv)?" in program.errors
    assert "\n  python -m pip install websocket-client" in program.errors


@pytest.mark.parametrize("name", ["websocket/__init__.py", "websocket.py"])
def test_another_websocket_is_in_the_way(run, tmp_path, name):
    """The other package of that name, or a file of one's own."""
    for file in CLIENT.parent.glob("*.py"):
        shutil.copy(file, tmp_path)
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("class WebSocket: pass\n")
    program = run(python(tmp_path / "client.py"))
    assert program.wait() == 1
    assert str(tmp_path / name) in program.errors
    # Without the option, pip would say that it is installed already.
    assert "\n  python -m pip install websocket-client --force-reinstall" in program.errors
