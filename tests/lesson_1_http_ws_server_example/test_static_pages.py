"""The pages of http_ws_server_example: the right files, quickly, and nothing outside public/."""

import contextlib
import email.utils
import http.client
import os
import shutil
import time

import pytest
from course import PATIENCE, ROOT, posix_only
from wire import Wire, request

FOLDER = "http_ws_server_example"
SECRET = b"only the teacher may read this"
PIXEL = b"\x89PNG\r\n\x1a\n"
BIG = bytes(range(256)) * 20_000


def copy_of_the_lesson(folder):
    ignore = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(ROOT / FOLDER, folder / "lesson", ignore=ignore)


@pytest.fixture
def site(start_server, tmp_path):
    """A copy of the lesson with more files in public/, and secrets beside it.

    The computer has wrong types for files.
    """
    lesson = copy_of_the_lesson(tmp_path)
    (lesson / "sitecustomize.py").write_text(
        "import mimetypes\n"
        "mimetypes.init()\n"
        "for ending in ('.js', '.css', '.html', '.png', '.wasm'):\n"
        "    mimetypes.add_type('text/plain', ending)\n"
    )
    public = lesson / "public"
    (public / "empty").mkdir()
    (public / "folder").mkdir()
    (public / "folder" / "index.html").write_text("<title>folder</title>")
    (public / "picture.png").write_bytes(PIXEL)
    (public / "module.wasm").write_bytes(b"\0asm")
    (public / "grüße an alle.html").write_text("<title>grüße</title>", encoding="utf-8")
    (public / "big.bin").write_bytes(BIG)
    (lesson / "secret.txt").write_bytes(SECRET)
    (lesson / "public_secret").mkdir()
    (lesson / "public_secret" / "secret.txt").write_bytes(SECRET)
    if os.name == "posix":
        (public / "link.txt").symlink_to(lesson / "secret.txt")
        (public / "link").symlink_to(lesson / "public_secret")
        (public / "inside.png").symlink_to(public / "picture.png")
    server = start_server(FOLDER, cwd=lesson, PYTHONPATH=lesson)
    server.public = public
    return server


