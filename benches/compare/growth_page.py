"""Growth as a table and as a plot."""

import math

import page

TITLES = {"bytes": "input, access log", "trail bytes": "input, CloudTrail gz (before compression)", "files": "files",
          "days": "days, which are partitions", "keys": "distinct keys"}

# One run is not exact: up to this factor nothing is called worse than linear.
TOLERANCE = 1.25

# Peak memory that is promised for any input, in MB.
PROMISED = {"detect": 100, "export": 128}
PROMISED_TRAIL = {"detect": 100, "export": 160}


def size_of(row):
    """Where a point stands on its axis."""
    measured = {"keys": "distinct_keys", "days": "partitions"}.get(row["axis"])
    name = {"trail bytes": "bytes"}.get(row["axis"], row["axis"])
    return row[measured] if measured else row[name]


def by_axis(rows):
    return {axis: [row for row in rows if row["axis"] == axis] for axis in TITLES if any(r["axis"] == axis for r in rows)}


def remark(before, row):
    """What is worse than linear in what grows, and what takes more memory than is promised."""
    told = []
    for command in ("detect", "export"):
        if before:
            # Rows come for nothing: only what a row costs counts.
            cost = (row[command]["seconds"] / row["rows"]) / (before[command]["seconds"] / before["rows"])
            allowed = 1 if row["axis"] in ("bytes", "trail bytes") else size_of(row) / size_of(before)
            if cost > TOLERANCE * max(1, allowed):
                told.append(f"{command} worse than linear")
        promised = (PROMISED_TRAIL if row.get("log") == "cloudtrail" else PROMISED)[command]
        if row[command]["peak"] / 1e6 > promised:
            told.append(f"{command} over {promised} MB")
    return told and f"**{', '.join(told)}**" or ""


def grown(rows):
    parts = []
    for axis, points in by_axis(rows).items():
        lines, before = [], None
        for row in points:
            cells = [f"{size_of(row):,}" if axis not in ("bytes", "trail bytes") else row["label"], f"{row['rows']:,}"]
            for command in ("detect", "export"):
                seconds, peak = row[command]["seconds"], row[command]["peak"]
                cells += [f"{seconds:.2f}", f"{seconds / row['rows'] * 1e9:.0f}", f"{peak / 1e6:.0f}"]
            cells.append(remark(before, row))
            lines.append(cells)
            before = row
        head = [TITLES[axis], "rows", "detect, s", "ns a row", "peak MB", "export, s", "ns a row", "peak MB", ""]
        parts.append(page.table(head, lines))
    return "\n\n".join(parts) + "\n\n![Time and memory over size](performance-growth.svg)"


COLOURS = {"detect": "#0b6e99", "export": "#b5502a"}
WIDTH, HEIGHT, LEFT, TOP, GAP = 250, 170, 60, 40, 60


def plot(rows):
    """Small plots side by side, one an axis: above nanoseconds a row, below peak memory; sizes are logarithmic."""
    axes = by_axis(rows)
    panels = []
    for column, (axis, points) in enumerate(axes.items()):
        for line, (title, value) in enumerate((
            ("ns a row", lambda row, command: row[command]["seconds"] / row["rows"] * 1e9),
            ("peak MB", lambda row, command: row[command]["peak"] / 1e6),
        )):
            left, top = LEFT + column * (WIDTH + GAP), TOP + line * (HEIGHT + GAP)
            panels.append(panel(axis, title, points, value, left, top))
    width, height = LEFT + len(axes) * (WIDTH + GAP), TOP + 2 * (HEIGHT + GAP)
    legend = "".join(
        f'<rect x="{LEFT + 90 * place}" y="8" width="12" height="12" fill="{colour}"/>'
        f'<text x="{LEFT + 90 * place + 17}" y="18">{command}</text>'
        for place, (command, colour) in enumerate(COLOURS.items()))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">'
            f'<rect width="{width}" height="{height}" fill="white"/>\n{legend}\n' + "\n".join(panels) + "\n</svg>\n")


def panel(axis, title, points, value, left, top):
    sizes = [size_of(row) for row in points]
    low, high = math.log10(min(sizes)), math.log10(max(sizes))
    top_value = nice(max(value(row, command) for row in points for command in COLOURS))
    def x(size):
        return left + (WIDTH * (math.log10(size) - low) / (high - low) if high > low else WIDTH / 2)
    def y(number):
        return top + HEIGHT - HEIGHT * number / top_value
    parts = [f'<text x="{left}" y="{top - 6}" font-weight="bold">{title} by {TITLES[axis].split(",")[0]}</text>']
    for share in (0, 0.5, 1):
        number = top_value * share
        parts.append(f'<line x1="{left}" x2="{left + WIDTH}" y1="{y(number):.1f}" y2="{y(number):.1f}" stroke="#ddd"/>'
                     f'<text x="{left - 5}" y="{y(number) + 4:.1f}" text-anchor="end">{number:g}</text>')
    for row, size in zip(points, sizes, strict=True):
        parts.append(f'<text x="{x(size):.1f}" y="{top + HEIGHT + 14}" text-anchor="middle">{short(size)}</text>')
    for command, colour in COLOURS.items():
        places = [f"{x(size):.1f},{y(value(row, command)):.1f}" for row, size in zip(points, sizes, strict=True)]
        parts.append(f'<polyline points="{" ".join(places)}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{place.split(",")[0]}" cy="{place.split(",")[1]}" r="3" fill="{colour}"/>' for place in places]
    return "".join(parts)


def nice(number):
    """The next of 1, 2, 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(number))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= number)


def short(number):
    for power, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= power:
            return f"{number / power:.3g} {unit}"
    return f"{number:g}"
