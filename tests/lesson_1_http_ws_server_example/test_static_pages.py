"""The pages: the right files, sound that can be wound, and nothing outside public/."""

import contextlib
import http.client
import os
import shutil
import time
import wave

import pytest
from course import PATIENCE, ROOT, posix_only
from wire import Wire

FOLDER = "http_ws_server_example"
SECRET = b"only the teacher may read this"
PIXEL = b"\x89PNG\r\n\x1a\n"
BIG = bytes(range(256)) * 4000
SIZE = len(BIG)


@pytest.fixture
def copy_of_the_lesson(tmp_path):
    ignore = shutil.ignore_patterns("__pycache__")
    return shutil.copytree(ROOT / FOLDER, tmp_path / "lesson", ignore=ignore)


@pytest.fixture
def site(start_server, copy_of_the_lesson):
    """A copy of the lesson with more files in public/, and secrets beside it.

    The computer has wrong types for files.
    """
    lesson = copy_of_the_lesson
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
    with wave.open(str(public / "sound.wav"), "wb") as sound:
        sound.setparams((1, 2, 44100, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 44100 * 60))
    (public / "sound.html").write_text('<audio src="sound.wav" muted></audio>')
    (lesson / "secret.txt").write_bytes(SECRET)
    (lesson / "public_secret").mkdir()
    (lesson / "public_secret" / "secret.txt").write_bytes(SECRET)
    if os.name == "posix":
        (public / "link.txt").symlink_to(lesson / "secret.txt")
        (public / "link").symlink_to(lesson / "public_secret")
    server = start_server(FOLDER, cwd=lesson, PYTHONPATH=lesson)
    server.public = public
    return server


def ask(server, path="/", method="GET", **headers):
    """Returns status, headers and body of the answer to one request."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


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
        ("/gr%C3%BC%C3%9Fe%20an%20alle.html", ["text/html"]),
    ],
)
def test_type_of_a_file(site, path, types):
    """Browsers take the type from the server, and are told not to guess.

    Some Windows computers have it that .js is plain text: browsers then refuse it.
    """
    status, headers, _ = ask(site, path)
    assert status == 200 and headers.get_content_type() in types
    assert headers["X-Content-Type-Options"] == "nosniff"


OUTSIDE = r"""
/../secret.txt /../../lesson/secret.txt /folder/../../secret.txt /%2e%2e/secret.txt
/%2e%2e%2fsecret.txt /..%2fsecret.txt /.%2e/secret.txt /%252e%252e/secret.txt /..%5csecret.txt
/..\secret.txt /\..\secret.txt /....//secret.txt /..;/secret.txt /%c0%ae%c0%ae/secret.txt
/../public_secret/secret.txt /_secret/secret.txt ../secret.txt ..%2fsecret.txt //secret.txt
///etc/passwd /etc/passwd //etc/passwd /%2fetc%2fpasswd /C:/Windows/win.ini
/C:%5cWindows%5cwin.ini file:///etc/passwd http://localhost/../secret.txt /index.html%00.png
/%00 /../secret.txt%00.html /secret.txt /server.py /sturdy_websocket.py /pages.py
/../server.py /link.txt /link/secret.txt /link/ /link /no-such-file.html /index.html/
//folder //folder/..//folder //example.com/%2e%2e/folder /\folder
""".split()  # noqa: SIM905
OUTSIDE += ["/" + "x" * 5000, "/" + "../" * 2000 + "etc/passwd"]


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
            if status == 301:  # a folder without its slash; //example.com/ is another computer
                assert headers["location"] == "/folder/"
    assert site.errors == ""


def test_folder_is_not_listed(site):
    status, _, body = ask(site, "/empty/")
    assert status == 404 and b"Directory listing" not in body
    status, _, body = ask(site, "/folder/")
    assert status == 200 and body == b"<title>folder</title>"
    os.remove(site.public / "index.html")
    status, _, body = ask(site, "/")
    assert status == 404 and b"script.js" not in body


def test_head(site):
    """HEAD says all that GET says, without the body."""
    for path, code in (("/", 200), ("/big.bin", 200), ("/none", 404)):
        got, got_headers, _ = ask(site, path)
        status, headers, body = ask(site, path, "HEAD")
        assert status == got == code and body == b""
        for name in ("Content-Type", "Content-Length", "X-Content-Type-Options", "Last-Modified"):
            assert headers[name] == got_headers[name]


@pytest.mark.browser
def test_browser_shows_a_changed_script_at_the_next_reload(site, open_page):
    """Unless the server says otherwise, a browser keeps an old file for days."""
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


def test_body_of_a_get_is_not_the_next_request(site):
    """It may be somebody else's, where a proxy sends the requests of many on one connection."""
    body = raw_request("/secret-wish")
    with Wire(site.port, path=None) as client:
        client.send(raw_request("/picture.png", f"Content-Length: {len(body)}") + body)
        client.send(raw_request("/picture.png", "Connection: close"))
        with contextlib.suppress(EOFError, ConnectionError):
            while True:
                status, headers = client.read_head()
                assert status == 200 and client.read_body(headers) == PIXEL


