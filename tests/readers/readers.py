"""Reads the exports of exports.py with each engine and compares rows and types with what the program says itself."""

import argparse
import os
import platform
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import odd
import rows
import schema
import statements
import tamper
import truth
import views
from engines import DuckDb, PyArrow, Spark
from exports import EXPORTS

REPOSITORY = Path(__file__).parent.parent.parent
RELEASE = Path(os.environ["CARGO_TARGET_DIR"]) / "release"
DATA = Path(os.environ.get("DATA_DIR", "/tmp/s3sleuth-readers"))
VIEWS = {"s3_access": "s3_access_aws", "cloudtrail": "cloudtrail_aws"}


def program(*arguments):
    """What the program prints; an exit code other than 0 ends the run."""
    command = [str(RELEASE / "s3sleuth"), *map(str, arguments)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stderr}")
    return done.stdout


class Findings:
    """What was held against what, and what did not fit."""

    def __init__(self):
        self.checks, self.failures = 0, 0

    def report(self, what, lines):
        self.checks += 1
        if lines:
            self.failures += 1
            print(f"FAILED {what}", *lines, sep="\n  ", flush=True)


def generate(size):
    """The inputs, in the three parts in which they are also added one after the other."""
    made = DATA / "inputs"
    shutil.rmtree(made, ignore_errors=True)
    for log, files in (("s3_access", ["--files", "5", "--source-region"]), ("cloudtrail", [])):
        options = ["--log", log, "--bytes", size, "--hostile-ppm", "20000", "--duplicate-ppm", "5000", *files]
        generator = RELEASE / "examples" / "generate"
        subprocess.run([generator, *options, made / log], check=True, capture_output=True)
    odd.write(made / "odd")
    trail = sorted(path for path in (made / "cloudtrail").rglob("*") if path.is_file())
    access = sorted(path for path in (made / "s3_access").rglob("*") if path.is_file())
    half = len(trail) // 2
    return [("samples", *access[:2], *trail[:half]), tuple(access[2:]), (made / "odd", *trail[half:])]


def make(export, inputs, parts):
    """Exports with the settings."""
    lake = DATA / "lakes" / export.name
    shutil.rmtree(lake, ignore_errors=True)
    for number, part in enumerate([inputs] if export.steps == 1 else parts):
        program("export", *part, "-o", lake, *export.options, *(["--append"] if number else []), "-q")
    if export.compact:
        before = len(list(lake.rglob("*.parquet")))
        program("compact", lake)
        after = len(list(lake.rglob("*.parquet")))
        if not after < before:
            sys.exit(f"{lake}: compact merged nothing, {before} files before and {after} after")
    if export.steps > 1 and not export.compact and len(list(lake.rglob("part-0002-*"))) == 0:
        sys.exit(f"{lake}: nothing was added by the third step")
    return lake


def hold(what, read, expected, types, keys, findings):
    """Rows and types of one engine; `read` gives both. The names of keys can have been made lower-case."""
    try:
        table, found = read()
    except Exception as error:  # Whatever an engine throws, it cannot read the folder.
        return findings.report(what, [f"{type(error).__name__}: {str(error)[:1000]}"])
    wanted = {**{name: kind for name, kind in types.items() if name not in keys}, **dict.fromkeys(keys, "string")}
    lower = {name.lower(): name for name in wanted}
    found = {lower.get(name.lower(), name): kind for name, kind in found.items()}
    names = sorted(set(wanted) | set(found))
    differing = [name for name in names if wanted.get(name) != found.get(name)]
    wrong = [f"{name}: {wanted.get(name)} promised, {found.get(name)} found" for name in differing]
    findings.report(f"{what}, types", wrong)
    if set(wanted) == set(found):
        columns = [lower[name.lower()] for name in table.column_names]
        findings.report(f"{what}, rows", rows.difference(expected, rows.of_table(table, columns)))


def hold_views(what, engine, dataset, found, keys, findings):
    """The view under AWS's names."""
    table, _ = engine.select(VIEWS[dataset])
    expected = views.expected(found, table, keys, lambda name, row: truth.key(name, dataset, row))
    findings.report(f"{what} {VIEWS[dataset]}", rows.difference(expected, rows.of_table(table, table.column_names)))


