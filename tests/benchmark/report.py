"""Makes a table, and a picture of some of its lines, from what measure.py found."""

import html
import statistics

from measure import OURS

# The lines of the table that are in the picture: row and key.
PICTURE = [
    ("one speaker to 100 clients", "cpu_us_per_delivery"),
    ("100 clients, everyone speaks", "deliveries_per_second"),
    ("round trip of 1 MiB", "mb_per_second"),
    ("round trip of 16 MiB", "peak_mib"),
    ("come and go, 32 at a time", "connects_per_second"),
    ("1,000 idle clients", "mib"),
    ("one of 11 clients stops reading", "silence_ms"),
    ("static page, 10 connections", "requests_per_second"),
]


def median(rounds, key):
    """Returns the median of a figure over the rounds, or None if there was no round."""
    return statistics.median(figures[key] for figures in rounds) if rounds else None


def as_number(value):
    """Returns a figure as text, with about three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.{1 if value >= 10 else 2}f}"


def as_cell(value, ours):
    """Returns a figure of the table, with this course's one in relation to it in brackets."""
    if value is None:
        return "failed"
    if not value or not ours:
        return as_number(value)
    ratio = ours / value
    return f"{as_number(value)} ({as_number(ratio) if ratio >= 0.1 else f'{ratio:.1g}'})"


def table_lines(results):
    """Returns the table as a list of rows, each a list of texts; the first is the heading."""
    servers = list(dict.fromkeys(name for row, rounds in results for name in rounds))
    lines = [["", "", *servers, "load, server"]]
    for row, rounds in results:
        # Where the load generator was busiest, beside that server: had it time to spare?
        busy = max(([median(each, key) for key in ("load_percent", "server_percent")]
                    for each in rounds.values() if each), default=[0, 0])  # fmt: skip
        busy = "{:.0f} %, {:.0f} %".format(*busy)
        for i, figure in enumerate(row.figures):
            medians = {name: median(rounds[name], figure.key) for name in rounds}
            ours = medians[OURS]
            cells = [
                as_cell(medians[name], None if name == OURS else ours) if name in medians else ""
                for name in servers
            ]
            label = f"{figure.label} {'↑' if figure.more else '↓'}"
            lines.append(["" if i else row.name, label, *cells, "" if i else busy])
    return lines


def as_text(results, notes):
    """Returns the table and the notes as Markdown that can be read on a terminal too."""
    lines = table_lines(results)
    widths = [max(map(len, column)) for column in zip(*lines)]
    text = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
        for line in lines
    ]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(
        [
            *text,
            "",
            "↑ more is better, ↓ less is better. In brackets: this course's figure divided by "
            "that one.",
            "A speaker says the next thing when everybody has heard the last; messages are of "
            "32 bytes where nothing else is said.",
            "load, server: the CPU use of the load generator where it was busiest, and of the "
            "server beside it, of one core each. The smaller the first, the more it is the "
            "server that is measured.",
            "",
            *(f"- {note}" for note in notes),
        ]
    )


def as_picture(results, notes):
    """Returns an SVG with a group of bars for each line of PICTURE, two groups side by side."""
    found = {(row.name, figure.key): (row, figure, rounds)
             for row, rounds in results for figure in row.figures}  # fmt: skip
    groups = [bars(*found[key]) for key in PICTURE if key in found]
    parts, bottom = [], [34, 34]
    for i, (group, height) in enumerate(groups):
        column = i % 2
        parts.append(f'<g transform="translate({20 + 430 * column} {bottom[column]})">{group}</g>')
        bottom[column] += height
    height = max(bottom) + 34
    # The sentence about when and where is too long for one line.
    for i, line in enumerate(notes[0].split("; ", 1)):
        parts.append(
            f'<text x="20" y="{height - 28 + 16 * i}" font-size="11" fill="#666">'
            f"{html.escape(line)}</text>"
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 880 {height}" role="img" '
        'font-family="system-ui, sans-serif" font-size="12">\n'
        "<title>The course's servers beside others</title>\n"
        f'<rect width="880" height="{height}" rx="8" fill="#fff"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def bars(row, figure, rounds):
    """Returns a group of the picture as (SVG text, height)."""
    medians = {name: median(rounds[name], figure.key) for name in rounds}
    most = max((value for value in medians.values() if value), default=1)
    better = "more" if figure.more else "less"
    parts = [
        f'<text font-weight="bold" fill="#222">{html.escape(row.name)}</text>'
        f'<text y="16" fill="#666">{html.escape(figure.label)} ({better} is better)</text>'
    ]
    for i, (name, value) in enumerate(medians.items()):
        y, width = 25 + 19 * i, 184 * (value or 0) / most
        text = "failed" if value is None else as_number(value)
        weight, colour = ("bold", "#00695c") if name == OURS else ("normal", "#b0bec5")
        parts.append(
            f'<text x="146" y="{y + 11}" text-anchor="end" font-weight="{weight}" fill="#222">'
            f"{html.escape(name)}</text>"
            f'<rect x="154" y="{y}" width="{width:.1f}" height="14" fill="{colour}"/>'
            f'<text x="{160 + width:.1f}" y="{y + 11}" fill="#222">{text}</text>'
        )
    return "".join(parts), 25 + 19 * len(medians) + 28
