#!/usr/bin/env python3
"""Times mlops side by side with its peers, in one run on one machine, and prints a Markdown table.

    python3 tests/bench/bench.py --mlops build/release/src/mlops [--work DIR] [--rounds 5] [--quick]

Peers are used where they are installed (dvc, ninja, make, snakemake, tup, git, restic, xvc, sha256sum,
openssl). Every figure is the median of the rounds; the ratio is peer / mlops. Files are created in a
fresh directory each time: on some file systems creating files just after deleting many is slow.
Aims come from the project's design; a missed one is marked and explained in the last column.
"""
import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

QUIET = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)


class Bench:
    def __init__(self, options):
        self.mlops = os.path.abspath(options.mlops)
        self.work = os.path.abspath(options.work)
        self.rounds = options.rounds
        self.rows = []
        self.counter = 0

    def fresh(self, name):
        self.counter += 1
        path = os.path.join(self.work, f"{self.counter:03d}-{name}")
        os.makedirs(path)
        return path

    def once(self, command, cwd, env=None):
        begun = time.perf_counter()
        done = subprocess.run(command, cwd=cwd, env=env, **QUIET)
        elapsed = time.perf_counter() - begun
        if done.returncode != 0:
            raise RuntimeError(f"{command} exited {done.returncode} in {cwd}")
        return elapsed

    def median(self, command, cwd, rounds=None, env=None):
        times = [self.once(command, cwd, env) for _ in range(rounds or self.rounds)]
        return statistics.median(times)

    def row(self, what, ours, aim=None, peers=None, note=""):
        verdict = "" if aim is None else ("yes" if ours <= aim else "MISSED")
        self.rows.append((what, ours, aim, verdict, peers or {}, note))
        shown = ", ".join(f"{k} {v * 1000:.1f} ms" for k, v in (peers or {}).items())
        print(f"  {what}: {ours * 1000:.2f} ms {verdict} {shown}", file=sys.stderr, flush=True)

    def table(self):
        print("| what | mlops | aim | met | peers (times mlops) | note |")
        print("|---|---|---|---|---|---|")
        for what, ours, aim, verdict, peers, note in self.rows:
            beside = ", ".join(f"{name} {pretty(value)} ({value / ours:.1f}x)" for name, value in peers.items())
            print(f"| {what} | {pretty(ours)} | {pretty(aim) if aim else ''} | {verdict} | {beside} | {note} |")


def pretty(seconds):
    if seconds < 1:
        return f"{seconds * 1000:.2f} ms"
    return f"{seconds:.2f} s"


def write(path, text):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def fan(directory, count, tool):
    """count stages, each copies one small file: the shape of a large fan-out."""
    os.makedirs(f"{directory}/i")
    os.makedirs(f"{directory}/o")
    for i in range(count):
        write(f"{directory}/i/{i}", f"{i}\n")
    numbers = range(count)
    if tool in ("mlops", "dvc"):
        name = "pipeline.yaml" if tool == "mlops" else "dvc.yaml"
        text = "stages:\n" + "".join(
            f"  s{i}:\n    cmd: cp i/{i} o/{i}\n    deps: [i/{i}]\n    outs: [o/{i}]\n" for i in numbers)
        write(f"{directory}/{name}", text)
    elif tool == "ninja":
        text = "rule cp\n  command = cp $in $out\n" + "".join(f"build o/{i}: cp i/{i}\n" for i in numbers)
        write(f"{directory}/build.ninja", text)
    elif tool == "make":
        text = "all: " + " ".join(f"o/{i}" for i in numbers) + "\n"
        text += "".join(f"o/{i}: i/{i}\n\tcp i/{i} o/{i}\n" for i in numbers)
        write(f"{directory}/Makefile", text)
    elif tool == "tup":
        write(f"{directory}/Tupfile", "".join(f": i/{i} |> cp %f %o |> o/{i}\n" for i in numbers))
    elif tool == "snakemake":
        text = (f"rule all:\n    input: expand('o/{{i}}', i=range({count}))\n"
                "rule copy:\n    input: 'i/{i}'\n    output: 'o/{i}'\n    shell: 'cp {input} {output}'\n")
        write(f"{directory}/Snakefile", text)


RUN = {
    "dvc": ["dvc", "repro"],
    "ninja": ["ninja"],
    "make": ["make", "-s"],
    "tup": ["tup"],
    "snakemake": ["snakemake", "-c1", "-q"],
}


def start_up(bench):
    here = bench.fresh("start")
    ours = bench.median([bench.mlops, "version"], here, rounds=max(bench.rounds, 31))
    peers = {}
    for name, command in {"git": ["git", "--version"], "ninja": ["ninja", "--version"],
                          "dvc": ["dvc", "--version"], "true": ["true"]}.items():
        if shutil.which(command[0]):
            peers[name] = bench.median(command, here, rounds=5 if name == "dvc" else 31)
    bench.row("start-up of `version`", ours, 0.0025, peers)


def prepare_peer(bench, tool, count):
    directory = bench.fresh(f"{tool}-{count}")
    fan(directory, count, tool)
    if tool == "dvc":
        subprocess.run(["git", "init", "-q"], cwd=directory, check=True)
        subprocess.run(["dvc", "init", "-q"], cwd=directory, check=True, **QUIET)
    if tool == "tup":
        subprocess.run(["tup", "init"], cwd=directory, check=True, **QUIET)
    first = bench.once(RUN[tool], directory)
    return directory, first


