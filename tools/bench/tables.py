"""Tables of text: heading and rows of cells, for a terminal and for Markdown."""

from __future__ import annotations


def aligned(rows: list[list[str]]) -> list[str]:
    """Lines with columns of equal width."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def markdown(rows: list[list[str]]) -> list[str]:
    """Lines of a Markdown table."""
    head, *body = rows
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *(f"| {' | '.join(row)} |" for row in body)]
