"""Rows as canonical text, their hash, and where two sets of rows differ."""

import hashlib
import json
from collections import Counter

import pyarrow as pa

SHOWN = 3


def of_table(table, names):
    """The sorted canonical rows of a table of pyarrow whose columns go by these names, whatever it calls them."""
    columns = [whole_milliseconds(column) for column in table.columns]
    table = pa.table(columns, names=names)
    return sorted(canonical(row) for batch in table.to_batches(max_chunksize=4096) for row in batch.to_pylist())


def whole_milliseconds(column):
    """Instants as integers; one between two milliseconds is an error."""
    if not pa.types.is_timestamp(column.type):
        return column
    return column.cast(pa.timestamp("ms", column.type.tz)).cast(pa.int64())


def canonical(row):
    """Every column with its name, null apart from empty, lists and structs in full."""
    return json.dumps(row, sort_keys=True, separators=(",", ":"))


def digest(rows):
    """SHA-256 of sorted rows."""
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()


def difference(expected, found):
    """The first rows that one side has more often than the other, by their differing columns where rows pair up."""
    if digest(expected) == digest(found):
        return []
    left, right = Counter(expected), Counter(found)
    missing, surplus = sorted((left - right).elements()), sorted((right - left).elements())
    lines = [f"{len(expected)} rows, {len(found)} found; {len(missing)} missing, {len(surplus)} not expected"]
    for ours, theirs in zip(missing[:SHOWN], surplus[:SHOWN]):
        ours, theirs = json.loads(ours), json.loads(theirs)
        for name in [name for name in ours if ours[name] != theirs.get(name)][:SHOWN]:
            lines.append(f"  {name}: expected {short(ours[name])}, found {short(theirs.get(name))}")
    if len(missing) != len(surplus):
        lines += [f"  missing: {row[:400]}" for row in missing[:SHOWN]]
        lines += [f"  not expected: {row[:400]}" for row in surplus[:SHOWN]]
    return lines


def short(value):
    text = json.dumps(value)
    return text if len(text) < 200 else text[:200] + "…"
