"""The p5.js client as a page: a copy of the folder, with p5.js from npm instead of the network."""

import functools

import pytest
from p5_pages import give_p5, lines_for
from pages import copy_of


@pytest.fixture
def sketch(open_page, tmp_path):
    """Returns sketch(server or port, major=2, cdn=None): the page with p5.js of that version.

    cdn(route) answers for the network instead of the right file, and page.clock can be moved
    forward then; change(folder) edits the copy.
    """

    def open_one(server, major=2, cdn=None, change=None, **options):
        address = copy_of("p5js_client", tmp_path, getattr(server, "port", server))
        home = tmp_path / "p5js_client"
        page = (home / "index.html").read_text("utf-8")
        if major == 1:
            page = page.replace(lines_for(2).group(), lines_for(1).group())
        (home / "index.html").write_text(page, "utf-8")
        if change:
            change(home)

        def prepare(page):
            give_p5(page, major)
            if cdn:
                page.clock.install()
                page.route("https://**/*", cdn)
                page.goto = functools.partial(page.goto, wait_until="commit")

        return open_page(address, prepare=prepare, **options)

    return open_one


@pytest.fixture(params=["Chromium", "Firefox"])
def window(request):
    """What sketch() takes as within: the browser that the page is opened in."""
    return request.getfixturevalue("firefox" if request.param == "Firefox" else "browser")


@pytest.fixture(params=[1, 2], ids=["p5-1", "p5-2"])
def major(request):
    return request.param
