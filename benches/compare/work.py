"""What is timed: for each input the commands that take turns on it."""

from measure import Command
from machine import DATA, PROGRAM, offers, peer
from peers.columns import COLUMNS

OUT = DATA / "out"
QUIET = ["-q"]


def ours(name, command, source, *options, cores=None):
    """`detect` ends with 6 where it says that it sampled; that is no failure."""
    output = OUT / name.replace(" ", "-")
    arguments = [PROGRAM, command, str(source), *QUIET, "-o", str(output), *options]
    made = Command(name, arguments, output, accepted=(0, 6) if command == "detect" else (0,))
    if cores:
        made.cores = cores
    return made


def theirs(name, engine, task, source, at_most=1000):
    output = OUT / name.replace(" ", "-")
    return Command(name, peer(engine, task, source, output), output, at_most=at_most)


def only_file(folder):
    [file] = [path for path in folder.rglob("*") if path.is_file()]
    return file


def access(source):
    log = only_file(source)
    commands = [
        ours("zstd 3", "export", log, "--compression", "zstd:3"),
        theirs("polars csv", "polars", "access_export", log),
        ours("default", "export", log),
        theirs("duckdb csv", "duckdb", "access_export", log),
        theirs("chdb csv", "chdb", "access_export", log),
        theirs("polars regex", "polars", "access_export_regex", log),
    ]
    if offers("--encoding"):
        commands.insert(4, ours("fast zstd 3", "export", log, "--compression", "zstd:3", "--encoding", "fast"))
    return commands


def columns26(source):
    """What peers write, by us: for sizes and for agreement."""
    without = ["--no-bloom-filters"] if offers("--no-bloom-filters") else []
    return ours("26 columns", "export", source, "--compression", "zstd:3", "--columns", ",".join(COLUMNS), *without)


def many(source, one):
    files = f"{source}/access_logs/*"
    return [
        ours("20,000 files", "export", source, "--compression", "zstd:3"),
        theirs("chdb csv", "chdb", "access_export", files),
        ours("the same in one file", "export", one, "--compression", "zstd:3"),
        theirs("polars csv", "polars", "access_export", files, at_most=3),
        theirs("duckdb csv", "duckdb", "access_export", files, at_most=1),
    ]


def detect(source):
    log = only_file(source)
    return [
        ours("detect", "detect", log),
        theirs("polars group by", "polars", "access_detect", log),
        theirs("duckdb group by", "duckdb", "access_detect", log),
        theirs("chdb group by", "chdb", "access_detect", log),
    ]


def trail(source):
    return [
        ours("zstd 3", "export", source, "--compression", "zstd:3"),
        theirs("chdb json", "chdb", "trail_export", source),
        theirs("duckdb json", "duckdb", "trail_export", source),
    ]


def trail_detect(source):
    return [
        ours("detect", "detect", source),
        theirs("chdb aggregate", "chdb", "trail_detect", source),
    ]


def threads(access_source, trail_source, cores):
    """One thread on one core, and two on two."""
    commands = []
    for log, source in (("access log", access_source), ("CloudTrail", trail_source)):
        for command in ("export", "detect"):
            for count in (1, 2):
                name = f"{log} {command} {count}"
                commands.append(ours(name, command, source, "--threads", str(count), cores=cores[:count]))
    return commands
