"""Polars: `with_polars.py TASK INPUT OUTPUT [INPUT OUTPUT ...]`."""

from tasks import main
from columns import AFTER_TIME, BIGINT, COLUMNS, INT, REGEX, TIME_FORMAT, WORDS, YES

import polars as pl


def words(source, ragged=False, lenient=False):
    """The first line of a file may hold a requester with spaces, which are columns too many."""
    more = {"missing_columns": "insert"} if ragged else {}
    if lenient:
        more |= {"ignore_errors": True, "truncate_ragged_lines": True}
    return pl.scan_csv(
        source, separator=" ", quote_char='"', has_header=False, null_values="-", encoding="utf8-lossy",
        schema={name: pl.String for name in WORDS}, extra_columns="ignore", **more,
    )


def typed(time, cell):
    """The expressions of a select: `time` is that of the time's text, `cell(name)` that of another column's."""
    def column(name):
        kind = AFTER_TIME.get(name)
        if name == "event_time":
            return time.str.to_datetime(TIME_FORMAT, time_unit="ms", strict=False).alias(name)
        value = cell(name)
        if kind == INT:
            value = value.cast(pl.Int32, strict=False)
        elif kind == BIGINT:
            value = value.cast(pl.Int64, strict=False)
        elif kind == YES:
            value = value == "Yes"
        return value.alias(name)
    return [column(name) for name in COLUMNS]


def sink(frame, output):
    frame.sink_parquet(output, compression="zstd", compression_level=3, maintain_order=False)


def access_export(source, output, **options):
    sink(words(source, **options).select(typed(pl.col("time_word").str.slice(1), pl.col)), output)


def access_export_ragged(source, output):
    access_export(source, output, ragged=True)


def access_export_lenient(source, output):
    access_export(source, output, ragged=True, lenient=True)


def access_export_regex(source, output):
    lines = pl.scan_csv(
        source, separator="\x01", quote_char=None, has_header=False, schema={"line": pl.String}, encoding="utf8-lossy",
    )
    numbered = {str(number + 1): name for number, name in enumerate(COLUMNS)}
    fields = lines.select(pl.col("line").str.extract_groups(REGEX).alias("field")).unnest("field").rename(numbered)
    def cell(name):
        text = pl.col(name)
        if name in ("request_uri", "referer", "user_agent"):
            text = text.str.strip_chars('"')
        return pl.when(text != "-").then(text)
    sink(fields.select(typed(pl.col("event_time").str.head(20), cell)), output)


def access_detect(source, output):
    words(source).group_by("requester").agg(
        pl.len().alias("requests"),
        pl.col("bytes_sent").cast(pl.Int64, strict=False).sum().alias("bytes"),
        (pl.col("http_status") == "403").sum().alias("denied"),
        pl.col("operation").str.contains("DELETE", literal=True).sum().alias("deletes"),
        pl.col("object_key_raw").n_unique().alias("keys"),
        pl.col("remote_ip").n_unique().alias("addresses"),
    ).sort("requester").collect(engine="streaming").write_csv(output)


if __name__ == "__main__":
    main([access_export, access_export_ragged, access_export_lenient, access_export_regex, access_detect])
