"""The two log pages, js_client and the one that is served, in Chromium and in Firefox."""

import pytest
from pages import RECORDER, SERVED, copy_of, has_state


@pytest.fixture(params=["js_client", SERVED, "js_client in Firefox"])
def page_of(request, open_page, tmp_path):
    """Returns page_of(server or port): the page, open and recording; page.folder is its kind.

    js_client is a copy opened from disk, with the port in its address; the other one comes
    from the server itself.
    """
    folder, _, browser = request.param.partition(" in ")

    def open_one(server, **options):
        port = getattr(server, "port", server)
        url = f"http://localhost:{port}/"
        if folder == "js_client":
            home = tmp_path / str(len(list(tmp_path.iterdir())))
            url = copy_of("js_client", home, port)
        if browser:
            options["within"] = request.getfixturevalue("firefox")
        page = open_page(url, prepare=lambda page: page.add_init_script(RECORDER), **options)
        page.folder = folder
        return page

    return open_one


@pytest.fixture
def visit(start_server, page_of):
    """Returns visit(**options): a server, and a page that is connected to it."""

    def begin(**options):
        server = start_server(SERVED)
        page = page_of(server, **options)
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
