"""DuckDB, pyarrow and Spark: the rows of a folder of Parquet files as a table of pyarrow, and their own types."""

import shutil

import duckdb
import pyarrow as pa
import pyarrow.dataset
from pyspark.sql import SparkSession

import schema


class DuckDb:
    name = "DuckDB"

    def __init__(self):
        self.database = duckdb.connect()
        self.database.execute("SET TimeZone = 'UTC'")

    def read(self, folder, keys):
        """Rows, and types by column."""
        types = ", ".join(f"'{key}': VARCHAR" for key in keys)
        return self.select(f"read_parquet('{folder}/**/*.parquet', hive_partitioning = true, hive_types = {{{types}}})")

    def select(self, table, columns="*"):
        found = self.database.sql(f"SELECT {columns} FROM {table}")
        types = dict(zip(found.columns, map(schema.of_duckdb, found.types)))
        return found.to_arrow_table(), types

    def execute(self, statement):
        self.database.execute(statement)


class PyArrow:
    name = "pyarrow"

    def read(self, folder, keys):
        """Rows, and types by column."""
        partitioning = pa.dataset.partitioning(pa.schema([(key, pa.string()) for key in keys]), flavor="hive")
        found = pa.dataset.dataset(folder, format="parquet", partitioning=partitioning)
        types = {field.name: schema.of_arrow(field.type) for field in found.schema}
        # A file of other types would be cast without a word.
        for fragment in found.get_fragments():
            types |= {field.name: schema.of_arrow(field.type) for field in fragment.physical_schema
                      if schema.of_arrow(field.type) != types[field.name]}
        return found.to_table(), types


class Spark:
    name = "Spark"

    def __init__(self, scratch):
        shutil.rmtree(scratch, ignore_errors=True)
        settings = {
            "spark.driver.memory": "3g",
            "spark.driver.extraJavaOptions": f"-Dderby.system.home={scratch} -Dderby.stream.error.file=/dev/null",
            "spark.local.dir": scratch / "local",
            "spark.sql.session.timeZone": "UTC",
            "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
            "spark.sql.warehouse.dir": scratch / "warehouse",
            "spark.sql.shuffle.partitions": 2,
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            "spark.log.level": "OFF",
        }
        builder = SparkSession.builder.master("local[2]").enableHiveSupport()
        for name, value in settings.items():
            builder = builder.config(name, str(value))
        self.session = builder.getOrCreate()

    def read(self, folder, keys):
        """Rows, and types by column."""
        return self.table(self.session.read.parquet(f"file://{folder}"))

    def select(self, table, columns="*"):
        return self.table(self.session.sql(f"SELECT {columns} FROM {table}"))

    def table(self, frame):
        return frame.toArrow(), {field.name: schema.of_spark(field.dataType) for field in frame.schema.fields}

    def use(self, database):
        """Makes a database and goes there."""
        self.execute(f"CREATE DATABASE {database}")
        self.execute(f"USE {database}")

    def execute(self, statement):
        self.session.sql(statement).collect()
