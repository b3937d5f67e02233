"""The picture on the first page: two windows talking, made from the real pages."""

import base64
import os

import pytest
from course import ROOT
from pages import has_state, send

FOLDER = ROOT / "http_ws_server_example"
# Two devices on a desk: each shows a screenshot that is taken below.
DESK = """<style>
  body {{ margin: 0; padding: 12px; display: flex; gap: 32px; justify-content: center;
    align-items: center; background: {desk}; }}
  img {{ border: 10px solid {edge}; border-radius: 30px; }}
  img.window {{ border-width: 26px 1px 1px; border-radius: 12px; }}
</style>
<img class="window" width="760" src="data:image/png;base64,{0}">
<img width="272" src="data:image/png;base64,{1}">"""
COLORS = {
    "light": {"desk": "#ffffff", "edge": "#c9d0dc"},
    "dark": {"desk": "#0d1117", "edge": "#4b5568"},
}


@pytest.mark.parametrize("scheme, name", [("light", "two_windows"), ("dark", "two_windows_dark")])
def test_picture_of_two_windows(start_server, open_page, tmp_path, scheme, name):
    """A computer and a phone hear each other; SCREENSHOTS=1 puts the picture into the folder."""
    is_kept = "SCREENSHOTS" in os.environ
    server = start_server("http_ws_server_example", port=3000 if is_kept else None)
    address = f"http://localhost:{server.port}/"
    look = {"color_scheme": scheme, "device_scale_factor": 2}
    window = open_page(address, viewport={"width": 1000, "height": 700}, **look)
    phone = open_page(address, viewport={"width": 390, "height": 790}, has_touch=True, **look)
    for page in (window, phone):
        has_state(page, "Connected")
    for page, text in ((window, "Hello from the laptop"), (phone, "Hi! This is the phone"),
                       (window, '{"light": 512}')):  # fmt: skip
        send(page, text)
        for each in (window, phone):
            each.locator("#messages .received", has_text=text).wait_for()
    # A phone of its own would show the address that it has typed.
    phone.evaluate(
        "document.body.innerHTML = document.body.innerHTML.replace(/localhost/g, '192.168.1.23')"
    )
    shots = [base64.b64encode(page.screenshot()).decode() for page in (window, phone)]
    size = {"width": 1130, "height": 620}
    desk = open_page("about:blank", viewport=size, device_scale_factor=1.5)
    desk.set_content(DESK.format(*shots, **COLORS[scheme]))
    target = FOLDER if is_kept else tmp_path
    desk.screenshot(path=target / f"{name}.png")
    assert (target / f"{name}.png").stat().st_size < 400_000
