"""Ours and peers on the same data; see `run`."""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import agree
import page
import quirks
import work
from machine import DATA, PEERS, PROGRAM, REPOSITORY, generated
from measure import Command, TWO_CORES, bytes_under, in_turn, once, progress, remove, warm

GROUPS = ["correct", "access", "many", "detect", "trail", "trail_detect", "threads", "start"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bytes", default="1GB", help="of each log, before compression")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default=",".join(GROUPS), help=f"some of {','.join(GROUPS)}")
    parser.add_argument("--page", type=Path, help="where to write; by default docs/performance.md, of a whole run of 1 GB")
    options = parser.parse_args()
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(GROUPS):
        parser.error(f"unknown: {', '.join(unknown)}")
    if options.page is None and options.only == GROUPS and options.bytes == "1GB" and options.runs >= 5:
        options.page = REPOSITORY / "docs" / "performance.md"
    return options


def start_up():
    """Seconds that each peer takes to do nothing."""
    nothing = {name: Command(name, [sys.executable, "-c", f"import {name}"], DATA / "out" / "nothing") for name in PEERS}
    results = in_turn(list(nothing.values()), 5, "start of peers")
    return {name: runs.median for name, runs in results.items()}


def version_seconds():
    command = Command("--version", [PROGRAM, "--version"], DATA / "out" / "nothing")
    return statistics.median(once(command)[0] for _ in range(20))


def first_output_seconds(rounds):
    """From the start to the first byte on stdout, with 100,000 files of a few lines to be read."""
    source = generated("files100k", "--bytes", "100MB", "--files", "100000")
    warm(source)
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        cores = ",".join(map(str, TWO_CORES))
        command = ["taskset", "-c", cores, PROGRAM, "export", str(source), "--format", "jsonl", "-o", "-", "-q"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.read(1)
        seconds.append(time.perf_counter() - start)
        process.kill()
        process.stdout.close()
        process.wait()
    return statistics.median(seconds)


class Comparison:
    """What has been measured so far."""

    def __init__(self, options):
        self.options = options
        self.groups = {}
        self.bytes = {}
        self.sizes = {}
        self.agreement = {}
        self.facts = {}

    def data(self, name, *more):
        source = generated(name, "--bytes", self.options.bytes, *more)
        warm(source)
        return source

    def one(self):
        return self.data("one")

    def trail(self):
        return self.data("trail", "--log", "cloudtrail")

    def time(self, group, commands):
        self.groups[group] = in_turn(commands, self.options.runs, group)
        self.bytes[group] = size_of(self.options.bytes)
        return {command.name: command.output for command in commands}

    def measure_correct(self):
        self.facts["quirks"], self.facts["quirk_lines"] = quirks.quirks()
        self.facts["hostile"], self.facts["hostile_rows"], self.facts["hostile_spaced"] = quirks.hostile()

    def measure_access(self):
        source = self.one()
        outputs = self.time("access", work.access(source))
        ours = work.columns26(source)
        once(ours)
        progress("do the rows agree?")
        self.facts["rows"], self.facts["spaced"] = agree.access_rows(ours.output)
        for name, output in outputs.items():
            self.sizes[name] = bytes_under(output)
            if output.is_file():
                self.agreement[name] = (agree.access_rows(output)[0], *agree.access(ours.output, output))
        progress("they have been compared")
        self.sizes["26 columns"] = bytes_under(ours.output)

    def measure_many(self):
        source, one = self.data("many", "--files", "20000"), self.one()
        self.time("many", work.many(source, one))

    def measure_detect(self):
        self.time("detect", work.detect(self.one()))

    def measure_trail(self):
        outputs = self.time("trail", work.trail(self.trail()))
        ours = outputs["zstd 3"]
        self.facts["trail_rows"] = agree.one(f"SELECT count(*) FROM {agree.rows(ours)}")[0]
        self.sizes["trail zstd 3"] = bytes_under(ours)
        for name, output in outputs.items():
            if output.is_file():
                rows = agree.one(f"SELECT count(*) FROM {agree.rows(output)}")[0]
                self.agreement[name] = (rows, *agree.trail(ours, output))
                self.sizes[name] = bytes_under(output)

    def measure_trail_detect(self):
        self.time("trail_detect", work.trail_detect(self.trail()))

    def measure_threads(self):
        self.time("threads", work.threads(self.one(), self.trail(), TWO_CORES))

    def measure_start(self):
        self.facts["version_s"] = version_seconds()
        self.facts["first_output_s"] = first_output_seconds(self.options.runs)


def size_of(text):
    units = {"kB": 1e3, "MB": 1e6, "GB": 1e9}
    return next((int(text[:-2]) * factor for unit, factor in units.items() if text.endswith(unit)), None) or int(text)


def main():
    options = arguments()
    if len(TWO_CORES) < 2:
        sys.exit("two cores are needed")
    DATA.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    comparison = Comparison(options)
    comparison.facts["start_s"] = start_up()
    for name in options.only:
        getattr(comparison, f"measure_{name}")()
    remove(DATA / "out")
    minutes = (time.monotonic() - began) / 60
    text = page.compared(comparison, minutes)
    print(text)
    if options.page:
        page.put(options.page, "compare", text)
        progress(f"written to {os.path.relpath(options.page)}, after {minutes:.1f} minutes")


if __name__ == "__main__":
    main()
