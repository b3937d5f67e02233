"""A board, a server that reads it, and the lesson's modules."""

import importlib.util
import sys
import types

import pytest
from course import ROOT
from serial_board import FOLDER, Board


@pytest.fixture
def board(tmp_path):
    board = Board(str(tmp_path / "board"))
    yield board
    board.unplug()


@pytest.fixture
def listen(start_server, connect):
    """Returns listen(*words): a server on these words, and a client that is in."""

    def start(*words):
        server = start_server(FOLDER, *words)
        client = connect(server.url)
        server.expect("New Connection")
        return server, client

    return start


@pytest.fixture(scope="module")
def lesson():
    """The modules server and serial_help of the folder, under names of their own."""
    sys.path.insert(0, str(ROOT / FOLDER))
    try:
        modules = types.SimpleNamespace()
        for name in ("serial_help", "server"):
            path = ROOT / FOLDER / f"{name}.py"
            spec = importlib.util.spec_from_file_location(f"lesson_{name}", path)
            setattr(modules, name, importlib.util.module_from_spec(spec))
            spec.loader.exec_module(getattr(modules, name))
        return modules
    finally:
        sys.path.remove(str(ROOT / FOLDER))
