"""The two log pages, js_client and the one that is served, in Chromium and in Firefox."""

import pytest
from pages import RECORDER, SERVED, copy_of, has_state


@pytest.fixture
def js_client(open_page, tmp_path):
    """Returns js_client(port): the page, opened from disk and recording, with this port."""

    def open_one(port, **options):
        url = copy_of("js_client", tmp_path / str(len(list(tmp_path.iterdir()))), port)
        return open_page(url, prepare=lambda page: page.add_init_script(RECORDER), **options)

    return open_one


@pytest.fixture(params=["js_client", SERVED, "js_client in Firefox"])
def page_of(request, js_client, open_page):
    """Returns page_of(port): one of the two pages, recording; page.folder says which."""
    folder, _, browser = request.param.partition(" in ")

    def open_one(port, **options):
        if browser:
            options["within"] = request.getfixturevalue("firefox")
        if folder == SERVED:
            options["prepare"] = lambda page: page.add_init_script(RECORDER)
            page = open_page(f"http://localhost:{port}/", **options)
        else:
            page = js_client(port, **options)
        page.folder = folder
        return page

    return open_one


@pytest.fixture
def visit(start_server, page_of):
    """Returns visit(**options): a server, and a page that is connected to it."""

    def begin(**options):
        server = start_server(SERVED)
        page = page_of(server.port, **options)
        has_state(page, "Connected")
        return server, page

    return begin


@pytest.fixture
def talk(visit, connect):
    """Returns talk(): a page that is connected, and another client of the same server."""

    def begin(**options):
        server, page = visit(**options)
        return page, connect(server.url)

    return begin
