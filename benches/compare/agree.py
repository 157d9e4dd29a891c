"""Do the rows that peers wrote say the same as ours? A dozen and more aggregates, read by DuckDB."""

import duckdb

# Lines whose requester holds spaces. No peer reads them: in CSV every later field slips, the pattern fails.
SPACED = "(requester LIKE '%:user/CloudFront Origin Access Identity %' OR requester LIKE '%:user/CloudFront')"

ACCESS = [
    "count(*)", "epoch_ms(min(event_time))", "epoch_ms(max(event_time))", "sum(http_status)", "sum(bytes_sent)",
    "sum(object_size)", "sum(total_time_ms)", "sum(turn_around_time_ms)", "count(error_code)", "count(referer)",
    "sum(strlen(user_agent))", "sum(strlen(request_uri))", "sum(strlen(object_key_raw))", "sum(strlen(host_id))",
    "count(version_id)", "sum(acl_required::INT)", "count(DISTINCT request_id)", "count(tls_version)",
]

# Ours on the left, the peers' on the right where they differ.
TRAIL = [
    ("count(*)",), ("epoch_ms(min(event_time))",), ("epoch_ms(max(event_time))",),
    ("count(DISTINCT event_id)", "count(DISTINCT eventID)"), ("count(error_code)", "count(errorCode)"),
    ("sum(strlen(user_agent))", "sum(strlen(userAgent))"),
    ("count(DISTINCT source_ip_address)", "count(DISTINCT sourceIPAddress)"),
    ("sum(strlen(request_parameters))", "sum(strlen(requestParameters))"),
    ("sum(strlen(additional_event_data))", "sum(strlen(additionalEventData))"),
    ("count(response_elements)", "count(responseElements)"), ("sum(read_only::INT)", "sum(readOnly::INT)"),
    ("count(user_identity.arn)", "count(identity_arn)"),
    ("sum(strlen(user_identity.session_context.session_issuer.arn))", "sum(strlen(issuer_arn))"),
    ("count(tls_details.cipher_suite)", "count(cipherSuite)"),
]


def rows(path):
    """A Parquet file, or a folder of them, as a table of SQL."""
    place = f"{path}/**/*.parquet" if path.is_dir() else str(path)
    return f"read_parquet('{place}', hive_partitioning = false)"


def one(sql):
    return duckdb.sql(sql).fetchall()[0]


def access_rows(path):
    """All rows, and those no peer reads right."""
    return one(f"SELECT count(*), count(*) FILTER ({SPACED}) FROM {rows(path)}")


def access(ours, theirs):
    """How many aggregates agree, over the rows that peers can read."""
    wanted = f"SELECT {', '.join(ACCESS)} FROM {{}} WHERE event_time IS NOT NULL AND NOT coalesce({SPACED}, false)"
    return agreed([one(wanted.format(rows(path))) for path in (ours, theirs)], ACCESS)


def trail(ours, theirs):
    left = one(f"SELECT {', '.join(names[0] for names in TRAIL)} FROM {rows(ours)}")
    right = one(f"SELECT {', '.join(names[-1] for names in TRAIL)} FROM {rows(theirs)}")
    return agreed([left, right], [names[0] for names in TRAIL])


def agreed(values, names):
    left, right = values
    different = [f"{name}: {a} and {b}" for name, a, b in zip(names, left, right, strict=True) if a != b]
    return len(names) - len(different), len(names), different
