#!/usr/bin/env python3
"""Times `mlops data` on a large CSV beside its peers and the limit, a scan for line ends, in one run;
prints a Markdown table of medians.

    python3 tests/bench/tables.py --mlops build/release/src/mlops [--work DIR] [--gib 1] [--rounds 5]
        [--peer-rounds 3] [--python PYTHON] [--quick]

The file is that of tests/bench/csv/generate.c: 20 columns, some 6.2 million rows a GiB. Peers are
duckdb, pandas and frictionless of --python, as far as it has them; frictionless gets a hundredth of
the file, pandas the whole of it. CPU seconds are the stable figure where other work goes on.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
GIB = 1 << 30
FIELDS = ("id ts f1 f2 f3 f4 f5 f6 f7 f8 i1 i2 i3 i4 flag c1 c2 c3 c4 note").split()
PLAIN = {"id": "integer", "ts": "datetime", "flag": "boolean"}
COLOURS = "red green blue black white yellow orange purple grey brown".split()
DUCKDB = "import duckdb, sys; c = duckdb.connect(); c.execute('SET threads = ' + sys.argv[2]); " \
    "print(c.execute({!r}.replace('FILE', sys.argv[1])).fetchall()[0])"
PEERS = {
    "duckdb count(*), 1 thread": ("duckdb", DUCKDB.format("SELECT count(*) FROM read_csv('FILE')"), 1, 1),
    "duckdb SUMMARIZE, 1 thread": ("duckdb", DUCKDB.format("SUMMARIZE SELECT * FROM read_csv('FILE')"), 1, 1),
    "duckdb SUMMARIZE, 2 threads": ("duckdb", DUCKDB.format("SUMMARIZE SELECT * FROM read_csv('FILE')"), 2, 1),
    "pandas read_csv, describe, nunique": (
        "pandas", "import pandas, sys; d = pandas.read_csv(sys.argv[1]); d.describe(); print(d.nunique())", 1, 1),
    "frictionless validate, a hundredth": (
        "frictionless", "import sys, frictionless as f\n"
        "with f.system.use_context(trusted=True): r = f.validate(sys.argv[1])\n"
        "sys.exit(not r.valid)", 1, 100),
}


def kind(name):
    return PLAIN.get(name) or {"f": "number", "i": "integer"}.get(name[0], "string")


def schema(constraints):
    """As YAML, which is JSON."""
    rows = [dict(name=name, type=kind(name), **({"constraints": constraints[name]} if name in constraints else {}))
            for name in FIELDS]
    return str({"fields": rows}).replace("'", '"').replace("True", "true")


class Bench:
    def __init__(self, options, work):
        self.options, self.work, self.rows = options, work, []
        self.mlops = os.path.abspath(options.mlops)
        self.file = os.path.join(work, "big.csv")
        self.bytes = int(options.gib * GIB)

    def compile(self, name, *flags):
        program = os.path.join(self.work, name)
        subprocess.run(["gcc", "-O3", "-w", *flags, os.path.join(HERE, "csv", name + ".c"), "-o", program, "-lm"],
                       check=True)
        return program

    def make_file(self):
        if self.options.file:
            self.file = os.path.abspath(self.options.file)
        else:
            with open(self.file, "wb") as out:
                subprocess.run([self.compile("generate"), str(self.bytes)], stdout=out, stderr=subprocess.DEVNULL,
                               check=True)
        self.bytes = os.path.getsize(self.file)

    def time(self, name, words, share=1, aim=None, rounds=None):
        walls, cpus, peak = [], [], 0
        for _ in range(rounds or self.options.rounds):
            begun = time.monotonic()
            child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
            error = child.stderr.read()
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode not in (0,):
                print(f"{name}: exit {child.returncode}: {error.decode()[-300:]}", file=sys.stderr)
                return
            walls.append(time.monotonic() - begun)
            cpus.append(usage.ru_utime + usage.ru_stime)
            peak = max(peak, usage.ru_maxrss)
        wall, cpu = statistics.median(walls), statistics.median(cpus)
        rate = self.bytes / share / wall / 1e9
        self.rows.append((name, wall, cpu, rate, self.bytes / share / cpu / 1e9, peak / 1024, aim))
        print(f"{name}: {wall:.2f} s", file=sys.stderr)

    def ours(self, name, *words, aim=None):
        self.time(f"mlops {name}", [self.mlops, "data", *words], aim=aim)

    def write(self, name, text):
        path = os.path.join(self.work, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def run(self):
        self.make_file()
        scan = self.compile("scan", "-march=haswell", "-mpclmul")
        subprocess.run(["cat", self.file], stdout=subprocess.DEVNULL, check=True)
        self.time("line ends only (the limit)", [scan, self.file, "0"])
        self.time("all fields located, AVX2", [scan, self.file, "3"])
        checked = self.write("checked.json", schema({
            "c1": {"enum": COLOURS}, "i1": {"minimum": 0, "maximum": 99}, "c4": {"pattern": "SKU-[0-9]{6}"}}))
        unique = self.write("unique.json", schema({"id": {"unique": True, "required": True}}))
        key = self.write("key.json", schema({})[:-1] + ', "primaryKey": ["c3", "c4", "ts", "id"]}')
        self.ours("profile, 1 thread", "profile", "-j1", self.file, aim=0.4)
        self.ours("profile, 2 threads", "profile", "-j2", self.file, aim=0.7)
        self.ours("profile with a schema (enum, range, pattern), 1 thread", "profile", "-j1", "--schema", checked,
                  self.file, aim=0.25)
        self.ours("validate (enum, range, pattern), 1 thread", "validate", "-j1", "--schema", checked, self.file,
                  aim=0.25)
        self.ours("validate, 2 threads", "validate", "-j2", "--schema", checked, self.file)
        self.ours("validate, a unique column, 2 threads", "validate", "-j2", "--schema", unique, self.file)
        self.ours("validate, a key of four columns, 2 threads", "validate", "-j2", "--schema", key, self.file)
        self.peers()
        self.print()

    def peers(self):
        for name, (module, code, threads, share) in PEERS.items():
            python = self.options.python
            if subprocess.run([python, "-c", f"import {module}"], capture_output=True, check=False).returncode:
                print(f"{name}: not installed", file=sys.stderr)
                continue
            path = self.file
            if share > 1:
                path = os.path.join(self.work, "part.csv")
                with open(self.file, "rb") as whole, open(path, "wb") as part:
                    part.write(whole.read(self.bytes // share).rsplit(b"\n", 1)[0] + b"\n")
            self.time(name, [python, "-c", code, path, str(threads)], share,
                      rounds=self.options.peer_rounds)

    def print(self):
        limit = self.rows[0][1]
        ours = next((row[2] for row in self.rows if "profile, 1" in row[0]), None)
        print("| what | wall s | CPU s | GB/s wall | GB/s CPU | MiB | wall / limit | CPU / our profile | aim GB/s |")
        print("|---|---|---|---|---|---|---|---|---|")
        for name, wall, cpu, rate, per_cpu, peak, aim in self.rows:
            scale = self.bytes / 1e9 / (per_cpu * cpu) if per_cpu * cpu else 1
            against = f"{cpu * scale / ours:.2f}" if ours else ""
            said = "" if aim is None else f"{aim} ({'met' if rate >= aim else 'missed'})"
            print(f"| {name} | {wall:.2f} | {cpu:.2f} | {rate:.3f} | {per_cpu:.3f} | {peak:.0f} | {wall * scale / limit:.1f} "
                  f"| {against} | {said} |")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mlops", required=True)
    parser.add_argument("--work", default="/var/tmp")
    parser.add_argument("--file", help="a file made before")
    parser.add_argument("--gib", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, default=3, help="peers take up to a minute each")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if options.quick:
        options.gib, options.rounds = 0.01, 1
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        Bench(options, work).run()


if __name__ == "__main__":
    main()
