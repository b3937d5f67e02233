"""The pictures: two windows talking, made from the real pages; drawings, whole, light and dark."""

import base64
import os

import pytest
from course import ROOT

FOLDER = ROOT / "http_ws_server_example"
# Two devices on a desk: each shows a screenshot that is taken below.
DESK = """<style>
  body {{ margin: 0; padding: 12px; display: flex; gap: 32px; justify-content: center;
    align-items: center; background: {desk}; }}
  div {{ border-radius: 12px; overflow: hidden; border: 1px solid {edge};
    box-shadow: 0 12px 32px rgb(0 0 0 / 25%); }}
  div.window {{ border-top: 26px solid {edge}; }}
  div.phone {{ border: 10px solid {frame}; border-radius: 30px; }}
  img {{ display: block; }}
</style>
<div class="window"><img width="760" src="data:image/png;base64,{window}"></div>
<div class="phone"><img width="272" src="data:image/png;base64,{phone}"></div>"""
COLOURS = {
    "light": {"desk": "#ffffff", "edge": "#c9d0dc", "frame": "#15181f"},
    "dark": {"desk": "#0d1117", "edge": "#4b5568", "frame": "#4b5568"},
}


@pytest.mark.parametrize("scheme, name", [("light", "two_windows"), ("dark", "two_windows_dark")])
def test_picture_of_two_windows(start_server, open_page, tmp_path, scheme, name):
    """A computer and a phone hear each other; SCREENSHOTS=1 puts the picture into the folder."""
    server = start_server("http_ws_server_example", port=3000 if keep(name) else None)
    address = f"http://localhost:{server.port}/"
    look = {"color_scheme": scheme, "device_scale_factor": 2}
    window = open_page(address, viewport={"width": 1000, "height": 700}, **look)
    phone = open_page(address, viewport={"width": 390, "height": 790}, has_touch=True, **look)
    for page in (window, phone):
        page.get_by_text("Connected", exact=True).wait_for()
    for page, text in ((window, "Hello from the laptop"), (phone, "Hi! This is the phone"),
                       (window, '{"light": 512}')):  # fmt: skip
        page.get_by_role("textbox", name="Message").fill(text)
        page.keyboard.press("Enter")
        for each in (window, phone):
            each.locator("#messages .received", has_text=text).wait_for()
    # A phone of its own would show the address that it has typed.
    phone.evaluate(
        "document.body.innerHTML = document.body.innerHTML.replace(/localhost/g, '192.168.1.23')"
    )
    shots = {
        "window": base64.b64encode(window.screenshot()).decode(),
        "phone": base64.b64encode(phone.screenshot()).decode(),
    }
    size = {"width": 1130, "height": 620}
    desk = open_page("about:blank", viewport=size, device_scale_factor=1.5)
    desk.set_content(DESK.format(**COLOURS[scheme], **shots))
    target = FOLDER if keep(name) else tmp_path
    desk.screenshot(path=target / f"{name}.png")
    assert (target / f"{name}.png").stat().st_size < 400_000


def keep(name):
    """Tells whether the picture belongs into the course's folder."""
    return "SCREENSHOTS" in os.environ or not (FOLDER / f"{name}.png").exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("picture", sorted(ROOT.glob("*/*.svg")), ids=lambda path: path.stem)
def test_drawing_fits_its_frame_and_is_readable(open_page, picture, scheme):
    """Nothing is cut off, and what is written stands out from what is behind it."""
    page = open_page(picture.as_uri(), color_scheme=scheme)
    outside, text = page.evaluate("""() => {
        const frame = document.documentElement.viewBox.baseVal;
        const boxes = [...document.querySelectorAll("text, rect, path, circle")].map(
            (each) => each.getBoundingClientRect());
        const outside = boxes.filter((box) => box.left < 0 || box.top < 0 ||
            box.right > frame.width + 1 || box.bottom > frame.height + 1);
        return [outside.length, getComputedStyle(document.querySelector("text:not([class])")).fill];
    }""")
    assert outside == 0
    assert text == {"light": "rgb(31, 35, 40)", "dark": "rgb(230, 237, 243)"}[scheme]
