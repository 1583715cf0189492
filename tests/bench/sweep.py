#!/usr/bin/env python3
"""Times a sweep of many trials of a trivial stage: what a trial costs beside the plain start of its command, beside
the same run again and again in the work tree, and beside DVC's queue (with --dvc PROGRAM). Prints a Markdown table.

    python3 tests/bench/sweep.py --mlops build/release/src/mlops [--trials 1000] [--jobs 2] [--dvc DVC]
        [--dvc-trials 10] [--work DIR] [--quick]

Memory is the driver's own peak, at a tenth of the trials and at their end: it has to be flat.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

PIPELINE = """\
stages:
  train:
    cmd: cp params.yaml metrics.yaml
    params: [x]
    metrics: [metrics.yaml]
"""
GIT = dict(GIT_CONFIG_NOSYSTEM="1", GIT_AUTHOR_NAME="b", GIT_AUTHOR_EMAIL="b@example.org", GIT_COMMITTER_NAME="b",
           GIT_COMMITTER_EMAIL="b@example.org", DVC_NO_ANALYTICS="1")


def env_of(directory):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MLOPS")}
    return dict(kept, HOME=directory, **GIT)


def git(where, env, *words):
    subprocess.run(["git", *words], cwd=where, env=env, check=True, stdout=subprocess.DEVNULL)


def project(work, name, pipeline):
    where = os.path.join(work, name)
    os.makedirs(where)
    for path, text in ((pipeline, PIPELINE), ("params.yaml", "x: 0\n")):
        with open(os.path.join(where, path), "w", encoding="utf-8") as file:
            file.write(text)
    return where


def plain(work, trials):
    """The command itself, by the same shell."""
    where = project(work, "plain", "pipeline.yaml")
    begun = time.perf_counter()
    for _ in range(trials):
        subprocess.run(["/bin/sh", "-c", "cp params.yaml metrics.yaml"], cwd=where, check=True)
    return (time.perf_counter() - begun) / trials


def one_by_one(mlops, work, trials):
    """What a loop of one's own costs: the parameter written, `mlops run`."""
    where, env = project(work, "loop", "pipeline.yaml"), env_of(work)
    git(where, env, "init", "-q")
    begun = time.perf_counter()
    for number in range(trials):
        with open(os.path.join(where, "params.yaml"), "w", encoding="utf-8") as file:
            file.write(f"x: {number + 1}\n")
        subprocess.run([mlops, "run", "-q"], cwd=where, env=env, check=True)
    return (time.perf_counter() - begun) / trials


class Memory(threading.Thread):
    """Peak of a process by /proc, noted against the number of trials it has done."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.seen = pid, []

    def run(self):
        while True:
            try:
                with open(f"/proc/{self.pid}/status", encoding="utf-8") as file:
                    found = re.search(r"VmHWM:\s+(\d+) kB", file.read())
            except OSError:
                return
            if not found:
                return
            self.seen.append((time.perf_counter(), int(found[1])))
            time.sleep(0.05)


def sweep(mlops, work, trials, jobs):
    where, env = project(work, f"sweep-{jobs}", "pipeline.yaml"), env_of(work)
    git(where, env, "init", "-q")
    git(where, env, "add", "-A")
    git(where, env, "commit", "-q", "-m", "x")
    subprocess.run([mlops, "init", "-q"], cwd=where, env=env, check=True)
    begun = time.perf_counter()
    process = subprocess.Popen([mlops, "sweep", "-q", "-S", f"x=range(1,{trials + 1})", "--metric", "x", "--max",
                                f"-j{jobs}"], cwd=where, env=env, stdout=subprocess.DEVNULL)
    memory = Memory(process.pid)
    memory.start()
    status = process.wait()
    seconds = time.perf_counter() - begun
    if status:
        sys.exit(f"the sweep ended with {status}")
    early = [peak for at, peak in memory.seen if at - begun < seconds / 10]
    again = time.perf_counter()
    subprocess.run([mlops, "sweep", "--resume", "-q"], cwd=where, env=env, check=True, stdout=subprocess.DEVNULL)
    again = time.perf_counter() - again
    left = os.listdir(os.path.join(where, ".mlops/work"))
    if left:
        sys.exit(f"left in .mlops/work: {left}")
    return seconds / trials, max(early or [0]), max(peak for _, peak in memory.seen), again


def dvc_project(dvc, work, name):
    where, env = project(work, name, "dvc.yaml"), env_of(work)
    git(where, env, "init", "-q")
    subprocess.run([dvc, "init", "-q"], cwd=where, env=env, check=True, stdout=subprocess.DEVNULL)
    git(where, env, "add", "-A")
    git(where, env, "commit", "-q", "-m", "x")
    return where, env


def dvc_queue(dvc, work, trials):
    """Queued, then run by one worker, as `dvc exp run --queue` and `--run-all` do. None: the worker was not done
    after a minute a trial, as happens where nobody reaps its daemon."""
    where, env = dvc_project(dvc, work, "dvc")
    begun = time.perf_counter()
    subprocess.run([dvc, "exp", "run", "-q", "--queue", "-S", f"x=range(1,{trials + 1})"], cwd=where, env=env,
                   check=True, stdout=subprocess.DEVNULL)
    queued = time.perf_counter() - begun
    try:
        subprocess.run([dvc, "exp", "run", "-q", "--run-all"], cwd=where, env=env, check=True, timeout=60 * trials,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return None, queued / trials
    return (time.perf_counter() - begun) / trials, queued / trials


def dvc_temp(dvc, work, trials):
    """One after the other in directories of their own, which is what a worker of the queue does with each."""
    where, env = dvc_project(dvc, work, "dvc-temp")
    begun = time.perf_counter()
    for number in range(trials):
        subprocess.run([dvc, "exp", "run", "-q", "--temp", "-S", f"x={number + 1}"], cwd=where, env=env, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - begun) / trials


def row(name, seconds, base, note=""):
    print(f"| {name} | {seconds * 1000:.1f} ms | {seconds / base:.1f} | {note} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlops", required=True)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--dvc")
    parser.add_argument("--dvc-trials", type=int, default=10)
    parser.add_argument("--work")
    parser.add_argument("--quick", action="store_true", help="only that it works")
    options = parser.parse_args()
    mlops = os.path.abspath(options.mlops)
    trials = 20 if options.quick else options.trials
    work = tempfile.mkdtemp(prefix="mlops-bench-", dir=options.work)
    try:
        base = plain(work, trials)
        print(f"{trials} trials of a stage that copies one file\n")
        print("| what | a trial | to the plain command | |\n|---|---|---|---|")
        row("the command by a shell", base, base)
        row("`mlops run`, one after the other", one_by_one(mlops, work, min(trials, 200)), base)
        for jobs in sorted({1, options.jobs}):
            seconds, early, peak, again = sweep(mlops, work, trials, jobs)
            row(f"`mlops sweep -j{jobs}`", seconds, base,
                f"driver {early / 1024:.1f} MiB after a tenth, {peak / 1024:.1f} MiB at the end; "
                f"`--resume` of what is done {again * 1000:.0f} ms")
        if options.dvc:
            dvc = os.path.abspath(options.dvc)
            row("`dvc exp run --temp`", dvc_temp(dvc, work, options.dvc_trials), base, f"{options.dvc_trials} trials")
            seconds, queued = dvc_queue(dvc, work, options.dvc_trials)
            if seconds:
                row("DVC's queue, one worker", seconds, base, f"{queued * 1000:.0f} ms of it to queue one")
            else:
                row("DVC's queue, only queued", queued, base, "its worker did not come to an end")
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
