"""What was measured, as text: the sections of docs/performance.md."""

import shlex

import machine
from gates import FIRST_OUTPUT_MS, GATES, ONE_FILE_RATIO, PEAK_MB, SIZE, START_COUNTS, TWO_THREADS, VERSION_MS

TITLES = {
    "access": "Access log, one file, to Parquet", "many": "Access log, 20,000 files, to Parquet",
    "detect": "Access log, detection", "trail": "CloudTrail, gzip, to Parquet",
    "trail_detect": "CloudTrail, gzip, detection",
}
OURS = {"zstd 3", "fast zstd 3", "default", "20,000 files", "the same in one file", "detect"}
MEASURED_PEAKS = {"access export": ("access", "zstd 3"), "many export": ("many", "20,000 files"),
                  "trail export": ("trail", "zstd 3"), "access detect": ("detect", "detect"),
                  "trail detect": ("trail_detect", "detect")}


def put(path, section, text):
    """Replaces what stands between the marks of a section."""
    old = path.read_text()
    begin, end = f"<!-- {section} -->", f"<!-- /{section} -->"
    head, _, rest = old.partition(begin)
    _, _, tail = rest.partition(end)
    path.write_text(f"{head}{begin}\n{text.strip()}\n{end}{tail}")


def compared(comparison, minutes):
    size = comparison.options.bytes
    parts = ["\n".join([*machine.described(),
                        f"Generated data, {size} of each log before compression; the run took {minutes:.0f} minutes."])]
    parts += [targets(comparison), own_targets(comparison), correctness(comparison)]
    parts += [timings(comparison, group) for group in TITLES if group in comparison.groups]
    parts += [sizes(comparison), commands(comparison)]
    return "\n\n".join(part for part in parts if part)