def check(export, lake, found, engines, findings):
    """Everything about one export. `found`: the rows of its datasets."""
    spark, duckdb, _ = engines
    types = schema.datasets()
    expected = {dataset: truth.expected(found[dataset], dataset, export.keys) for dataset in export.datasets}

    def hold_all(how, read):
        for dataset in export.datasets:
            what = f"{export.name}: {how} {dataset}"
            hold(what, lambda: read(dataset), expected[dataset], types[dataset], export.keys, findings)

    def hold_executed(how, engine, list_of_statements):
        for statement in list_of_statements:
            try:
                engine.execute(statement)
            except Exception as error:  # Of the engine, which names the place.
                findings.report(f"{export.name}: {how}", [f"{str(error)[:500]}", statement[:500]])

    for engine in engines:
        hold_all(engine.name, lambda dataset, engine=engine: engine.read(lake / dataset, export.keys))
    for engine, name in ((spark, "spark"), (duckdb, "duckdb")):
        text = program("ddl", lake, "--engine", name)
        if name == "spark":
            spark.use(f"lake_{export.name}")
        hold_executed(f"ddl for {name}", engine, statements.split(text))
        hold_all(f"table of {engine.name}", engine.select)
        for dataset in set(export.datasets) & set(VIEWS):
            hold_views(f"{export.name}: {engine.name}", engine, dataset, found[dataset], export.keys, findings)
    text = program("ddl", lake, "--engine", "athena", "--location", statements.ATHENA_LOCATION)
    findings.report(f"{export.name}: ddl for athena, parsed", statements.parse(text))
    spark.use(f"lake_{export.name}_athena")
    hold_executed("ddl for athena, in Spark's Hive", spark, statements.local(text, lake))
    # Projection is Athena's alone.
    projected = [dataset for dataset in export.datasets if f"ALTER TABLE `{dataset}`" not in text]
    if export.projected and (not projected or "'projection.enabled' = 'true'" not in text):
        findings.report(f"{export.name}: projection", ["it is not projected"])
    hold_executed("MSCK REPAIR TABLE", spark, [f"MSCK REPAIR TABLE {dataset}" for dataset in projected])
    hold_all("Athena's table in Spark's Hive", spark.select)


def check_that_checks_fail(lake, found, engines, findings):
    """Changes one value after the other and expects a failure from each engine."""
    expected = truth.expected(found["s3_access"], "s3_access", ["event_date"])
    types = schema.datasets()["s3_access"]
    copy = DATA / "lakes" / "changed"
    for change in [*tamper.CHANGES, "another type"]:
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(lake / "s3_access", copy)
        if change == "another type":
            for path in copy.glob("*/*.parquet"):
                tamper.retyped(path)
        else:
            tamper.changed(min(copy.glob("event_date=2026*/*.parquet")), change)
        for engine in engines:
            inner = Findings()
            inner.report = lambda what, lines, inner=inner: setattr(inner, "failures", inner.failures + bool(lines))
            hold(engine.name, lambda: engine.read(copy, ["event_date"]), expected, types, ["event_date"], inner)
            findings.report(f"{engine.name} shows {change}", [] if inner.failures else ["no difference was found"])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="names of exports.py, with commas")
    parser.add_argument("--bytes", default="10MB", help="of each generated log")
    arguments = parser.parse_args()
    chosen = [export for export in EXPORTS if not arguments.only or export.name in arguments.only.split(",")]
    parts = generate(arguments.bytes)
    everything = tuple(input for part in parts for input in part)
    engines = [Spark(DATA / "spark"), DuckDb(), PyArrow()]
    packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pyarrow", "pyspark", "sqlglot"))
    java = engines[0].session.sparkContext._jvm.System.getProperty("java.version")
    print(f"Python {platform.python_version()}, {packages}, Java {java}", flush=True)
    findings = Findings()
    for export in chosen:
        inputs = (DATA / "inputs" / "cloudtrail",) if export.projected else everything
        found = {dataset: truth.rows(program, dataset, inputs) for dataset in export.datasets}
        for dataset, of_dataset in found.items():
            if not export.projected and all(truth.instant(row) for row in of_dataset):
                sys.exit(f"{dataset}: every row has a time, so the default partition is not tested")
        lake = make(export, inputs, parts)
        before = findings.failures
        check(export, lake, found, engines, findings)
        counts = ", ".join(f"{len(of_dataset)} rows of {dataset}" for dataset, of_dataset in found.items())
        outcome = "as expected" if before == findings.failures else "DIFFERENT"
        print(f"{export.name}: {counts}: {outcome}", flush=True)
        if export.name == "default":
            check_that_checks_fail(lake, found, engines, findings)
    print(f"{findings.checks} checks, {findings.failures} failed")
    sys.exit(1 if findings.failures else 0)


main()
