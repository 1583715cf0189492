#!/usr/bin/env python3
"""A sweep of 24 trials with a shared preparing stage: killed at random moments and gone on with, it
ends with the results of an undisturbed one; several drivers share it; Ctrl-C gives trials back. The
work tree, the index and the lock file keep their bytes, nothing of a trial runs on or lies about."""
import collections
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402

PIPELINE = """\
stages:
  prepare:
    cmd: echo prepare >> "$FAULT_LOG"; sleep 0.1; sort data/raw.csv > clean.csv
    deps: [data/raw.csv]
    outs: [clean.csv]
  train:
    cmd: sh train.sh
    deps: [clean.csv, train.sh]
    params: [rate, depth, kind]
    metrics: [metrics.json]
"""
TRAIN = """\
rate=$(sed -n 's/^rate: *//p' params.yaml); depth=$(sed -n 's/^depth: *//p' params.yaml)
kind=$(sed -n 's/^kind: *//p' params.yaml)
echo "train $rate $depth $kind" >> "$FAULT_LOG"
sleep 0.05
printf '{"score": %s}' "$(printf '%s' "$rate$depth$kind" | cksum | cut -c1-6)" > metrics.json
"""
WORDS = ["sweep", "-S", "rate=0.1,0.2,0.3,0.4", "-S", "depth=1,2,3", "-S", "kind=a,b",
         "--metric", "score", "--max", "-j4"]
TUNED = ["sweep", "--file", "sweep.yaml", "--stop", "never", "-j2"]  # what is stopped when is chance
TRIALS = 24


def git(project, *words):
    done = subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *words],
                          cwd=project, capture_output=True, text=True, check=True,
                          env=fault.environment(GIT_CONFIG_NOSYSTEM="1", HOME=fault.scratch()))
    return done.stdout


def make():
    project = fault.make_project("sweep", PIPELINE)
    fault.write(project + "/train.sh", TRAIN)
    fault.write(project + "/params.yaml", "rate: 0.9 # kept\ndepth: 9\nkind: c\n")
    fault.remove(project + "/log")
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "x")
    git(project, "branch", "other")
    fault.write(project + "/notes.txt", "stashed\n")
    git(project, "add", "notes.txt")
    git(project, "stash")
    fault.write(project + "/staged.txt", "staged\n")
    git(project, "add", "staged.txt")
    fault.write(project + "/train.sh", TRAIN + "# dirty\n")
    fault.write(project + "/notes.txt", "untracked\n")
    fault.settle(project)
    return project


def make_example():
    """examples/tuned with the work tree of `make`; None where scikit-learn is missing."""
    if subprocess.run(["python3", "-c", "import sklearn, yaml"], capture_output=True).returncode:
        return None
    project = os.path.join(fault.scratch(), "tuned")
    fault.copy(os.path.join(os.path.dirname(__file__), "../../examples/tuned"), project)
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "x")
    for name in ("prepare", "train"):
        with open(f"{project}/src/{name}.py", "a", encoding="utf-8") as file:
            file.write(f"\nopen(__import__('os').environ['FAULT_LOG'], 'a').write('{name}\\n')\n")
    fault.settle(project)
    return project


def stamps(project):
    """Inode, mode and time of every file: not even written with the same bytes again."""
    found = {}
    for directory, names, files in os.walk(project):
        names[:] = [name for name in names if name not in (".mlops", ".git")]
        for name in files:
            path = os.path.join(directory, name)
            entry = os.lstat(path)
            found[os.path.relpath(path, project)] = (entry.st_ino, entry.st_mode, entry.st_mtime_ns)
    return found


