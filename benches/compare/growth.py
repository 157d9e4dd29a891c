"""How time and memory of detect and export grow; see `growth`."""

import argparse
import json
import os
import time
from pathlib import Path

import agree
import growth_page
import page
import work
from machine import DATA, REPOSITORY, generated
from measure import in_turn, progress, remove, warm

MB, GB = 10**6, 10**9

# What grows: the name of the axis, and for each point its label and the options of the generator.
AXES = {
    "bytes": [(f"{size / GB:g} GB", {"bytes": size}) for size in (GB // 10, GB, 10 * GB)],
    "trail bytes": [(f"{size / GB:g} GB", {"bytes": size, "log": "cloudtrail"}) for size in (GB // 10, GB, 4 * GB)],
    "files": [(f"{count:,}", {"bytes": GB, "files": count}) for count in (1, 100, 20_000, 200_000)],
    "days": [(f"{count:,}", {"bytes": GB // 2, "days": count}) for count in (1, 10, 100, 1_000, 10_000)],
    # Keys of a bucket that can be asked for; how many are is counted. Three of four keys are new in the last two.
    "keys": [(f"{count:,}", {"bytes": GB, "keys": count}) for count in (1, 1_000, 100_000, 10**12)]
    + [("10 GB", {"bytes": 10 * GB, "keys": 10**12})],
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="multiplies bytes, files, days and keys")
    parser.add_argument("--runs", type=int, help="of each point; by default 3 up to 1 GB and 1 above")
    parser.add_argument("--only", default=",".join(AXES), help=f"some of {','.join(AXES)}")
    parser.add_argument("--page", type=Path, help="where to write; by default docs/performance.md, of a whole run")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(AXES):
        parser.error(f"unknown: {', '.join(unknown)}")
    if options.page is None and options.only == list(AXES) and options.scale == 1:
        options.page = REPOSITORY / "docs" / "performance.md"
    return options


def point(axis, label, settings, options):
    """Measures one point; its data are removed, as the next needs the disk."""
    scaled = {name: value if name == "log" else max(1, round(value * options.scale)) for name, value in settings.items()}
    flags = [text for name, value in scaled.items() for text in (f"--{name}", str(value))]
    source = generated("growth", *flags)
    warm(source)
    commands = [work.ours("detect", "detect", source), work.ours("export", "export", source)]
    runs = options.runs or (3 if scaled["bytes"] <= GB else 1)
    results = in_turn(commands, runs, f"{axis} {label}")
    exported = agree.rows(results["export"].command.output)
    row = {"axis": axis, "label": label, **scaled, "input_bytes": scaled["bytes"],
           "rows": agree.one(f"SELECT count(*) FROM {exported}")[0]}
    if axis == "keys":
        row["distinct_keys"] = agree.one(
            f"SELECT count(*) FROM (SELECT DISTINCT hash(bucket_name, object_key_raw) FROM {exported})")[0]
    if axis == "days":
        row["partitions"] = len({path.parent for path in results["export"].command.output.rglob("*.parquet")})
    for name, runs in results.items():
        row[name] = {"seconds": runs.median, "peak": runs.peak}
    remove(DATA / "out")
    return row


def main():
    options = arguments()
    DATA.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    rows = [point(axis, label, settings, options) for axis in options.only for label, settings in AXES[axis]]
    remove(DATA / "growth")
    (DATA / "growth.made").unlink(missing_ok=True)
    text = growth_page.grown(rows)
    print(text)
    (DATA / "growth.json").write_text(json.dumps(rows, indent=1))
    if options.page:
        options.page.with_name("performance-growth.svg").write_text(growth_page.plot(rows))
        page.put(options.page, "growth", text)
        progress(f"written to {os.path.relpath(options.page)}, after {(time.monotonic() - began) / 60:.1f} minutes")


if __name__ == "__main__":
    main()
