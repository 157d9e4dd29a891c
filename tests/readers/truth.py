"""What the rows must be: from the program's JSON lines, which share no code with Parquet, and what they imply."""

import json
import re
from datetime import datetime, timedelta, timezone
from functools import cache

from rows import canonical
from schema import datasets

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
ACCOUNT = re.compile(r"[0-9]{12}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-[0-9]")
BUCKET = re.compile(r"(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
ACCESS_PATH = re.compile(r"(?:^|.*[^0-9])([0-9]{12})/([^/]+)/[^/]+/[0-9]{4}/[0-9]{2}/[0-9]{2}/[^/]+")
TRAIL_PATH = re.compile(r".*/([0-9]{12})/CloudTrail/([^/]+)/.*")
# What the default partition reads as.
DEFAULT = None


@cache
def rows(program, dataset, inputs):
    """The rows of a dataset as JSON objects, instants as milliseconds."""
    lines = program("export", *inputs, *option(dataset), "--format", "jsonl", "-o", "-").splitlines()
    found = [json.loads(line) for line in lines]
    for name, kind in datasets()[dataset].items():
        if kind == "timestamp":
            for row in found:
                row[name] = milliseconds(row[name])
    return found


def option(dataset):
    return ["--schema", "ocsf"] if dataset == "ocsf" else ["--log", dataset]


def milliseconds(text):
    return None if text is None else (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def instant(row):
    time = row.get("event_time", row.get("time"))
    return None if time is None else EPOCH + timedelta(milliseconds=time)


def expected(found, dataset, keys):
    """Sorted canonical rows without the columns that are keys, with the values of the keys."""
    return sorted(canonical({**row, **{name: key(name, dataset, row) for name in keys}}) for row in found)


def key(name, dataset, row):
    """The value of a partition key, as docs/export.md says."""
    if name in ("event_date", "eventDay"):
        time = instant(row)
        form = "{0.year:04}{0.month:02}{0.day:02}" if name == "eventDay" else "{0.year:04}-{0.month:02}-{0.day:02}"
        return DEFAULT if time is None else form.format(time)
    form = {"account_id": ACCOUNT, "accountId": ACCOUNT, "region": REGION, "bucket": BUCKET}[name]
    said = next((value for value in said_of(name, dataset, row) if value), None)
    return said if said and form.fullmatch(said) else DEFAULT


def said_of(name, dataset, row):
    """What record and path say of a key, the record first."""
    is_trail = dataset == "cloudtrail" or (row.get("metadata") or {}).get("log_name") == "cloudtrail"
    place = json.loads(row["unmapped"]) if dataset == "ocsf" else row
    path = (TRAIL_PATH if is_trail else ACCESS_PATH).fullmatch(place["source_file"])
    number = {"account_id": 1, "accountId": 1, "region": 2}.get(name)
    of_path = path[number] if path and number and (is_trail or REGION.fullmatch(path[2])) else None
    columns = {
        ("cloudtrail", "account_id"): "recipient_account_id", ("cloudtrail", "region"): "aws_region",
        ("cloudtrail", "bucket"): "s3_bucket", ("s3_access", "bucket"): "bucket_name",
    }
    if dataset == "ocsf":
        cloud = row["cloud"]
        return [cloud["region"] if name == "region" else cloud["account"] and cloud["account"]["uid"], of_path]
    column = columns.get((dataset, name))
    return [column and row[column], of_path]