class Bench:
    """A project of its own for one history, and what must not change in it."""

    def __init__(self, source, name):
        self.project = os.path.join(fault.scratch(), name)
        fault.copy(source, self.project)
        self.log = self.project + ".log"
        fault.write(self.log, "")
        self.marker = f"{os.getpid()}-{name}"
        self.env = fault.environment(FAULT_LOG=self.log, FAULT_TEST=self.marker,
                                     MLOPS_DURABILITY="none")
        started = fault.mlops(self.project, "init", env=self.env)
        assert started.status == 0, started
        self.before = self.seen()

    def seen(self):
        status = git(self.project, "status", "--porcelain")  # brings the index up to date itself
        return fault.tree(self.project, skipped=(".mlops",)), status, stamps(self.project)

    def start(self, *words):
        return subprocess.Popen([fault.MLOPS, *words], cwd=self.project, env=self.env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, start_new_session=True)

    def resume(self, *words, timeout=120):
        return fault.mlops(self.project, "sweep", "--resume", "-j4", *words, env=self.env,
                           timeout=timeout)

    def trials(self):
        shown = fault.mlops(self.project, "sweep", "show", "--json", env=self.env).json()
        return shown.get("trials", [])

    def results(self):
        return {tuple(sorted((param["key"], param["value"]) for param in trial["params"])):
                (trial["status"], trial["score"]) for trial in self.trials()}

    def executed(self):
        return collections.Counter(fault.read(self.log).decode().splitlines())

    def faults(self):
        """What must hold whatever happened."""
        found = []
        work = self.project + "/.mlops/work"
        if os.path.isdir(work) and os.listdir(work):
            found.append(f"left in .mlops/work: {os.listdir(work)}")
        files, status, stamped = self.seen()
        found += fault.differences(self.before[0], files)
        found += fault.differences(self.before[2], stamped)
        if status != self.before[1]:
            found.append(f"git status was {self.before[1]!r} and is {status!r}")
        running = fault.marked_processes(f"FAULT_TEST={self.marker}")
        if running:
            found.append(f"still running: {running}")
        fault.end_marked(f"FAULT_TEST={self.marker}")
        return found + fault.verify(self.project) + fault.litter(self.project)

    def end(self):
        fault.remove(self.project)


def same_results(bench, expected):
    trials, results = bench.trials(), bench.results()
    found = []
    if len(trials) != TRIALS:
        found.append(f"{len(trials)} trials instead of {TRIALS}")
    if results != expected:
        wrong = {key: value for key, value in results.items() if expected.get(key) != value}
        found.append(f"other results: {wrong}")
    runs = [trial["run"] for trial in trials]
    if len(set(runs)) != len(runs):
        found.append("two trials have one run")
    return found


def undisturbed(source, tally, words):
    bench = Bench(source, "undisturbed")
    done = fault.mlops(bench.project, *words, env=bench.env, timeout=600)
    results, counts = bench.results(), bench.executed()
    found = bench.faults() + ([] if done.status == fault.OK else [f"the sweep: {done}"])
    if len(results) != TRIALS or any(value[0] != "succeeded" for value in results.values()):
        found.append(f"results: {results}")
    if counts["prepare"] != 1 or sum(counts.values()) != TRIALS + 1:
        found.append(f"executed {counts}")
    tally.point(found, "undisturbed")
    bench.end()
    return results, done.seconds


def kill(process, bench, whole):
    """The driver alone, or all that it started, too."""
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    if whole:
        fault.end_marked(f"FAULT_TEST={bench.marker}")
    process.communicate()


def killed_often(source, tally, words, expected, seconds, chance, number, spread=3, kills=10):
    """Ten kills at random moments, each followed by --resume."""
    bench = Bench(source, f"killed-{number}")
    process = bench.start(*words)
    for _ in range(kills):
        time.sleep(chance.uniform(0.02, max(0.1, seconds / spread)))
        kill(process, bench, whole=chance.random() < 0.5)
        if not bench.trials():  # before the sweep was recorded
            process = bench.start(*words)
        else:
            process = bench.start("sweep", "--resume", "-j4")
    out = fault.text_of(process.communicate(timeout=600)[0])
    last = bench.resume()
    found = [] if last.status == fault.OK else [f"the last one: {last}\nbefore: {out}"]
    found += same_results(bench, expected) + bench.faults()
    counts = bench.executed()
    again = sum(counts.values()) - TRIALS - 1
    if again > kills * 4:
        found.append(f"{again} executions more than {kills} kills explain: {counts}")
    tally.point(found, f"killed, history {number}")
    bench.end()


def several_drivers(source, tally, expected, count, chance, kills):
    bench = Bench(source, f"drivers-{count}-{kills}")
    first = bench.start(*WORDS)
    until = time.monotonic() + 20
    while not bench.trials() and time.monotonic() < until:
        time.sleep(0.02)
    others = [bench.start("sweep", "--resume", "-j2") for _ in range(count - 1)]
    for _ in range(kills):
        time.sleep(chance.uniform(0.05, 0.4))
        victim = chance.choice(others)
        os.kill(victim.pid, signal.SIGKILL)
        others.append(bench.start("sweep", "--resume", "-j2"))
    found = []
    for process in [first, *others]:
        out = fault.text_of(process.communicate(timeout=120)[0])
        if process.returncode not in (0, -9):
            found.append(f"a driver ended with {process.returncode}: {out}")
    found += same_results(bench, expected) + bench.faults()
    counts = bench.executed()
    if not kills and set(counts.values()) != {1}:
        found.append(f"executed twice: {counts}")
    tally.point(found, f"{count} drivers, {kills} killed")
    bench.end()


