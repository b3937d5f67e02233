"""Makes a table from what measure.py found."""

import statistics

from measure import OURS

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
