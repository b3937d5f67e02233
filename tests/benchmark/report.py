"""Makes a table from what measure.py found."""

import statistics

from measure import OURS

LEGEND = """
↑ more is better, ↓ less is better. In brackets: this course's figure divided by that one.
A speaker says the next thing when everybody has heard the last; messages are of 32 bytes where
nothing else is said.
"""


def as_number(value):
    """Returns a figure as text, with about three digits that mean something."""
    return f"{value:,.0f}" if value >= 100 or value == 0 else f"{value:.{1 if value >= 10 else 2}f}"


def as_cell(value, ours):
    """Returns a figure of the table, with this course's one in relation to it in brackets."""
    if not value or not ours:
        return as_number(value)
    ratio = ours / value
    return f"{as_number(value)} ({as_number(ratio) if ratio >= 0.1 else f'{ratio:.1g}'})"


def cells_of(figure, rounds, servers):
    """Returns the cells of one line, one for each server: the medians of the rounds."""
    medians = {
        name: statistics.median(figures[figure.key] for figures in found)
        for name, found in rounds.items()
        if found
    }
    for name in servers:
        if name in medians:
            yield as_cell(medians[name], None if name == OURS else medians.get(OURS))
        else:
            yield "failed" if name in rounds else ""


def as_text(results, notes):
    """Returns the table and the notes as Markdown that can be read on a terminal too."""
    servers = list(dict.fromkeys(name for _, rounds in results for name in rounds))
    lines = [["", "", *servers]]
    for row, rounds in results:
        for number, figure in enumerate(row.figures):
            label = f"{figure.label} {'↑' if figure.more else '↓'}"
            cells = cells_of(figure, rounds, servers)
            lines.append(["" if number else row.name, label, *cells])
    widths = [max(map(len, column)) for column in zip(*lines)]
    lines.insert(1, ["-" * width for width in widths])
    padded = [[cell.ljust(width) for cell, width in zip(line, widths)] for line in lines]
    table = [f"| {' | '.join(line)} |" for line in padded]
    return "\n".join([*table, LEGEND, *(f"- {note}" for note in notes)])
