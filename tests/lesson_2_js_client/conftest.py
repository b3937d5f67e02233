"""The two log pages, js_client and the one that is served, in Chromium and in Firefox."""

import functools

import pytest
from pages import RECORDER, SERVED, copy_of, has_state


@pytest.fixture
def recorded(open_page):
    """Returns recorded(url, **options): a page that records its connections."""
    return functools.partial(open_page, prepare=lambda page: page.add_init_script(RECORDER))


@pytest.fixture
def js_client(recorded, tmp_path):
    """Returns js_client(port): the page, opened from disk, with this port in its address."""

    def open_one(port, **options):
        home = tmp_path / str(len(list(tmp_path.iterdir())))
        return recorded(copy_of("js_client", home, port), **options)

    return open_one


@pytest.fixture(params=["js_client", SERVED, "js_client in Firefox"])
def page_of(request, js_client, recorded):
    """Returns page_of(port): one of the two pages."""
    if request.param == SERVED:
        return lambda port, **options: recorded(f"http://localhost:{port}/", **options)
    if request.param.endswith("Firefox"):
        return functools.partial(js_client, within=request.getfixturevalue("firefox"))
    return js_client


@pytest.fixture
def visit(start_server, page_of):
    """Returns visit(**options): a server, and a page that is connected to it."""

    def begin(**options):
        server = start_server(SERVED)
        page = page_of(server.port, **options)
        has_state(page, "Connected")
        return server, page

    return begin
