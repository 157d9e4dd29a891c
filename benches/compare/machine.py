"""The program, its generator, the peers and the machine that they run on."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
REPOSITORY = HERE.parent.parent
RELEASE = Path(os.environ["CARGO_TARGET_DIR"]) / "release"
PROGRAM = str(RELEASE / "s3sleuth")
GENERATE = str(RELEASE / "examples" / "generate")
DATA = Path(os.environ.get("DATA_DIR", "/tmp/s3sleuth-compare"))
PEERS = ["duckdb", "polars", "chdb"]
NAMES = {"duckdb": "DuckDB", "polars": "Polars", "chdb": "ClickHouse (chDB)"}


def peer(name, task, *paths):
    return [sys.executable, str(HERE / "peers" / f"with_{name}.py"), task, *map(str, paths)]


def generated(name, *options):
    """A folder of generated data, made if it is not there. Two calls with one name must ask for the same."""
    folder = DATA / name
    done = DATA / f"{name}.made"
    wanted = " ".join(options)
    if not done.exists() or done.read_text() != wanted:
        from measure import progress, remove
        done.unlink(missing_ok=True)
        remove(folder)
        progress(f"generating {name}: {wanted}")
        subprocess.run([GENERATE, *options, str(folder)], check=True, stderr=subprocess.DEVNULL)
        done.write_text(wanted)
    return folder


def offers(option):
    """Does `s3sleuth export` know this option?"""
    text = subprocess.run([PROGRAM, "export", "--help"], capture_output=True, text=True, check=True).stdout
    return option in text


def said_by(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, cwd=REPOSITORY).stdout.strip()


def described():
    """Lines for the head of a page."""
    fields = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        fields.setdefault(name.strip(), value.strip())
    wide = [flag for flag in ("avx2", "avx512f") if flag in fields.get("flags", "").split()]
    memory = int(Path("/proc/meminfo").read_text().split()[1]) >> 20
    peers = ", ".join(f"{NAMES[name]} {version(name)}" for name in PEERS)
    return [
        f"Machine: two cores of {fields.get('model name', platform.processor())} (family {fields.get('cpu family')}, "
        f"model {fields.get('model')}; {', '.join(wide) or 'no AVX2'}), {memory} GiB of memory, "
        f"Linux {platform.release()}.",
        f"Built by {said_by('rustc', '--version')}, release profile, generic x86-64, "
        f"commit {said_by('git', 'rev-parse', '--short=10', 'HEAD')}. "
        f"Peers: {peers}, on Python {platform.python_version()}.",
    ]
