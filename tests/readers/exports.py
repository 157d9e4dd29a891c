"""The settings whose exports are read, and the steps by which each is made."""

from dataclasses import dataclass

NATIVE = ("s3_access", "cloudtrail")
ALL_KEYS = ("account_id", "region", "bucket", "event_date")
SECURITY_LAKE = ("region", "accountId", "eventDay")


@dataclass(frozen=True)
class Export:
    """`options` of `export`. `steps`: the inputs are added in so many parts. `compact`: small files are merged behind.
    `projected`: of the generated CloudTrail alone, which lies in no default partition, so that Athena projects it."""

    name: str
    options: tuple = ()
    datasets: tuple = NATIVE
    keys: tuple = ("event_date",)
    steps: int = 1
    compact: bool = False
    projected: bool = False


EXPORTS = [
    Export("default"),
    Export("keys", ("--partition-by", ",".join(ALL_KEYS)), keys=ALL_KEYS),
    Export("fast", ("--encoding", "fast")),
    Export("snappy", ("--compression", "snappy")),
    Export("zstd3", ("--compression", "zstd:3")),
    Export("gzip", ("--compression", "gzip")),
    Export("activity", ("--log", "activity"), ("activity",)),
    Export("ocsf", ("--schema", "ocsf"), ("ocsf",), SECURITY_LAKE),
    Export("appended", steps=3),
    Export("compacted", steps=3, compact=True),
    Export("sorted", ("--sort", "file")),
    Export("sorted_compacted", ("--sort", "file"), steps=3, compact=True),
    Export("ocsf_compacted", ("--schema", "ocsf"), ("ocsf",), SECURITY_LAKE, steps=3, compact=True),
    Export("projected", datasets=("cloudtrail",), projected=True),
    Export("ocsf_projected", ("--schema", "ocsf"), ("ocsf",), SECURITY_LAKE, projected=True),
]