def ask(server, path="/", method="GET", body=None, **headers):
    """Returns status, headers and body of the answer to one request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.putrequest(method, path, skip_host=False, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name.replace("_", "-"), value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def raw_request(path, *lines, method="GET"):
    return "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def test_served_files_are_those_of_the_folder(start_server):
    server = start_server(FOLDER)
    public = ROOT / FOLDER / "public"
    names = [name for name in os.listdir(public) if not name.startswith(".")]
    assert {"index.html", "script.js", "styles.css"} <= set(names)
    for name in names:
        assert ask(server, f"/{name}")[2] == (public / name).read_bytes()
    assert ask(server, "/")[2] == (public / "index.html").read_bytes()
    assert ask(server, "/?from=here#there")[2] == (public / "index.html").read_bytes()


@pytest.mark.parametrize(
    "path, types",
    [
        ("/", ["text/html"]),
        ("/script.js", ["text/javascript", "application/javascript"]),
        ("/styles.css", ["text/css"]),
        ("/picture.png", ["image/png"]),
        ("/module.wasm", ["application/wasm"]),
        ("/folder/", ["text/html"]),
        ("/big.bin", ["application/octet-stream"]),
    ],
)
def test_type_of_a_file(site, path, types):
    """Browsers take the type from the server, and are told not to guess.

    Some Windows computers have it that .js is plain text: browsers then refuse it.
    """
    status, headers, _ = ask(site, path)
    assert status == 200
    assert headers.get_content_type() in types
    assert headers["X-Content-Type-Options"] == "nosniff"


OUTSIDE = [
    "/../secret.txt",
    "/../../lesson/secret.txt",
    "/folder/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2e%2e%2fsecret.txt",
    "/..%2fsecret.txt",
    "/.%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "/\\..\\secret.txt",
    "/....//secret.txt",
    "/..;/secret.txt",
    "/%c0%ae%c0%ae/secret.txt",
    "/../public_secret/secret.txt",
    "/_secret/secret.txt",
    "../secret.txt",
    "..%2fsecret.txt",
    "//secret.txt",
    "///etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "/%2fetc%2fpasswd",
    "/C:/Windows/win.ini",
    "/C:%5cWindows%5cwin.ini",
    "file:///etc/passwd",
    "http://localhost/../secret.txt",
    "/index.html%00.png",
    "/%00",
    "/../secret.txt%00.html",
    "/secret.txt",
    "/server.py",
    "/sturdy_websocket.py",
    "/server_help.py",
    "/../server.py",
    "/link.txt",
    "/link/secret.txt",
    "/link/",
    "/link",
    "/no-such-file.html",
    "/index.html/",
    "/" + "x" * 5000,
    "/" + "../" * 2000 + "etc/passwd",
]


def test_nothing_outside_public_can_be_read(site):
    """Whatever way out is asked for, there is no such page, and the terminal stays quiet."""
    for path in OUTSIDE:
        for method in ("GET", "HEAD"):
            with Wire(site.port, path=None) as client:
                client.send(raw_request(path, "Connection: close", method=method))
                status, headers = client.read_head()
                body = b"" if method == "HEAD" else client.read_body(headers)
            assert status in (301, 400, 404), (path, method)
            assert SECRET not in body and b"root:" not in body and b"import" not in body, path
            if status == 301:  # a folder without its slash: it may only lead to itself
                assert headers["location"].startswith("/") and "//" not in headers["location"]
    assert site.errors == ""


def test_moved_does_not_lead_to_another_computer(site):
    """A path that begins with two slashes names a computer: it is not sent back as it came."""
    for path in ("//folder", "//folder/..//folder", "//example.com/%2e%2e/folder", "/\\folder"):
        with Wire(site.port, path=None) as client:
            client.send(raw_request(path, "Connection: close"))
            headers = client.read_head()[1]
        assert not headers.get("location", "/").startswith(("//", "/\\", "http"))


@posix_only
def test_link_that_stays_inside(site):
    assert ask(site, "/inside.png")[2] == PIXEL


@posix_only
def test_public_may_itself_be_a_link(start_server, tmp_path):
    """A student keeps the pages elsewhere: the lesson's folder says so, so it is allowed."""
    lesson, pages = copy_of_the_lesson(tmp_path), tmp_path / "pages"
    shutil.move(str(lesson / "public"), str(pages))
    (lesson / "public").symlink_to(pages)
    (tmp_path / "secret.txt").write_bytes(SECRET)
    server = start_server(FOLDER, cwd=lesson)
    assert ask(server, "/")[0] == 200
    assert ask(server, "/..%2fsecret.txt")[0] == 404


def test_folder_is_not_listed(site):
    status, _, body = ask(site, "/empty/")
    assert status == 404 and b"Directory listing" not in body
    status, _, body = ask(site, "/folder/")
    assert status == 200 and body == b"<title>folder</title>"
    os.remove(site.public / "index.html")
    status, _, body = ask(site, "/")
    assert status == 404 and b"script.js" not in body


def test_name_with_spaces_and_umlauts(site):
    status, headers, body = ask(site, "/gr%C3%BC%C3%9Fe%20an%20alle.html")
    assert status == 200 and "grüße" in body.decode()


def test_head(site):
    """HEAD says all that GET says, without the body."""
    for path, code in (("/", 200), ("/big.bin", 200), ("/none", 404)):
        got, got_headers, _ = ask(site, path)
        status, headers, body = ask(site, path, "HEAD")
        assert status == got == code and body == b""
        for name in ("Content-Type", "Content-Length", "X-Content-Type-Options", "Last-Modified"):
            assert headers[name] == got_headers[name]


def test_if_modified_since(site):
    """A page that the browser has already is not sent again."""
    _, headers, _ = ask(site, "/script.js")
    date = headers["Last-Modified"]
    status, headers, body = ask(site, "/script.js", If_Modified_Since=date)
    assert status == 304 and body == b""
    before = email.utils.formatdate(time.time() - 10 * 365 * 86400, usegmt=True)
    assert ask(site, "/script.js", If_Modified_Since=before)[0] == 200
    assert ask(site, "/script.js", If_Modified_Since="yesterday")[0] == 200


def test_changed_page_is_seen_at_the_next_reload(site):
    """The file is read anew for each request: a student edits and reloads."""
    _, headers, _ = ask(site, "/index.html")
    page = site.public / "index.html"
    page.write_text("<title>mine</title>")
    os.utime(page, (time.time() + 5, time.time() + 5))
    status, _, body = ask(site, "/index.html", If_Modified_Since=headers["Last-Modified"])
    assert status == 200 and body == b"<title>mine</title>"


