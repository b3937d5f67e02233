"""Makes a table from what measure.py found."""

import statistics

from measure import FIGURES, OURS

LEGEND = """
↑ more is better, ↓ less is better. In brackets: this course's figure divided by that one.
A speaker says the next thing when everybody has heard the last; messages are of 32 bytes where
nothing else is said.
"""


def as_number(value):
    """Returns a figure as text, with about three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.3g}"


def as_cell(key, server, rounds):
    """Returns a figure of the table: the median, and this course's one divided by it."""
    if not rounds.get(server):
        return "failed" if server in rounds else ""
    median = statistics.median(figures[key] for figures in rounds[server])
    if server == OURS or not median or not rounds[OURS]:
        return as_number(median)
    ours = statistics.median(figures[key] for figures in rounds[OURS])
    return f"{as_number(median)} ({as_number(ours / median)})"


def as_text(results, about):
    """Returns the table and what it is about as Markdown that can be read on a terminal too."""
    servers = list(dict.fromkeys(name for _, rounds in results for name in rounds))
    lines = [["", "", *servers]]
    for row, rounds in results:
        for key in row.figures:
            name = row.name if key == row.figures[0] else ""
            cells = [as_cell(key, server, rounds) for server in servers]
            lines.append([name, FIGURES[key], *cells])
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    padded = [[cell.ljust(width) for cell, width in zip(line, widths)] for line in lines]
    table = [f"| {' | '.join(line)} |" for line in padded]
    return "\n".join([*table, LEGEND, f"- {about}"])
