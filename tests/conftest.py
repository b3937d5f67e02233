"""Fixtures: the course's servers as processes, independent clients, a real browser."""

import contextlib
import functools
import os
import re
import shutil

import course
import pytest
import websockets.sync.client
from course import Program, missing, serve
from environment import BROWSERS
from wire import Wire

# For independent clients.
DEFAULTS = {"proxy": None, "compression": None, "max_size": None,
            "open_timeout": course.PATIENCE, "close_timeout": 0.2}  # fmt: skip
# A program that forgets to flush is to be found here, too.
os.environ.pop("PYTHONUNBUFFERED", None)


@pytest.fixture
def run():
    """Returns a function that starts a Program, which is ended with the test.

    A program that printed a traceback fails the test, unless program.may_complain is set.
    """
    programs = []

    def start(command, **options):
        programs.append(Program(command, **options))
        return programs[-1]

    yield start
    for program in programs:
        program.kill()
    for program in programs:
        wrong = re.search("Traceback|Warning:", program.errors)
        assert program.may_complain or not wrong, f"{program.command}\n{program.errors}"


@pytest.fixture
def start_server(run):
    """Returns serve() of course.py; the server ends with the test."""
    return functools.partial(serve, run=run)


@contextlib.contextmanager
def serving(folder):
    """A server for all tests of a table; it may not have printed a traceback at their end."""
    server = serve(folder)
    yield server
    code = server.stop()
    server.kill()
    assert (code, server.errors) == (0, "")


@pytest.fixture(scope="module", params=["ws_server_example", "http_ws_server_example"])
def server(request):
    """A server without pages, and one with pages."""
    with serving(request.param) as program:
        yield program


@pytest.fixture(scope="module")
def echo_server():
    with serving("http_ws_server_example") as program:
        yield program


@pytest.fixture
def connect():
    """Returns connect(url, **options): a client of `websockets`, closed with the test."""
    clients = contextlib.ExitStack()

    def open_client(url, **options):
        return clients.enter_context(websockets.sync.client.connect(url, **{**DEFAULTS, **options}))

    with clients:
        yield open_client


@pytest.fixture
def join():
    """Returns join(server, **options): a Wire that is in, closed with the test."""
    with contextlib.ExitStack() as wires:

        def enter(server, **options):
            wire = wires.enter_context(Wire(server.port, **options))
            if options.get("path", "/"):
                wire.sync()
            return wire

        yield enter


@pytest.fixture(scope="session")
def playwright():
    """Playwright, which drives the browsers; there can be only one at a time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        yield driver


@pytest.fixture(scope="session")
def browser(playwright):
    """Headless Chromium: Playwright's own, or the one of the system."""
    from playwright.sync_api import Error

    flags = ["--disable-background-networking", "--disable-component-update", "--no-sandbox"]
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    try:
        chromium = playwright.chromium.launch(args=flags, executable_path=path)
    except Error as error:
        missing(f"no browser: {str(error).splitlines()[0]}")
    yield chromium
    chromium.close()


@pytest.fixture(scope="session")
def firefox(playwright):
    """Headless Firefox, the one of the system; the test is skipped where there is none."""
    if not (path := shutil.which("firefox-esr") or shutil.which("firefox")):
        pytest.skip("Firefox is not on this computer")
    window = playwright.firefox.launch(channel="moz-firefox", executable_path=path)
    yield window
    window.close()


@pytest.fixture
def open_page(browser):
    """Returns open_page(url, **context options): a page in a window; .console holds its errors.

    prepare(page) is called before the page is loaded; within is another browser, if any.
    """
    contexts = []

    def open_one(url, prepare=None, within=None, **options):
        contexts.append((within or browser).new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(course.PATIENCE * 1000)
        page.console = []
        page.on("console", lambda line: line.type == "error" and page.console.append(line.text))
        page.on("pageerror", lambda error: page.console.append(str(error)))
        if prepare:
            prepare(page)
        page.goto(url)
        return page

    yield open_one
    for context in contexts:
        context.close()
