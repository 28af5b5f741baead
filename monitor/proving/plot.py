"""Draws detection by kind of fault and severity: an SVG that reads on light and dark pages."""

from __future__ import annotations

from html import escape

from monitor.proving.findings import Detection, Findings

_LEFT, _TOP, _CELL, _ROW, _FOOT = 150, 62, 96, 26, 56
_COLOUR, _MISSED = "#2878b5", "#8884"
_TEXT = 'font-family="sans-serif" font-size="12" fill="#777"'


def svg(findings: Findings) -> str:
    """Return the picture: a row a kind, a column a severity; the fuller a cell, the more was caught.

    In a cell stand what was caught of what was injected, and the median delay in windows.
    """
    kinds = list(dict.fromkeys(item.fault for item in findings.detections))
    levels = list(dict.fromkeys((item.level, item.noncentrality) for item in findings.detections))
    width, height = _LEFT + _CELL * max(len(levels), 3) + 10, _TOP + _ROW * len(kinds) + _FOOT
    title = f"{findings.monitor}: what is caught within {findings.within} windows"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" {_TEXT}>',
        f"<title>{escape(title)}</title>",
        f'<text x="4" y="18" font-size="14">{escape(title)}</text>',
    ]
    for column, (level, noncentrality) in enumerate(levels):
        x = _LEFT + _CELL * column + _CELL // 2
        parts.append(f'<text x="{x}" y="{_TOP - 22}" text-anchor="middle">{escape(level)}</text>')
        parts.append(f'<text x="{x}" y="{_TOP - 8}" text-anchor="middle" font-size="10">λ = {noncentrality:g}</text>')
    places = {(item.fault, item.level): item for item in findings.detections}
    for row, kind in enumerate(kinds):
        y = _TOP + _ROW * row
        parts.append(f'<text x="{_LEFT - 10}" y="{y + 17}" text-anchor="end">{escape(kind)}</text>')
        for column, (level, _) in enumerate(levels):
            item = places.get((kind, level))
            if item is not None:
                parts += _cell(item, _LEFT + _CELL * column, y)
    pages = findings.false_pages
    notes = (
        "caught / injected, median delay in windows; λ: noncentrality in one window",
        f"without a fault {pages.pages} pages in {pages.windows} windows, {findings.rows_per_window} rows in each",
    )
    for number, note in enumerate(notes):
        parts.append(f'<text x="4" y="{height - 28 + 16 * number}" font-size="11">{escape(note)}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _cell(item: Detection, x: int, y: int) -> list[str]:
    """Return a cell: a frame that is filled from the left as far as injections were caught, and what it says."""
    width, height = _CELL - 6, _ROW - 5
    full = round(width * item.ratio, 1)
    said = f"{item.caught}/{item.injections}"
    said += f", {item.median_delay:g}" if item.median_delay is not None else ""
    title = f"{item.fault}, {item.level}: {item.ratio:.0%} caught (95 %: {item.lower:.0%} to {item.upper:.0%})"
    return [
        f"<g><title>{escape(title)}</title>",
        f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="3" fill="{_MISSED}"/>',
        f'<rect x="{x}" y="{y}" width="{full}" height="{height}" rx="3" fill="{_COLOUR}" opacity="0.55"/>',
        f'<text x="{x + width / 2:g}" y="{y + 15}" text-anchor="middle">{said}</text></g>',
    ]
