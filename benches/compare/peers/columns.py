"""The 26 columns of an access-log line that every peer writes, in their order in the line, and their types."""

# In the line the time is two words, "[01/Mar/2026:00:00:00" and "+0000]".
TIME_WORDS = ["time_word", "zone_word"]

TEXT, INT, BIGINT, YES = "text", "int", "bigint", "yes"

AFTER_TIME = {
    "remote_ip": TEXT, "requester": TEXT, "request_id": TEXT, "operation": TEXT, "object_key_raw": TEXT,
    "request_uri": TEXT, "http_status": INT, "error_code": TEXT, "bytes_sent": BIGINT, "object_size": BIGINT,
    "total_time_ms": BIGINT, "turn_around_time_ms": BIGINT, "referer": TEXT, "user_agent": TEXT, "version_id": TEXT,
    "host_id": TEXT, "signature_version": TEXT, "cipher_suite": TEXT, "auth_type": TEXT, "host_header": TEXT,
    "tls_version": TEXT, "access_point_arn": TEXT, "acl_required": YES,
}

# As the peers read a line of the generated log: words, all of them text.
WORDS = ["bucket_owner", "bucket_name", *TIME_WORDS, *AFTER_TIME]

# As the peers write a row, and as `s3sleuth export --columns` is asked to.
COLUMNS = ["bucket_owner", "bucket_name", "event_time", *AFTER_TIME]

# The usual pattern (AWS's own Athena example, with the fields added since), groups in the order of COLUMNS.
REGEX = (
    r'^([^ ]*) ([^ ]*) \[(.*?)\] ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*"|-) (-|[0-9]*) ([^ ]*) ([^ ]*)'
    r' ([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*"|-) ("[^"]*"|-) ([^ ]*)'
    r'(?: ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*))?.*$'
)

TIME_FORMAT = "%d/%b/%Y:%H:%M:%S"
