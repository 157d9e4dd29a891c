"""chDB, which is ClickHouse in a process: `with_chdb.py TASK INPUT OUTPUT [INPUT OUTPUT ...]`."""

from tasks import main
from columns import AFTER_TIME, BIGINT, COLUMNS, INT, REGEX, WORDS, YES

import chdb

PARQUET = "output_format_parquet_compression_method = 'zstd', output_format_compression_level = 3"
# Its CSV format refuses a space as delimiter and names this one.
CSV = "format_custom_escaping_rule = 'CSV', format_custom_field_delimiter = ' ', format_csv_null_representation = '-'"
RAGGED = "input_format_custom_allow_variable_number_of_columns = 1"


def run(sql, settings, output=None):
    result = chdb.query(f"{sql} SETTINGS max_threads = 2, {settings}" if output is None else
                        f"{sql} INTO OUTFILE '{output}' TRUNCATE FORMAT Parquet SETTINGS max_threads = 2, {settings}",
                        "CSVWithNames")
    if result.has_error():
        raise RuntimeError(result.error_message())
    return result


def words(source):
    columns = ", ".join(f"{name} Nullable(String)" for name in WORDS)
    return f"file('{source}', CustomSeparated, '{columns}')"


def typed(time, cell):
    """The list of a SELECT: `time` is the SQL of the time's text, `cell(name)` that of another column's."""
    def column(name):
        sql = cell(name)
        kind = AFTER_TIME.get(name)
        if name == "event_time":
            sql = f"parseDateTime64OrNull({time}, '%d/%b/%Y:%H:%i:%s', 'UTC')"
        elif kind == INT:
            sql = f"toInt32OrNull({sql})"
        elif kind == BIGINT:
            sql = f"toInt64OrNull({sql})"
        elif kind == YES:
            sql = f"{sql} = 'Yes'"
        return f"{sql} AS {name}_"
    renamed = ", ".join(f"{name}_ AS {name}" for name in COLUMNS)
    return ", ".join(map(column, COLUMNS)), renamed


def access_export(source, output, more=""):
    # A quoted "-" is text to ClickHouse.
    def cell(name):
        return f"nullIf({name}, '-')" if name in ("request_uri", "referer", "user_agent") else name
    select, renamed = typed("substring(time_word, 2)", cell)
    run(f"SELECT {renamed} FROM (SELECT {select} FROM {words(source)})", f"{CSV}, {more}{PARQUET}", output)


def access_export_ragged(source, output):
    access_export(source, output, more=f"{RAGGED}, ")


def access_export_lenient(source, output):
    access_export(source, output, more=f"{RAGGED}, input_format_allow_errors_ratio = 1, ")


def access_export_regex(source, output):
    columns = ", ".join(f"{name} String" for name in COLUMNS)
    pattern = REGEX.replace("\\", "\\\\").replace("'", "\\'")
    select, renamed = typed("left(event_time, 20)", lambda name: f"nullIf(trim(BOTH '\"' FROM {name}), '-')")
    run(f"SELECT {renamed} FROM (SELECT {select} FROM file('{source}', Regexp, '{columns}'))",
        f"format_regexp = '{pattern}', format_regexp_escaping_rule = 'Raw', format_regexp_skip_unmatched = 1, {PARQUET}",
        output)


def access_detect(source, output):
    sql = f"""SELECT requester, count() AS requests, sum(toInt64OrNull(bytes_sent)) AS bytes,
        countIf(http_status = '403') AS denied, countIf(operation LIKE '%DELETE%') AS deletes,
        uniqExact(object_key_raw) AS keys, uniqExact(remote_ip) AS addresses
        FROM {words(source)} GROUP BY requester ORDER BY requester"""
    with open(output, "wb") as file:
        file.write(run(sql, CSV).bytes())


TEXT = ["eventVersion", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent",
        "errorCode", "errorMessage", "requestID", "eventID", "eventType", "apiVersion", "recipientAccountId",
        "sharedEventID", "vpcEndpointId", "vpcEndpointAccountId", "eventCategory", "sessionCredentialFromConsole"]
# A member that is declared as text keeps the JSON that stands there.
RAW = ["requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "resources"]
IDENTITY = ["type", "principalId", "arn", "accountId", "accessKeyId", "userName", "invokedBy"]
TLS = ["tlsVersion", "cipherSuite", "clientProvidedHostHeader"]

JSON = ("input_format_json_read_objects_as_strings = 1, input_format_json_read_arrays_as_strings = 1, "
        "input_format_json_ignore_unknown_keys_in_named_tuple = 1, "
        "input_format_json_defaults_for_missing_elements_in_named_tuple = 1")


def texts(names):
    return ", ".join(f"{name} Nullable(String)" for name in names)


def trail_records(source, record):
    return f"file('{source}/**/*.json.gz', JSONEachRow, 'Records Array(Tuple({record}))') ARRAY JOIN Records AS r"


def trail_export(source, output):
    record = f"""eventTime Nullable(String), {texts(TEXT + RAW)}, readOnly Nullable(Bool), managementEvent Nullable(Bool),
        userIdentity Tuple({texts(IDENTITY)}, sessionContext Tuple(sessionIssuer Tuple({texts(["type", "arn", "userName"])}),
        attributes Tuple({texts(["mfaAuthenticated", "creationDate"])}))), tlsDetails Tuple({texts(TLS)})"""
    select = ", ".join(
        ["parseDateTime64BestEffortOrNull(r.eventTime, 3, 'UTC') AS event_time"]
        + [f"r.{name} AS {name}" for name in TEXT + RAW + ["readOnly", "managementEvent"]]
        + [f"r.userIdentity.{name} AS identity_{name}" for name in IDENTITY]
        + ["r.userIdentity.sessionContext.sessionIssuer.arn AS issuer_arn",
           "r.userIdentity.sessionContext.attributes.mfaAuthenticated AS mfa"]
        + [f"r.tlsDetails.{name} AS {name}" for name in TLS]
    )
    run(f"SELECT {select} FROM {trail_records(source, record)}", f"{JSON}, {PARQUET}", output)


def trail_detect(source, output):
    """Eight members: who, where from, what, when, and how it ended."""
    record = ("eventTime Nullable(String), eventSource Nullable(String), eventName Nullable(String), "
              "sourceIPAddress Nullable(String), userAgent Nullable(String), errorCode Nullable(String), "
              "readOnly Nullable(Bool), userIdentity Tuple(arn Nullable(String))")
    sql = f"""SELECT r.userIdentity.arn AS principal, count() AS events, countIf(r.errorCode IS NOT NULL) AS errors,
        countIf(r.readOnly = false) AS writes, uniqExact(r.sourceIPAddress) AS addresses,
        uniqExact(r.userAgent) AS agents, uniqExact(r.eventSource, r.eventName) AS actions,
        min(r.eventTime) AS first, max(r.eventTime) AS last
        FROM {trail_records(source, record)} GROUP BY principal ORDER BY principal"""
    with open(output, "wb") as file:
        file.write(run(sql, JSON).bytes())


if __name__ == "__main__":
    main([access_export, access_export_ragged, access_export_lenient, access_export_regex, access_detect,
          trail_export, trail_detect])
