"""The checks can fail: one value of an export is changed, and every engine must show it."""

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq


def put(table, name, change):
    """Changes the first value of a column that is not null."""
    values = table[name].to_pylist()
    first = next(index for index, value in enumerate(values) if value is not None)
    values[first] = change(values[first])
    column = table.schema.get_field_index(name)
    return table.set_column(column, table.schema.field(name), pa.array(values, table.schema.field(name).type))


def emptied(table, name):
    """A null becomes an empty text."""
    values = table[name].to_pylist()
    values[values.index(None)] = ""
    column = table.schema.get_field_index(name)
    return table.set_column(column, table.schema.field(name), pa.array(values, table.schema.field(name).type))


def later(table):
    times = table["event_time"].cast(pa.int64()).to_pylist()
    times[0] += 1
    times = pa.array(times, pa.int64()).cast(table.schema.field("event_time").type)
    return table.set_column(table.schema.get_field_index("event_time"), table.schema.field("event_time"), times)


CHANGES = {
    "a number more by one": lambda table: put(table, "bytes_sent", lambda value: value + 1),
    "a text with one more space": lambda table: put(table, "object_key", lambda value: value + " "),
    "an empty text for a null": lambda table: emptied(table, "error_code"),
    "an instant later by a millisecond": later,
    "a row less": lambda table: table.slice(1),
    "a row twice": lambda table: pa.concat_tables([table, table.slice(0, 1)]),
}


def changed(path, change):
    """Writes the file again with the change."""
    pq.write_table(CHANGES[change](pq.read_table(path, partitioning=None)), path)


def retyped(path):
    """Writes the file again with another type of a column."""
    table = pq.read_table(path, partitioning=None)
    column = table.schema.get_field_index("http_status")
    pq.write_table(table.set_column(column, "http_status", pc.cast(table["http_status"], pa.int64())), path)