def test_reader_that_goes_away(site):
    """Half a picture read, then gone: nothing is printed, and nobody else notices."""
    for _ in range(10):
        client = Wire(site.port, path=None, receive_buffer=4096)
        client.send(raw_request("/big.bin"))
        client.read_head()
        client.vanish()
    assert ask(site, "/picture.png")[2] == PIXEL
    assert site.errors == ""


@pytest.mark.parametrize(
    "asked, first, end",
    [
        ("0-0", 0, 1),
        ("100-299", 100, 300),
        ("1000-", 1000, SIZE),
        ("-500", SIZE - 500, SIZE),
        ("0-", 0, SIZE),
        (f"-{SIZE * 2}", 0, SIZE),
    ],
)
def test_part_of_a_file(site, asked, first, end):
    status, headers, body = ask(site, "/big.bin", Range=f"bytes={asked}")
    assert status == 206 and body == BIG[first:end]
    assert headers["content-range"] == f"bytes {first}-{end - 1}/{SIZE}"


@pytest.mark.parametrize("asked", [f"{SIZE}-", "-0"])
def test_part_behind_the_end(site, asked):
    status, headers, _ = ask(site, "/big.bin", Range=f"bytes={asked}")
    assert status == 416 and headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize("asked", ["bytes=0-1,5-6", "bytes=-", "lines=1-2", "bytes=x-"])
def test_whole_file_for_what_is_no_part(site, asked):
    status, headers, body = ask(site, "/big.bin", Range=asked)
    assert (status, body) == (200, BIG) and headers["accept-ranges"] == "bytes"


@pytest.mark.browser
def test_sound_can_be_wound_in_a_browser(site, open_page):
    page = open_page(f"{site.http}/sound.html")
    page.wait_for_function("document.querySelector('audio').readyState >= 1")
    length = page.evaluate("document.querySelector('audio').seekable.end(0)")
    assert round(length) == 60
    page.evaluate("const a = document.querySelector('audio'); a.currentTime = 30; a.play()")
    page.wait_for_function("document.querySelector('audio').currentTime > 30.2")
    assert page.evaluate("document.querySelector('audio').currentTime") < 45


def test_slow_phone_gets_the_whole_file(start_server, copy_of_the_lesson):
    """It takes some of it again and again, for longer than SILENCE."""
    film = BIG * 12
    (copy_of_the_lesson / "public" / "film.mp4").write_bytes(film)
    server = start_server(FOLDER, cwd=copy_of_the_lesson, settings={"SILENCE": 2})
    with Wire(server.port, path=None, receive_buffer=4096) as phone:
        phone.send(raw_request("/film.mp4"))
        phone.read_head()
        begin, body = time.monotonic(), b""
        while time.monotonic() < begin + 5:
            body += phone.pump(phone.reader.read_exact(2048))
            time.sleep(0.05)  # so slow is the phone
        body += phone.pump(phone.reader.read_exact(len(film) - len(body)))
    assert body == film


@posix_only
def test_pipe_is_no_page(site):
    """It would never end, and everybody else would wait for it."""
    os.mkfifo(site.public / "slow.txt")
    assert ask(site, "/slow.txt")[0] == 404
    assert ask(site, "/index.html")[2] == (ROOT / FOLDER / "public" / "index.html").read_bytes()


@pytest.mark.parametrize(
    "path",
    ["/con", "/CONIN$", "/nul.txt", "/com1", "/\\folder", "/page.js.", "/page.js%20", "/a%5cb"],
)
def test_names_that_mean_something_else_on_windows(site, path):
    """There is no such page on any system, though here there could be a file of that name."""
    if "\\" not in path and "%5c" not in path and os.name == "posix":
        (site.public / path[1:].replace("%20", " ")).write_text("a page")
    status, headers, _ = ask(site, path)
    assert status == 404 and "location" not in headers
