"""Runs commands and measures them: seconds and peak memory of the whole process."""

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

TWO_CORES = sorted(os.sched_getaffinity(0))[:2]


@dataclass
class Command:
    """Something to be timed; `output` is removed before each run."""

    name: str
    arguments: list[str]
    output: Path
    cores: list[int] = field(default_factory=lambda: TWO_CORES)
    accepted: tuple[int, ...] = (0,)
    # Rounds in which it takes part; fewer for the slow ones that decide nothing.
    at_most: int = 1000


@dataclass
class Runs:
    """Of one command."""

    command: Command
    seconds: list[float] = field(default_factory=list)
    peak_bytes: list[int] = field(default_factory=list)

    @property
    def median(self):
        return statistics.median(self.seconds)

    @property
    def peak(self):
        return max(self.peak_bytes)

    def spread(self):
        """From the fastest to the slowest, and how many."""
        return f"{min(self.seconds):.2f}-{max(self.seconds):.2f} ({len(self.seconds)})"


def remove(path):
    if path.is_dir():
        shutil.rmtree(path)
    elif path.exists():
        path.unlink()


def once(command):
    """Seconds and peak bytes. GNU time stands between, as a child's peak begins with that of its parent."""
    remove(command.output)
    command.output.parent.mkdir(parents=True, exist_ok=True)
    cores = ",".join(map(str, command.cores))
    with tempfile.NamedTemporaryFile("r") as report, tempfile.TemporaryFile() as errors:
        wrapped = ["/usr/bin/time", "-q", "-f", "%M", "-o", report.name, "taskset", "-c", cores, *command.arguments]
        start = time.perf_counter()
        status = subprocess.run(wrapped, stdout=subprocess.DEVNULL, stderr=errors).returncode
        seconds = time.perf_counter() - start
        if status not in command.accepted:
            errors.seek(0)
            message = errors.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{command.name} ended with {status}:\n{message}")
        return seconds, int(report.read()) * 1024


def in_turn(commands, rounds, title):
    """Each command once a round, so that all meet the same minutes of the machine."""
    results = {command.name: Runs(command) for command in commands}
    for number in range(rounds):
        told = []
        for command in (command for command in commands if number < command.at_most):
            seconds, peak = once(command)
            results[command.name].seconds.append(seconds)
            results[command.name].peak_bytes.append(peak)
            told.append(f"{command.name} {seconds:.2f}")
        progress(f"{title} {number + 1}/{rounds}: " + ", ".join(told))
    return results


def progress(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", file=sys.stderr, flush=True)


def warm(folder):
    """Reads every file once, so that it lies in the page cache."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with open(path, "rb", buffering=0) as file:
                while file.read(1 << 20):
                    pass


def bytes_under(path):
    return path.stat().st_size if path.is_file() else sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