@pytest.mark.browser
def test_browser_shows_a_changed_script_at_the_next_reload(site, open_page):
    """However old the files are: without a word, a browser keeps an old file for days."""
    script, month_ago = site.public / "script.js", time.time() - 30 * 86400
    for path in site.public.glob("*.*"):
        os.utime(path, (month_ago, month_ago))
    page = open_page(f"{site.http}/")
    before = script.read_text()
    script.write_text(before + 'document.body.append("changed by a student");\n')
    page.reload()
    page.get_by_text("changed by a student").wait_for()
    # The file from the course is put back; it is older.
    script.write_text(before)
    os.utime(script, (month_ago, month_ago))
    page.reload()
    page.get_by_text("Connected", exact=True).wait_for()
    assert page.get_by_text("changed by a student").count() == 0


def test_requests_in_one_piece_are_answered_in_order(site):
    """Several pages on one connection, long and short, and a WebSocket at the end of it."""
    with Wire(site.port, path=None) as client:
        client.send(
            raw_request("/picture.png")
            + raw_request("/big.bin")
            + raw_request("/", method="HEAD")
            + raw_request("/module.wasm")
            + request()
        )
        for body in (PIXEL, BIG):
            status, headers = client.read_head()
            assert status == 200 and client.read_body(headers) == body
        assert client.read_head()[0] == 200
        status, headers = client.read_head()
        assert status == 200 and client.read_body(headers) == b"\0asm"
        assert client.read_head()[0] == 101
        client.say("hello")
        assert client.hear() == "hello"


@pytest.mark.parametrize("kind", ["Content-Length: {}", "Transfer-Encoding: chunked"])
def test_body_of_a_get_is_not_the_next_request(site, kind):
    """What a request says is its body is never taken for a request: it could be somebody else's."""
    body = raw_request("/secret-wish")
    if "chunked" in kind:
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    with Wire(site.port, path=None) as client:
        client.send(raw_request("/picture.png", kind.format(len(body))) + body)
        client.send(raw_request("/module.wasm", "Connection: close"))
        answers = []
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                status, headers = client.read_head()
                answers.append((status, client.read_body(headers)))
    # Either both are answered, or the connection is given up: before the body, or after it.
    if answers[-1][0] == 400:
        del answers[-1]
    assert answers in ([], [(200, PIXEL)], [(200, PIXEL), (200, b"\0asm")])


def test_head_and_page_come_in_one_piece(site):
    """Sent one after the other, the second may wait for the first to be acknowledged: 40 ms."""
    with Wire(site.port, path=None) as client:
        for _ in range(20):
            client.send(raw_request("/picture.png"))
            assert client.socket.recv(65536).endswith(PIXEL)


def test_reader_that_goes_away(site):
    """Half a picture read, then gone: nothing is printed, and nobody else notices."""
    for _ in range(10):
        client = Wire(site.port, path=None, receive_buffer=4096)
        client.send(raw_request("/big.bin"))
        client.read_head()
        client.vanish()
    assert ask(site, "/picture.png")[2] == PIXEL
    assert site.errors == ""


def test_reader_that_stands_still(start_server):
    """A page that nobody takes does not hold its thread for ever, nor the server."""
    server = start_server(FOLDER)
    stalled = [Wire(server.port, path=None, receive_buffer=4096) for _ in range(20)]
    for client in stalled:
        client.send(raw_request("/script.js") * 50)
    assert ask(server, "/")[0] == 200
    for client in stalled:
        client.close()
    assert server.stop() == 0


def test_long_requests_of_one_who_does_not_read_hold_up_nobody(start_server):
    """The lock of the look-up isn't held while an answer waits for its reader."""
    # Nor would that answer ever be given up.
    server = start_server(FOLDER, settings={"REQUEST_TIME": 1000, "PING_AFTER": 1000})
    greedy = Wire(server.port, path=None, receive_buffer=4096, patience=0.5)
    # Each is answered with its own long address: a folder without its slash at the end.
    with contextlib.suppress(OSError):
        while True:
            greedy.send(raw_request("/.?" + "a" * 50_000))
    for path in ("/", "/?" + "a" * 3000):
        assert ask(server, path)[0] == 200
    greedy.close()


def test_other_methods(site):
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(site, "/", method)[0] in (405, 501)