def table(head, rows):
    lines = [" | ".join(head), " | ".join("---" for _ in head), *(" | ".join(map(str, row)) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def verdict(value, gate, ambition, at_least=True):
    """Says in a word what came of it."""
    if gate is None:
        return ""
    holds = (lambda limit: value >= limit) if at_least else (lambda limit: value <= limit)
    if ambition is not None and holds(ambition):
        return "reached"
    return "gate holds" if holds(gate) else "**missed**"


def ratio(comparison, gate):
    """The fastest of the peers over ours: name, ratio, and the ratio without the peer's start."""
    runs = comparison.groups[gate.group]
    name = min(gate.peers, key=lambda peer: runs[peer].median)
    start = comparison.facts["start_s"][name.split()[0]]
    theirs, ours = runs[name].median, runs[gate.ours].median
    return name, theirs / ours, (theirs - start) / ours, start / theirs > START_COUNTS


def targets(comparison):
    rows = []
    for gate in GATES:
        if gate.ours not in comparison.groups.get(gate.group, {}):
            continue
        name, gross, net, net_counts = ratio(comparison, gate)
        counted = net if net_counts else gross
        said = f"{counted:.2f} (with its start {gross:.2f})" if net_counts else f"{gross:.2f}"
        wanted = ["", ""] if gate.gate is None else [f"{gate.gate:g}", f"{gate.ambition:g}"]
        slower = "slower than the peer" if counted < 1 else ""
        rows.append([gate.work, name, said, *wanted, verdict(counted, gate.gate, gate.ambition) or slower])
    if not rows:
        return ""
    return "### Peer's time over ours\n\n" + table(["work", "peer", "times as fast", "gate", "ambition", ""], rows)


def own_targets(comparison):
    groups, facts = comparison.groups, comparison.facts
    rows = []
    if "many" in groups:
        value = groups["many"]["20,000 files"].median / groups["many"]["the same in one file"].median
        rows.append(["20,000 files over one file, time", f"{value:.2f}", f"≤ {ONE_FILE_RATIO}", "",
                     verdict(value, ONE_FILE_RATIO, None, at_least=False)])
    for work in (f"{log} {command}" for log in ("access log", "CloudTrail") for command in ("export", "detect")):
        if "threads" in groups:
            value = groups["threads"][f"{work} 1"].median / groups["threads"][f"{work} 2"].median
            rows.append([f"{work}: one thread on one core over two on two", f"{value:.2f}", f"≥ {TWO_THREADS[0]}",
                         f"{TWO_THREADS[1]}", verdict(value, *TWO_THREADS)])
    for name, (group, command) in MEASURED_PEAKS.items():
        if group in groups:
            value = groups[group][command].peak / 1e6
            rows.append([f"peak memory, {name}", f"{value:.0f} MB", f"≤ {PEAK_MB[name][0]}", PEAK_MB[name][1],
                         verdict(value, *PEAK_MB[name], at_least=False)])
    if "26 columns" in comparison.sizes:
        value = comparison.sizes["26 columns"] / comparison.sizes["duckdb csv"]
        rows.append(["output size, the same 26 columns (`--columns`) at zstd 3, over DuckDB's", f"{value:.3f}",
                     f"≤ {SIZE[0]}", SIZE[1], verdict(value, *SIZE, at_least=False)])
    for name, key, limit in (("`--version`", "version_s", VERSION_MS),
                             ("first output on 100,000 files", "first_output_s", FIRST_OUTPUT_MS)):
        if key in facts:
            value = facts[key] * 1000
            rows.append([name, f"{value:.0f} ms", f"≤ {limit}", "", verdict(value, limit, None, at_least=False)])
    return "### Our own figures\n\n" + table(["what", "measured", "gate", "ambition", ""], rows) if rows else ""


def correctness(comparison):
    facts = comparison.facts
    if "quirks" not in facts:
        return ""
    rows = []
    for name, (kept, wrong) in facts["hostile"].items():
        right, aborts = facts["quirks"].get(name, (None, 0))
        quirk = f"{right} of {facts['quirk_lines']}" + (f", aborts at {aborts}" if aborts else "")
        if right is None:
            quirk = "the lines are not there (S3SLEUTH_SHARED)"
        rows.append([name, quirk, "aborts" if kept is None else f"{kept:,}", wrong])
    return f"""### Correctness

Quirk lines: lines of real logs and of attackers with their expected reading, a file each; right if the one row agrees in
every field that S3 wrote (all columns but referer and user agent), and if a damaged line gives no row. Hostile lines:
{facts['hostile_rows']:,} lines of which 2 % carry quotes and bytes that attackers send; a row is wrong if a field that S3 wrote
differs. {facts['hostile_spaced']:,} of these lines have spaces in the requester, as CloudFront's old identities have.

""" + table(["reader", "quirk lines right", "rows kept of the hostile file", "of these wrong, silently"], rows)


def timings(comparison, group):
    size = comparison.bytes[group]
    rows = []
    for name, runs in comparison.groups[group].items():
        agreement = ""
        key = name if name in comparison.agreement else None
        if key and group in ("access", "trail"):
            count, agreed, of, _ = comparison.agreement[key]
            said = f"{count:,} rows, {agreed} of {of} aggregates"
            agreement = said if agreed == of else f"**{said}**"
        shown = f"**s3sleuth**, {name}" if name in OURS else name
        rows.append([shown, f"{runs.median:.2f}", runs.spread(), f"{size / runs.median / 1e6:.0f}",
                     f"{runs.peak / 1e6:.0f}", agreement])
    head = ["reader", "seconds, median", "range (runs)", "MB/s", "peak MB", "agrees with us"]
    if group not in ("access", "trail"):
        head, rows = head[:-1], [row[:-1] for row in rows]
    note = ""
    if group == "access":
        facts = comparison.facts
        note = (f"\n\n{facts['rows']:,} lines. {facts['spaced']:,} of them have spaces in the requester; no peer reads these, so "
                "that aggregates are compared over the others.")
    different = [f"- {name}: {'; '.join(comparison.agreement[name][3])}" for name in comparison.groups[group]
                 if group in ("access", "trail") and comparison.agreement.get(name, ((), 0, 0, []))[3]]
    if different:
        note += "\n\nWhere peers differ (ours and theirs):\n\n" + "\n".join(different)
    return f"### {TITLES[group]}\n\n" + table(head, rows) + note


def sizes(comparison):
    if not comparison.sizes:
        return ""
    names = {"26 columns": "s3sleuth, the 26 columns of the peers, zstd 3", "zstd 3": "s3sleuth, all columns, zstd 3",
             "fast zstd 3": "s3sleuth, all columns, zstd 3, --encoding fast", "default": "s3sleuth, all columns, default",
             "trail zstd 3": "s3sleuth, CloudTrail, all columns, zstd 3"}
    rows = [[names.get(name, name), f"{size / 1e6:.1f}"] for name, size in comparison.sizes.items()]
    return "### Output\n\n" + table(["written by", "MB"], rows)


def commands(comparison):
    """The exact command lines, with the places of this run left out."""
    lines = []
    places = {machine.PROGRAM: "s3sleuth", str(machine.HERE): "benches/compare", str(machine.DATA): "$DATA",
              machine.sys.executable: "python"}
    for group, results in comparison.groups.items():
        for name, runs in results.items():
            text = shlex.join(runs.command.arguments)
            for place, short in places.items():
                text = text.replace(place, short)
            lines.append(f"{group}, {name}: taskset -c {','.join(map(str, runs.command.cores))} {text}")
    return "### Commands\n\n```\n" + "\n".join(lines) + "\n```" if lines else ""
