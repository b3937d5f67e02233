"""What the log pages send and show: every kind of message, many of them, and dangerous ones."""

import re

import pytest
from pages import FLOOD, flood, has_state, in_view, lines, no_errors, send
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_sending(visit):
    page = visit()[1]
    field = page.locator("#outgoing")
    field.press("Enter")
    send(page, "same")
    send(page, "same")
    field.fill("by the button 👋")
    page.locator("#send").click()
    field.fill("Tab sends nothing")
    page.keyboard.press("Tab")
    send(page, '"last"')
    # Arrow up brings back the last one, but never in place of what is being typed.
    field.press("ArrowUp")
    expect(field).to_have_value('"last"')
    field.fill("more")
    field.press("ArrowUp")
    expect(field).to_have_value("more")
    for kind in ("sent", "received"):
        expect(lines(page, kind)).to_have_text(["same", "same", "by the button 👋", '"last"'])
    # A phone changes nothing in a message: no capital letters, no curly quotes.
    for name in ("autocapitalize", "autocorrect", "autocomplete"):
        assert field.get_attribute(name) == "off"
    assert field.get_attribute("spellcheck") == "false"


def test_messages_are_shown_and_never_run(visit):
    page = visit()[1]
    title = page.title()
    bad = [
        '<img src=x onerror="document.title = 1">',
        "</script><script>document.title = 1</script>",
        '["<svg onload=document.title=1>"]',
        "<b>bold</b> & &amp;",
    ]
    for text in bad:
        send(page, text)
    for kind in ("sent", "received"):
        expect(lines(page, kind)).to_have_text(bad)
    assert page.locator("img, svg, main script, #messages span *").count() == 0
    assert page.title() == title
    no_errors(page)


def test_every_kind_of_message(visit, connect):
    server, page = visit()
    other = connect(server.url)
    for message in ["512", b"\x00\x01\xff", bytes(100), b"", "two\nlines"]:
        other.send(message)
    expect(lines(page, "received").last).to_have_text("two\nlines")
    assert [text.strip() for text in lines(page, "received").all_inner_texts()] == [
        "512", "3-byte message: 00 01 ff", "100-byte message:" + " 00" * 16 + " …",
        "0-byte message:", "two\nlines"]  # fmt: skip
    # A page cuts such a message in pieces on its way; of what comes back, it shows a part.
    page.locator("#outgoing").evaluate("(field) => { field.value = 'ä'.repeat(200000); }")
    page.locator("#outgoing").press("Enter")
    expect(lines(page, "received").last).to_have_text("ä" * 2000 + " … (200000 characters)")


def test_json_can_be_unfolded(visit):
    page = visit()[1]
    for text in ('{"sensor": 512, "tags": ["<b>"]}', "{not JSON", "512"):
        send(page, text)
    expect(lines(page, "received")).to_have_count(3)
    [details] = page.locator("#messages details").all()
    unfolded = 'JSON{\n  "sensor": 512,\n  "tags": [\n    "<b>"\n  ]\n}'
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    assert details.evaluate("(each) => [each.open, each.textContent]") == [True, unfolded]


def test_the_log_and_what_is_said_about_it(visit):
    page = visit()[1]
    hint = page.locator("#empty")
    expect(hint).to_have_text("No messages yet. Type one below and press Enter.")
    expect(page.locator("#count")).to_be_empty()
    send(page, "hello")
    send(page, "hi")
    expect(lines(page, "received")).to_have_text(["hello", "hi"])
    expect(hint).to_be_hidden()
    time = page.locator("#messages .received time").last.inner_text()
    assert re.fullmatch(r"\d\d:\d\d:\d\d", time)
    expect(page.locator("#count")).to_have_text(f"2 received, last {time}")
    page.locator("#copy").click()
    expect(page.locator("#copy")).to_have_text("Done")
    page.locator("#clear").click()
    expect(page.locator("#messages li")).to_have_count(0)
    page.locator("#outgoing").focus()
    page.keyboard.press("ControlOrMeta+v")
    expect(page.locator("#outgoing")).to_have_value(re.compile(r"\d  sent  hello.*received  hi"))
    # What to do is said only while it works.
    expect(hint.locator("span")).to_be_visible()
    page.locator("#disconnect").click()
    expect(hint.locator("span")).to_be_hidden()
    expect(hint).to_be_visible()


def test_a_thousand_messages_a_second_and_the_page_answers(start_server, connect, js_client):
    """None is lost, and they stand in the log in their order."""
    server = start_server("http_ws_server_example")
    page, other = js_client(server.port), connect(server.url)
    has_state(page, "Connected")
    delays = flood(page, other, "message {}")
    expect(lines(page, "received").last).to_have_text(f"message {FLOOD}")
    expect(page.locator("#count")).to_contain_text(f"{FLOOD} received")
    newest = [f"message {number}" for number in range(FLOOD - 499, FLOOD + 1)]
    assert lines(page, "received").all_text_contents() == newest
    assert in_view(page, lines(page, "received").last)
    # Half of them: on a busy machine, a few may be late.
    assert delays[len(delays) // 2] < 500
    no_errors(page)


def test_newest_in_view_unless_scrolled_up(visit, connect):
    server, page = visit()
    other = connect(server.url)
    shown, button = lines(page, "received"), page.locator("#newest")

    def scroll_up():
        page.evaluate("log.scrollTop = -500")
        page.evaluate("new Promise(requestAnimationFrame)")

    for number in range(60):
        other.send(f"message {number}")
    expect(shown).to_have_count(60)
    assert in_view(page, shown.last)
    scroll_up()
    other.send("something new")
    expect(shown.last).to_have_text("something new")
    assert not in_view(page, shown.last)
    # A button leads to what has come meanwhile; what you send yourself brings it into view.
    button.press("Enter")
    expect(button).to_be_hidden()
    expect(page.locator("#log")).to_be_focused()
    assert in_view(page, shown.last)
    scroll_up()
    send(page, "my own")
    expect(shown.last).to_have_text("my own")
    assert in_view(page, shown.last)
    expect(button).to_be_hidden()