def interrupted(source, tally, expected, times):
    """Ctrl-C once, and twice: what ran goes back, and the next one goes on."""
    bench = Bench(source, f"interrupted-{times}")
    process = bench.start(*WORDS)
    until = time.monotonic() + 20
    while not any(trial["status"] == "succeeded" for trial in bench.trials()) \
            and time.monotonic() < until:
        time.sleep(0.02)
    for _ in range(times):
        os.kill(process.pid, signal.SIGINT)
        time.sleep(0.02)
    out = fault.text_of(process.communicate(timeout=60)[0])
    found = []
    if process.returncode != 130:
        found.append(f"ended with {process.returncode}")
    if "mlops sweep --resume" not in out:
        found.append(f"does not say how to go on: {out}")
    states = collections.Counter(trial["status"] for trial in bench.trials())
    if set(states) - {"succeeded", "waiting"}:
        found.append(f"states: {states}")
    last = bench.resume()
    found += [] if last.status == fault.OK else [f"the next one: {last}"]
    found += same_results(bench, expected) + bench.faults()
    tally.point(found, f"interrupted {times} times")
    bench.end()


LARGE = """\
stages:
  train:
    cmd: cat big.txt big.txt params.yaml > model.bin; cp params.yaml metrics.yaml
    deps: [big.txt]
    params: [x]
    outs: [model.bin]
    metrics: [metrics.yaml]
"""


def full_disk(tally, kib):
    """The disk is full in the middle: exit 4 (or 1, if a stage was what met it), said in words, trials
    go back; with room again --resume ends it."""
    place = os.path.join(fault.scratch(), f"full-{kib}")
    os.makedirs(place)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", place], capture_output=True)
    if mounted.returncode:
        return False
    project, env = place + "/project", fault.environment()
    fault.write(project + "/pipeline.yaml", LARGE)
    fault.write(project + "/params.yaml", "x: 0\n")
    fault.write(project + "/big.txt", "".join(f"{i * i * 7919 % 1000003}\n" for i in range(20000)))
    words = ["sweep", "-S", "x=range(1,21)", "--metric", "x", "--max", "-j2"]
    first = fault.mlops(project, *words, env=env)
    found = []
    if first.status not in (fault.MACHINE, fault.ANSWER):
        found.append(f"on the full disk: {first}")
    if "No space left" not in first.err and "disk is full" not in first.err:
        found.append(f"does not say that the disk is full: {first}")
    subprocess.run(["mount", "-o", "remount,size=100m", place], check=True)
    has_begun = "mlops sweep --resume" in first.err + first.out
    last = fault.mlops(project, *(["sweep", "--resume"] if has_begun else words), env=env)
    states = collections.Counter(trial["status"] for trial in
                                 fault.mlops(project, "sweep", "show", "--json", env=env).json().get("trials", []))
    if sum(states.values()) != 20 or set(states) - {"succeeded", "failed"} or states["failed"] > 2:
        found.append(f"with room again: {states}, {last}\nbefore: {first}")
    work = project + "/.mlops/work"
    if os.path.isdir(work) and os.listdir(work):
        found.append(f"left in .mlops/work: {os.listdir(work)}")
    found += fault.verify(project)
    tally.point(found, f"disk of {kib} KiB")
    subprocess.run(["umount", "-l", place], check=True)
    return True


def main():
    options = fault.arguments((["--rounds"], dict(type=int, default=0)))
    if not fault.has_command("sweep"):
        fault.skip("there is no sweep")
    chance = random.Random(options.seed)
    print(f"seed {options.seed}")
    tally = fault.Tally("sweep")
    source = make()
    expected, seconds = undisturbed(source, tally, WORDS)
    rounds = options.rounds or (20 if options.full else 2)
    for number in range(rounds):
        killed_often(source, tally, WORDS, expected, seconds, chance, number)
    example = make_example() if options.full else None
    if example:
        learned, seconds = undisturbed(example, tally, TUNED)
        killed_often(example, tally, TUNED, learned, seconds, chance, "tuned", spread=6)
    several_drivers(source, tally, expected, 2, chance, kills=0)
    several_drivers(source, tally, expected, 3, chance, kills=6 if options.full else 2)
    for kib in range(1200, 3600, 100 if options.full else 800):
        if not full_disk(tally, kib):
            print("no tmpfs can be mounted: full disks are left out")
            break
    for times in (1, 2):
        interrupted(source, tally, expected, times)
    sys.exit(1 if tally.end() else 0)


if __name__ == "__main__":
    main()