def no_op(bench, count, aim, peers_wanted):
    directory = bench.fresh(f"mlops-{count}")
    fan(directory, count, "mlops")
    first = bench.once([bench.mlops, "run", "-q", "--progress=none"], directory)
    bench.once([bench.mlops, "run", "-q"], directory)
    ours = bench.median([bench.mlops, "run", "-q"], directory, rounds=max(bench.rounds, 11))
    peers, firsts = {}, {}
    for tool in peers_wanted:
        if not shutil.which(RUN[tool][0]):
            continue
        try:
            where, firsts[tool] = prepare_peer(bench, tool, count)
            slow = tool in ("dvc", "snakemake")
            peers[tool] = bench.median(RUN[tool], where, rounds=3 if slow else bench.rounds)
        except (RuntimeError, subprocess.CalledProcessError) as error:
            print(f"  {tool} left out: {error}", file=sys.stderr)
    bench.row(f"no-op run, {count:,} stages, {2 * count:,} files", ours, aim, peers)
    bench.row(f"first run, {count:,} stages, each", first / count, 0.002,
              {tool: seconds / count for tool, seconds in firsts.items()},
              "per stage, the command (`cp`) and the durable record included")
    return directory, ours


def memory(bench, directory):
    child = subprocess.Popen([bench.mlops, "run", "-q", "--force", "--progress=none"], cwd=directory, **QUIET)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        print(f"  memory: run ended with {status}", file=sys.stderr)
    peak = usage.ru_maxrss * 1024
    met = "yes" if peak <= 150e6 else "MISSED"
    print(f"\nPeak memory of a run that executes all its stages: {peak / 1e6:.0f} MB (aim 150 MB: {met})\n")


def hashing(bench, gib):
    directory = bench.fresh("hash")
    size = int(gib * (1 << 30))
    with open(f"{directory}/big", "wb") as file:
        block = os.urandom(1 << 20)
        for i in range(size >> 20):
            file.write(i.to_bytes(8, "little") + block[8:])
    write(f"{directory}/pipeline.yaml", "stages:\n  s:\n    cmd: 'true'\n    deps: [big]\n")
    peers = {"openssl": bench.median(["openssl", "dgst", "-sha256", "big"], directory),
             "sha256sum": bench.median(["sha256sum", "big"], directory, rounds=1)}
    times = []
    for _ in range(bench.rounds):
        shutil.rmtree(f"{directory}/.mlops", ignore_errors=True)
        times.append(bench.once([bench.mlops, "plan"], directory))
    ours = statistics.median(times)
    bench.row(f"hash one file of {gib:g} GiB (warm)", ours, peers["openssl"] * 1.02, peers)
    os.unlink(f"{directory}/big")


def many_files(bench, count, kib):
    directory = bench.fresh("many")
    block = os.urandom(kib * 1024)
    for i in range(count):
        path = f"{directory}/data/{i % 100}"
        os.makedirs(path, exist_ok=True)
        with open(f"{path}/{i}", "wb") as file:
            file.write(i.to_bytes(8, "little") + block[8:])
    write(f"{directory}/pipeline.yaml", "stages:\n  s:\n    cmd: 'true'\n    deps: [data]\n")
    times = {}
    for threads in ("0", "1"):
        env = dict(os.environ, MLOPS_POOL=threads)
        runs = [bench.once([bench.mlops, "plan"], directory, env) for _ in range(bench.rounds)]
        times[threads] = statistics.median(runs)
    bench.row(f"hash {count:,} files of {kib} KiB, two threads", times["1"], times["0"] / 1.8,
              {"one thread": times["0"]}, "aim: 1.8 times one thread")


def stage_overhead(bench, count):
    directory = bench.fresh("overhead")
    fan(directory, count, "mlops")
    ours = bench.once([bench.mlops, "run", "-q", "-j1"], directory) / count
    plain = bench.fresh("plain")
    fan(plain, count, "ninja")
    begun = time.perf_counter()
    for i in range(count):
        subprocess.run(["/bin/sh", "-ec", f"cp i/{i} o/{i}"], cwd=plain)
    shell = (time.perf_counter() - begun) / count
    bench.row("overhead per executed stage, -j1", max(ours - shell, 0.00001), 0.002, {},
              f"stage {pretty(ours)} less `sh -c cp` {pretty(shell)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlops", required=True)
    parser.add_argument("--work", default=None, help="a directory on a real file system; default: a temporary one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small sizes: a check that the bench works")
    parser.add_argument("--big-gib", type=float, default=10)
    options = parser.parse_args()
    made = options.work is None
    options.work = options.work or tempfile.mkdtemp(prefix="mlops-bench-")
    os.makedirs(options.work, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bench = Bench(options)
    start_up(bench)
    no_op(bench, 10, None, [])
    no_op(bench, 100, 0.006, ["dvc", "snakemake", "ninja", "make", "tup"])
    if not options.quick:
        no_op(bench, 1000, None, ["ninja", "make"])
        directory, _ = no_op(bench, 10000, 0.070, ["ninja", "make", "tup"])
        memory(bench, directory)
    stage_overhead(bench, 20 if options.quick else 200)
    hashing(bench, 0.05 if options.quick else options.big_gib)
    many_files(bench, 1000 if options.quick else 20000, 4 if options.quick else 64)
    bench.table()
    if made:
        shutil.rmtree(options.work)


if __name__ == "__main__":
    main()
