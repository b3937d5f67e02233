"""What the tests of the p5.js client share: p5.js from npm, and what stands on the canvas."""

import json
import re

import course
from course import ROOT, TESTS
from playwright.sync_api import expect

FOLDER = ROOT / "p5js_client"
SCRIPT = re.compile(
    r'<script src="(https://cdn\.jsdelivr\.net/npm/p5@([0-9.]+)/lib/p5\.min\.js)"\s+'
    r'integrity="(sha384-[^"]+)"\s+crossorigin="anonymous"'
)


def p5_file(major):
    """Returns the path and the version of p5.js 1 or 2, as npm has brought it."""
    folder = TESTS / "node_modules" / f"p5-{major}"
    if not folder.exists():
        course.missing(f"p5.js {major} is not in tests/node_modules")
    version = json.loads((folder / "package.json").read_text("utf-8"))["version"]
    return folder / "lib" / "p5.min.js", version


def give_p5(page, major=2):
    """Lets the page have p5.js without the network, in a browser of 2023."""
    page.add_init_script("delete URL.canParse")
    path, headers = p5_file(major)[0], {"Access-Control-Allow-Origin": "*"}
    page.route(
        "https://cdn.jsdelivr.net/**", lambda route: route.fulfill(path=path, headers=headers)
    )


def lines_for(major):
    """The element that loads p5.js: of version 2 in index.html, of version 1 in the README."""
    text = (FOLDER / ("index.html" if major == 2 else "README.md")).read_text("utf-8")
    return SCRIPT.search(text)


def frames(page, count=3):
    """Waits until so many more frames have been drawn."""
    page.wait_for_function("goal => frameCount >= goal", arg=page.evaluate("frameCount") + count)


def picture(page):
    """What is on the canvas, once everything that has come is drawn."""
    frames(page)
    return page.evaluate("document.querySelector('canvas').toDataURL()")


def shown(page, text):
    """Waits until this is the last message."""
    expect(page.locator("#latest")).to_have_text(text[:200])


def resize(page, wide, high):
    """Gives the window another size, if it has not, and waits until the canvas has followed."""
    page.set_viewport_size({"width": wide, "height": high})
    page.wait_for_function("""() => {
      const place = document.querySelector("main");
      return width === place.clientWidth && height === place.clientHeight;
    }""")
    frames(page)


def drawn(page):
    """Draws once more, and returns lines and dots, as [x, y], and texts with their box."""
    return page.evaluate("""() => {
      const lines = [], dots = [], texts = [];
      const original = { vertex, beginShape, circle, text };
      // Where a point of the sketch is on the canvas, after every translate().
      const place = (x, y) => {
        const { a, d, e, f } = drawingContext.getTransform();
        return [(a * x + e) / pixelDensity(), (d * y + f) / pixelDensity()];
      };
      const own = {
        beginShape() { lines.push([]); original.beginShape(); },
        circle(x, y, wide) { dots.push(place(x, y)); original.circle(x, y, wide); },
        vertex(x, y) { lines.at(-1).push(place(x, y)); original.vertex(x, y); },
        text(words, x, y, wide = textWidth(String(words)), high = textSize()) {
          const left = x - (textAlign().horizontal === "right" ? wide : 0);
          if (words !== "") texts.push({ words: String(words), x: place(left, y)[0],
            y: place(left, y)[1], wide, high });
          original.text(...arguments);
        },
      };
      const give = (functions) => {
        for (const [name, value] of Object.entries(functions))
          Object.defineProperty(window, name, { value, configurable: true, writable: true });
      };
      give(own);
      draw();
      give(original);
      return { lines, dots, texts, width, height };
    }""")
