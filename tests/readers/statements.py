"""The statements of `s3sleuth ddl`, executed where an engine can and parsed where only Athena could."""

import sqlglot
from sqlglot import exp

ATHENA_LOCATION = "s3://amzn-s3-demo-bucket/lake"
HIVE_TYPES = {"VARCHAR", "TEXT", "BIGINT", "INT", "BOOLEAN", "TIMESTAMP", "STRUCT", "ARRAY", "ROW"}


def split(text):
    """The statements, each without the semicolon at the end of its last line."""
    return [one.strip() for one in (text + "\n").split(";\n") if one.strip()]


def parse(text):
    """What sqlglot's dialects of Athena and Hive do not understand; views are Athena's alone."""
    wrong = []
    for statement in split(text):
        is_view = "CREATE OR REPLACE VIEW" in statement
        for dialect in ["athena"] if is_view else ["athena", "hive"]:
            wrong += [f"{dialect}: {reason}" for part in single(statement) for reason in misunderstood(part, dialect)]
    return wrong


def single(statement):
    """An ALTER TABLE for each partition: sqlglot takes one, Athena and Hive any number."""
    head, *partitions = statement.split("\n  PARTITION ")
    return [f"{head} PARTITION {partition}" for partition in partitions] or [statement]


def misunderstood(statement, dialect):
    try:
        parsed = sqlglot.parse_one(statement, dialect=dialect)
    except sqlglot.errors.ParseError as error:
        return [f"{error}: {statement[:200]}"]
    # What it does not know becomes a Command, and a mistyped type any text.
    if not isinstance(parsed, (exp.Create, exp.Alter)) or parsed.find(exp.Command):
        return [f"no CREATE or ALTER: {statement[:200]}"]
    unknown = {str(kind.this.value) for kind in parsed.find_all(exp.DataType)} - HIVE_TYPES
    return [f"types {sorted(unknown)}: {statement[:200]}"] if unknown else []


def local(text, folder):
    """The statements for Athena with the folder where it lies, without the views, which are in Trino's SQL."""
    statements = split(text.replace(ATHENA_LOCATION, f"file://{folder}"))
    return [statement for statement in statements if "CREATE OR REPLACE VIEW" not in statement]
