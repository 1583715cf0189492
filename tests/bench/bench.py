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
        self.notes = []

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


def generated(directory):
    """1,000 stages of templates: a matrix of 25 x 36, a foreach of 99 and one that joins them."""
    write(f"{directory}/params.yaml", "models: [" + ", ".join(f"m{i}" for i in range(25)) + "]\nseeds: ["
          + ", ".join(map(str, range(36))) + "]\nparts: [" + ", ".join(f"p{i}" for i in range(99)) + "]\n")
    write(f"{directory}/raw.csv", "a,b\n1,2\n")
    write(f"{directory}/dvc.yaml", """stages:
  fit:
    matrix: {model: "${models}", seed: "${seeds}"}
    cmd: echo ${item.model} ${item.seed} > fit/${item.model}-${item.seed}
    deps: [raw.csv]
    outs: ["fit/${item.model}-${item.seed}"]
  part:
    foreach: ${parts}
    do:
      cmd: ls fit | grep -c ${item} > part/${item} || true
      deps: [fit]
      outs: ["part/${item}"]
  join:
    cmd: cat part/* > joined
    deps: [part]
    outs: [joined]
""")
    os.makedirs(f"{directory}/fit")
    os.makedirs(f"{directory}/part")


def corpus(directory, name):
    """A real project whose commands create what its stages make; None without the data."""
    data = os.environ.get("MLOPS_CONFORMANCE")
    source = os.path.join(data or "", "dvc-corpus", name)
    if not data or not os.path.isdir(source):
        print(f"  {name} left out: MLOPS_CONFORMANCE does not name the data", file=sys.stderr)
        return None
    shutil.copytree(source, directory, dirs_exist_ok=True)
    return directory


def make_touched(bench, directory, path):
    """Replaces the commands of a real project: tests/conformance/touched.py."""
    sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../conformance"))
    import json
    import pathlib
    import types

    import touched
    told = subprocess.run([bench.mlops, "lint", "--resolved", path], cwd=directory, check=True, capture_output=True)
    project = types.SimpleNamespace(root=pathlib.Path(directory))
    touched.make_runnable(project, {path: json.loads(told.stdout)})


def peak_bytes(command, cwd):
    child = subprocess.Popen(command, cwd=cwd, **QUIET)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise RuntimeError(f"{command} ended with {status} in {cwd}")
    return usage.ru_maxrss * 1024


def dvc_project(bench, title, directory, path, aim):
    """Loading and planning, status and a no-op run, beside DVC on a copy of the same files."""
    peers = {}
    if shutil.which("dvc"):
        copy = bench.fresh("dvc")
        shutil.copytree(directory, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".mlops"))
        subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
        subprocess.run(["dvc", "init", "-q", "-f"], cwd=copy, check=True, **QUIET)
        peers["stage list"] = bench.median(["dvc", "stage", "list", "-q", path], copy, rounds=1)
        peers["status"] = bench.median(["dvc", "status", path], copy, rounds=1)
    listed = {"dvc stage list": peers["stage list"]} if peers else {}
    bench.row(f"load and plan, {title}", bench.median([bench.mlops, "dag", "--dot", path], directory), aim, listed)
    peak = peak_bytes([bench.mlops, "dag", "--dot", path], directory)
    bench.notes.append(f"Peak memory of loading and planning {title}: {peak / 1e6:.0f} MB (aim 100 MB: "
                       f"{'yes' if peak <= 100e6 else 'MISSED'})")
    first = bench.once([bench.mlops, "run", "-q", "-j2", "--progress=none", path], directory)
    bench.row(f"first run, {title}", first, None, {})
    bench.row(f"status, {title}", bench.median([bench.mlops, "status", path], directory), None,
              {"dvc, nothing run": peers["status"]} if peers else {})
    done = {}
    if peers:
        shutil.copytree(directory, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".mlops", ".git", ".dvc", ".gitignore"))
        try:
            bench.once(["dvc", "commit", "-q", "-f", path], copy)
            done["dvc"] = bench.median(["dvc", "repro", path], copy, rounds=1)
        except RuntimeError as error:
            print(f"  dvc's no-op run left out: {error}", file=sys.stderr)
    bench.row(f"no-op run, {title}", bench.median([bench.mlops, "run", "-q", path], directory), None, done)


def dvc_projects(bench, is_quick):
    directory = bench.fresh("generated")
    generated(directory)
    dvc_project(bench, "1,000 stages of templates", directory, "dvc.yaml", None)
    directory = None if is_quick else corpus(bench.fresh("opentimes"), "dfsnow__opentimes")
    if directory:
        os.makedirs(f"{directory}/.dvc")
        bench.row("load and plan, 4,172 stages as they are",
                  bench.median([bench.mlops, "dag", "--dot", "data/dvc.yaml"], directory), 0.1, {})
        make_touched(bench, directory, "data/dvc.yaml")
        dvc_project(bench, "4,172 stages", directory, "data/dvc.yaml", 0.1)


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


def finish(bench, made):
    bench.table()
    print()
    for note in bench.notes:
        print(note)
    if made:
        shutil.rmtree(made)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlops", required=True)
    parser.add_argument("--work", default=None, help="a directory on a real file system; default: a temporary one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="small sizes: a check that the bench works")
    parser.add_argument("--big-gib", type=float, default=10)
    parser.add_argument("--only-dvc", action="store_true", help="only projects in DVC's dialect")
    options = parser.parse_args()
    made = options.work is None
    options.work = options.work or tempfile.mkdtemp(prefix="mlops-bench-")
    os.makedirs(options.work, exist_ok=True)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    bench = Bench(options)
    if options.only_dvc:
        dvc_projects(bench, options.quick)
        finish(bench, options.work if made else None)
        return
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
    dvc_projects(bench, options.quick)
    finish(bench, options.work if made else None)


if __name__ == "__main__":
    main()
