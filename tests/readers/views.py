"""The rows of the views under AWS's names, from the rows of the tables."""

from rows import canonical
from truth import instant

# Names that are not ours without the underscores.
RENAMED = {
    "bucket_name": "bucket_name", "key": "object_key_raw", "request_uri": "request_uri", "totaltime": "total_time_ms",
    "turnaroundtime": "turn_around_time_ms", "referrer": "referer", "sigv": "signature_version",
    "endpoint": "host_header", "httpstatus": "http_status",
}
TEXTS = ["httpstatus", "totaltime", "turnaroundtime", "readonly"]


def expected(found, table, keys, key):
    """Sorted canonical rows of the view that an engine has read as `table`."""
    names = [field for field in table.schema if field.name not in keys]
    return sorted(canonical({**shown(row, names), **{name: key(name, row) for name in keys}}) for row in found)


def shown(row, fields):
    squeezed = {name.replace("_", ""): value for name, value in row.items()}
    return {field.name: value(field, row, squeezed) for field in fields}


def value(field, row, squeezed):
    time = instant(row)
    if field.name == "requestdatetime":
        return time and f"{time.day:02}/{time:%b}/{time.year:04}:{time:%H:%M:%S} +0000"
    if field.name == "eventtime":
        return time and f"{time.year:04}-{time:%m-%dT%H:%M:%S}Z"
    if field.name == "aclrequired":
        return "Yes" if row["acl_required"] else None
    found = row[RENAMED[field.name]] if field.name in RENAMED else squeezed[field.name]
    if field.name in TEXTS:
        return None if found is None else str(found).lower()
    return picked(found, field.type)


def picked(found, kind):
    """The members that the view shows."""
    if found is None:
        return None
    if isinstance(found, list):
        return [picked(element, kind.value_type) for element in found]
    if isinstance(found, dict):
        squeezed = {name.replace("_", ""): member for name, member in found.items()}
        return {member.name: picked(squeezed[member.name], member.type) for member in kind}
    return found
