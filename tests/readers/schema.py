"""The columns and types that docs/schema.md promises, and those of the engines, all spelled as Hive spells them."""

import re
from pathlib import Path

import pyarrow as pa

PAGE = Path(__file__).parent.parent.parent / "docs" / "schema.md"
PLAIN = {"string": "string", "bigint": "bigint", "int": "int", "boolean": "boolean"}


def datasets():
    """`{dataset: {column: type}}`, in the order of the page."""
    found, columns = {}, {}
    for line in PAGE.read_text().splitlines():
        if heading := re.fullmatch(r"## (\w+)", line):
            columns = found.setdefault(heading[1], {})
        elif (row := re.match(r"\| ([a-z_0-9.]+) \| ([^|]+) \|", line)) and row[1] != "column":
            *parents, name = row[1].split(".")
            place = columns
            for parent in parents:
                place = place[parent]
            place[name] = {} if row[2] == "struct" else promised(row[2])
    return {dataset: {name: spelled(kind) for name, kind in columns.items()} for dataset, columns in found.items()}


def promised(text):
    if members := re.fullmatch(r"array of struct \((.+)\)", text):
        return f"array<struct<{','.join(f'{name}:string' for name in members[1].split(', '))}>>"
    if text.startswith("array of "):
        return f"array<{PLAIN[text.removeprefix('array of ')]}>"
    return "timestamp" if text == "timestamp (milliseconds, UTC)" else PLAIN[text]


def spelled(kind):
    if isinstance(kind, str):
        return kind
    return f"struct<{','.join(f'{name}:{spelled(member)}' for name, member in kind.items())}>"


def of_arrow(kind):
    """A type of pyarrow."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"array<{of_arrow(kind.value_type)}>"
    if pa.types.is_struct(kind):
        return f"struct<{','.join(f'{member.name}:{of_arrow(member.type)}' for member in kind)}>"
    if pa.types.is_timestamp(kind):
        return "timestamp" if kind == pa.timestamp("ms", "UTC") else str(kind)
    return {"int64": "bigint", "int32": "int", "bool": "boolean", "large_string": "string"}.get(str(kind), str(kind))


def of_duckdb(kind):
    """A type of DuckDB."""
    if kind.id == "list":
        return f"array<{of_duckdb(kind.children[0][1])}>"
    if kind.id == "struct":
        return f"struct<{','.join(f'{name}:{of_duckdb(member)}' for name, member in kind.children)}>"
    known = {"varchar": "string", "bigint": "bigint", "integer": "int", "boolean": "boolean"}
    return {**known, "timestamp with time zone": "timestamp"}.get(kind.id, kind.id)


def of_spark(kind):
    """A type of Spark."""
    return kind.simpleString()
