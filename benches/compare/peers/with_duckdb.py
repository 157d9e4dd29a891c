"""DuckDB: `with_duckdb.py TASK INPUT OUTPUT [INPUT OUTPUT ...]`."""

from tasks import main
from columns import AFTER_TIME, BIGINT, COLUMNS, INT, REGEX, TIME_FORMAT, WORDS, YES

import duckdb

PARQUET = "(format parquet, compression zstd, compression_level 3)"


def connect():
    connection = duckdb.connect()
    # Rows may come in any order, which lets the threads write on their own.
    connection.execute("set threads = 2; set preserve_insertion_order = false; set enable_progress_bar = false")
    return connection


def words(source, ragged=False, lenient=False):
    """Lines of fewer or more fields need `null_padding`; `lenient` drops lines instead of aborting."""
    names = [*WORDS, *(f"more{number}" for number in range(8) if ragged)]
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in names)
    return f"""read_csv('{source}', delim = ' ', quote = '"', escape = '', header = false, nullstr = '-',
        null_padding = {ragged}, ignore_errors = {lenient}, strict_mode = false, auto_detect = false, max_line_size = 4194304,
        columns = {{{columns}}})"""


def typed(time, cell):
    """The list of a SELECT: `time` is the SQL of the time's text, `cell(name)` that of another column's."""
    def column(name):
        sql = cell(name)
        kind = AFTER_TIME.get(name)
        if name == "event_time":
            sql = f"try_strptime({time}, '{TIME_FORMAT}')"
        elif kind == INT:
            sql = f"try_cast({sql} AS INTEGER)"
        elif kind == BIGINT:
            sql = f"try_cast({sql} AS BIGINT)"
        elif kind == YES:
            sql = f"{sql} = 'Yes'"
        return f"{sql} AS {name}"
    return ", ".join(map(column, COLUMNS))


def access_export(source, output, **options):
    select = typed("substr(time_word, 2)", lambda name: name)
    connect().execute(f"COPY (SELECT {select} FROM {words(source, **options)}) TO '{output}' {PARQUET}")


def access_export_ragged(source, output):
    access_export(source, output, ragged=True)


def access_export_lenient(source, output):
    access_export(source, output, ragged=True, lenient=True)


def access_export_regex(source, output):
    names = ", ".join(f"'{name}'" for name in COLUMNS)
    lines = f"""read_csv('{source}', delim = chr(1), quote = '', escape = '', header = false, auto_detect = false,
        strict_mode = false, max_line_size = 4194304, columns = {{'line': 'VARCHAR'}})"""
    fields = f"SELECT regexp_extract(line, '{REGEX}', [{names}]) AS field FROM {lines}"
    select = typed("left(field.event_time, 20)", lambda name: f"nullif(trim(field.{name}, '\"'), '-')")
    connect().execute(f"COPY (SELECT {select} FROM ({fields})) TO '{output}' {PARQUET}")


def access_detect(source, output):
    connect().sql(f"""SELECT requester, count(*) AS requests, sum(try_cast(bytes_sent AS BIGINT)) AS bytes,
        count(*) FILTER (http_status = '403') AS denied, count(*) FILTER (operation LIKE '%DELETE%') AS deletes,
        count(DISTINCT object_key_raw) AS keys, count(DISTINCT remote_ip) AS addresses
        FROM {words(source)} GROUP BY requester ORDER BY requester""").write_csv(output)


TEXT = ["eventVersion", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent",
        "errorCode", "errorMessage", "requestID", "eventID", "eventType", "apiVersion", "recipientAccountId",
        "sharedEventID", "vpcEndpointId", "vpcEndpointAccountId", "eventCategory", "sessionCredentialFromConsole"]
RAW = ["requestParameters", "responseElements", "additionalEventData", "serviceEventDetails", "resources"]
IDENTITY = ["type", "principalId", "arn", "accountId", "accessKeyId", "userName", "invokedBy"]
TLS = ["tlsVersion", "cipherSuite", "clientProvidedHostHeader"]


def trail_records(source):
    record = ", ".join(
        [f"{name} VARCHAR" for name in TEXT]
        + [f"{name} JSON" for name in RAW]
        + ["readOnly BOOLEAN", "managementEvent BOOLEAN"]
        + ["userIdentity STRUCT(" + ", ".join(f'"{name}" VARCHAR' for name in IDENTITY)
           + ", sessionContext STRUCT(sessionIssuer STRUCT(\"type\" VARCHAR, arn VARCHAR, userName VARCHAR),"
             " attributes STRUCT(mfaAuthenticated VARCHAR, creationDate VARCHAR)))"]
        + ["tlsDetails STRUCT(" + ", ".join(f"{name} VARCHAR" for name in TLS) + ")"]
    )
    return f"""(SELECT unnest(Records) AS r FROM read_json('{source}/**/*.json.gz', format = 'unstructured',
        maximum_object_size = 268435456, columns = {{'Records': 'STRUCT({record})[]'}}))"""


def trail_export(source, output):
    select = ", ".join(
        ["r.eventTime::TIMESTAMP AS event_time"]
        + [f"r.{name}" for name in TEXT if name != "eventTime"]
        + [f"r.{name}::VARCHAR AS {name}" for name in RAW]
        + ["r.readOnly", "r.managementEvent"]
        + [f'r.userIdentity."{name}" AS identity_{name}' for name in IDENTITY]
        + ["r.userIdentity.sessionContext.sessionIssuer.arn AS issuer_arn",
           "r.userIdentity.sessionContext.attributes.mfaAuthenticated AS mfa"]
        + [f"r.tlsDetails.{name}" for name in TLS]
    )
    connect().execute(f"COPY (SELECT {select} FROM {trail_records(source)}) TO '{output}' {PARQUET}")


if __name__ == "__main__":
    main([access_export, access_export_ragged, access_export_lenient, access_export_regex, access_detect, trail_export])
