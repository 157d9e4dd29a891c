"""What is aimed at: peer's time over ours, a gate that must hold and an ambition."""

from dataclasses import dataclass


@dataclass
class Gate:
    """Of the commands `peers` in a group, the fastest counts."""

    work: str
    group: str
    ours: str
    peers: list[str]
    gate: float
    ambition: float | None


GATES = [
    Gate("access log to Parquet, zstd 3, all columns", "access", "zstd 3", ["polars csv"], 1.4, 2.8),
    Gate("", "access", "zstd 3", ["duckdb csv"], 1.6, 3.1),
    Gate("", "access", "zstd 3", ["chdb csv"], 2.3, 4.4),
    Gate("", "access", "zstd 3", ["polars regex"], 4, 8),
    Gate("with --encoding fast", "access", "fast zstd 3", ["polars csv"], 1.7, 3),
    Gate("", "access", "fast zstd 3", ["duckdb csv"], 1.9, 3.3),
    Gate("at the default level", "access", "default", ["polars csv"], 2, 3.2),
    Gate("", "access", "default", ["duckdb csv"], 2.2, 3.6),
    Gate("from 20,000 files", "many", "20,000 files", ["chdb csv", "polars csv", "duckdb csv"], 5, 7),
    Gate("access log, detect", "detect", "detect", ["polars group by"], 1.5, 3),
    Gate("", "detect", "detect", ["duckdb group by"], None, None),
    Gate("", "detect", "detect", ["chdb group by"], None, None),
    Gate("CloudTrail gz to Parquet, zstd 3, all columns", "trail", "zstd 3", ["chdb json"], 1.7, 3.2),
    Gate("", "trail", "zstd 3", ["duckdb json"], 11, 20),
    Gate("CloudTrail gz, detect", "trail_detect", "detect", ["chdb aggregate"], 1.2, 2.6),
]

# Where a peer's start is more than this share of its time, its time without the start is what counts.
START_COUNTS = 0.1

# Our own figures: name, gate, ambition.
ONE_FILE_RATIO = 1.2
TWO_THREADS = (1.8, 1.95)
PEAK_MB = {"access export": (128, 64), "many export": (128, 64), "trail export": (160, 64), "access detect": (100, 40),
           "trail detect": (100, 40)}
SIZE = (1.03, 0.95)
VERSION_MS = 20
FIRST_OUTPUT_MS = 150
