"""Who reads hard lines right: the quirk lines of shared/, one file each, and 2 % of hostile lines among ordinary ones."""

import base64
import json
import os
import subprocess
import tempfile
from datetime import datetime, timezone
from pathlib import Path

import duckdb

import agree
from machine import DATA, NAMES, PEERS, PROGRAM, REPOSITORY, generated, peer
from measure import progress, remove
from peers.columns import COLUMNS

# What S3 writes; a client writes the referer and the user agent.
S3_WRITTEN = [name for name in COLUMNS if name not in ("referer", "user_agent")]

# The names of quirks.jsonl, where they are others.
EXPECTED = {
    "bucket_name": "bucket", "object_key_raw": "key", "event_time": "time", "total_time_ms": "total_time",
    "turn_around_time_ms": "turnaround_time",
}
NUMBERS = {"http_status", "bytes_sent", "object_size", "total_time_ms", "turn_around_time_ms"}
FORMS = [("access_export_ragged", "CSV"), ("access_export_lenient", "CSV, errors skipped"),
         ("access_export_regex", "pattern")]


def quirk_lines():
    shared = Path(os.environ.get("S3SLEUTH_SHARED", REPOSITORY.parent / "shared"))
    path = shared / "data/access_log/quirks/quirks.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def expected(quirk):
    """The one row of a line, or none for a line that is to be refused or skipped."""
    if quirk["verdict"] != "parse":
        return []
    def value(name):
        text = quirk["expect"].get(EXPECTED.get(name, name))
        if text is None or text == "-":
            return None
        if name == "event_time":
            return int(datetime.strptime(text, "%d/%b/%Y:%H:%M:%S %z").astimezone(timezone.utc).timestamp() * 1000)
        if name == "acl_required":
            return text == "Yes"
        return int(text) if name in NUMBERS else text
    return [tuple(value(name) for name in S3_WRITTEN)]


def rows(path):
    columns = ", ".join("epoch_ms(event_time)" if name == "event_time" else name for name in S3_WRITTEN)
    return duckdb.sql(f"SELECT {columns} FROM {agree.rows(path)}").fetchall()


def right_rows(path):
    """None where nothing was written; text that is not UTF-8 makes a file that cannot be read."""
    try:
        return rows(path) if path.is_file() or any(path.rglob("*.parquet")) else []
    except duckdb.Error:
        return None


def quirks():
    """How many quirk lines each reader gets right, and at how many it aborts."""
    lines = quirk_lines()
    if not lines:
        return {}, 0
    progress(f"{len(lines)} quirk lines")
    scores = {}
    with tempfile.TemporaryDirectory() as folder:
        inputs = [Path(folder, f"{quirk['id']}.log") for quirk in lines]
        for quirk, path in zip(lines, inputs, strict=True):
            path.write_bytes(base64.b64decode(quirk["line_b64"]) + b"\n")
        outputs = [Path(folder, "ours", path.stem) for path in inputs]
        for source, output in zip(inputs, outputs, strict=True):
            # A refused line ends with 3.
            subprocess.run([PROGRAM, "export", source, "-q", "-o", output], stderr=subprocess.DEVNULL, check=False)
        scores["s3sleuth"] = score(lines, outputs, 0)
        for name in PEERS:
            for task, form in FORMS:
                outputs = [Path(folder, f"{name}-{task}-{path.stem}") for path in inputs]
                pairs = [path for pair in zip(inputs, outputs, strict=True) for path in pair]
                told = subprocess.run(peer(name, task, *pairs), capture_output=True, text=True, check=False)
                aborts = [line for line in told.stderr.splitlines() if line.startswith(folder)]
                for line in aborts:
                    # An engine that aborts may leave a file that was begun.
                    outputs[inputs.index(Path(line.split(": ")[0]))].unlink(missing_ok=True)
                scores[f"{NAMES[name]}, {form}"] = score(lines, outputs, len(aborts))
    return scores, len(lines)


def score(lines, outputs, aborts):
    right = [quirk["id"] for quirk, path in zip(lines, outputs, strict=True) if right_rows(path) == expected(quirk)]
    return len(right), aborts


def hostile():
    """What becomes of 100 MB of which 2 % of the lines are hostile: rows kept (None: it aborted), and what is wrong."""
    source = generated("hostile", "--bytes", "100MB", "--hostile-ppm", "20000")
    log = next(path for path in source.rglob("*") if path.is_file())
    truth = DATA / "out" / "hostile"
    remove(truth)
    subprocess.run([PROGRAM, "export", log, "-q", "-o", truth], check=True)
    total = agree.one(f"SELECT count(*) FROM {agree.rows(truth)}")[0]
    spaced = agree.access_rows(truth)[1]
    outcome = {"s3sleuth": (total, "0")}
    for name in PEERS:
        for task, form in FORMS:
            progress(f"hostile lines: {name}, {form}")
            output = DATA / "out" / "hostile-peer"
            remove(output)
            told = subprocess.run(peer(name, task, log, output), capture_output=True, text=True, check=False)
            outcome[f"{NAMES[name]}, {form}"] = judged(output, truth) if told.returncode == 0 else (None, "")
    remove(output)
    remove(truth)
    return outcome, total, spaced


def judged(output, truth):
    """Rows, and how many of them say in a field of S3's what no row of ours says."""
    kept = agree.one(f"SELECT count(*) FROM {agree.rows(output)}")[0]
    columns = ", ".join("epoch_ms(event_time)" if name == "event_time" else name for name in S3_WRITTEN)
    try:
        wrong = agree.one(f"""SELECT count(*) FROM (SELECT {columns} FROM {agree.rows(output)}
            EXCEPT ALL SELECT {columns} FROM {agree.rows(truth)})""")[0]
    except duckdb.InvalidInputException:
        return kept, "text that is not UTF-8: DuckDB cannot read the file"
    return kept, f"{wrong:,}"
