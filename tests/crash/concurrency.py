#!/usr/bin/env python3
"""Many mlops at once on one project: each run recorded once, each stage executed once in all, no
deadlock, nothing lost; two pipelines side by side; runs and adds while gc sweeps."""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402

MOST_S = 60


def start_together(project, commands, env=None):
    """Starts all at one instant; returns their results. None as status: a deadlock."""
    reads, writes = os.pipe()
    processes = [
        subprocess.Popen(["sh", "-c", f"read line <&{reads}; exec {reads}<&-; exec \"$@\"", "sh",
                          fault.MLOPS, *words],
                         cwd=project, env=env or fault.environment(), stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=[reads],
                         start_new_session=True)
        for words in commands]
    os.close(reads)
    time.sleep(0.1)
    os.close(writes)
    until, results = time.monotonic() + MOST_S, []
    for process in processes:
        try:
            out, err = process.communicate(timeout=max(0.1, until - time.monotonic()))
            status = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            out, err = process.communicate()
            status = None
        results.append(fault.Result(status, fault.text_of(out), fault.text_of(err), 0))
    return results


def runs_of(project):
    if not fault.has_command("runs"):
        return None
    listed = fault.mlops(project, "runs", "-n0", "--json")
    return [run["run"] for run in listed.json().get("runs", [])] if listed.status == 0 else []


def check_round(project, results, stages, seen):
    faults = [f"run {number}: {result}" for number, result in enumerate(results)
              if result.status != fault.OK]
    done = sorted(fault.executed(project))
    if done != sorted(stages):
        faults.append(f"executed {done} instead of each of {sorted(stages)} once")
    ids = [result.json().get("run") for result in results if result.status == fault.OK]
    listed = runs_of(project)
    if listed is not None:
        for run in ids:
            if listed.count(run) != 1:
                faults.append(f"run {run} is recorded {listed.count(run)} times")
        new = [run for run in listed if run not in seen and run not in ids]
        if new:
            faults.append(f"runs that nobody made: {new}")
        seen.update(listed)
    return faults + fault.verify(project) + fault.litter(project)


def undisturbed(project):
    other = os.path.join(fault.scratch(), "undisturbed")
    fault.copy(project, other)
    result = fault.run_json(other)
    return fault.outputs(other) if result.status == fault.OK else {}


def same_project(tally, rounds, processes=8):
    """Every round changes the input, so that every stage has to run: once."""
    project, seen = fault.make_project("same"), set()
    for number in range(rounds):
        fault.write(project + "/data/raw.csv", f"5,{number}\n3,2\n")
        fault.write(project + "/log/executed", "")
        expected = undisturbed(project)
        results = start_together(project, [["run", "--json"]] * processes)
        stages = ["clean", "features", "train", "judge"]
        faults = check_round(project, results, stages, seen)
        faults += fault.differences(expected, fault.outputs(project))
        tally.point(faults, f"{processes} runs of one pipeline, round {number}")


def first_runs(tally, rounds, processes=8):
    """.mlops itself is made by eight at once."""
    for number in range(rounds):
        project = fault.make_project("first")
        results = start_together(project, [["run", "--json"]] * processes)
        tally.point(check_round(project, results, ["clean", "features", "train", "judge"], set()),
                    f"{processes} first runs, round {number}")


TWO = """\
stages:
  make-{name}:
    cmd: cat data/raw.csv params.yaml > {name}.out; echo {name} >> log/executed; sleep 0.05
    deps: [data/raw.csv]
    params: [rate]
    outs: [{name}.out]
  use-{name}:
    cmd: wc -c < {name}.out > {name}.size; echo use-{name} >> log/executed
    deps: [{name}.out]
    outs: [{name}.size]
"""


def two_pipelines(tally, rounds):
    project, seen = fault.make_project("two"), set()
    for name in ("left", "right"):
        fault.write(f"{project}/{name}.yaml", TWO.format(name=name))
    os.unlink(project + "/pipeline.yaml")
    for number in range(rounds):
        fault.set_params(project, rate=f"{number}.5")
        fault.write(project + "/log/executed", "")
        words = [["run", f"{name}.yaml", "--json"] for name in ("left", "right")] * 3
        results = start_together(project, words)
        faults = check_round(project, results, ["left", "right", "use-left", "use-right"], seen)
        for name in ("left", "right"):
            if fault.run_json(project, f"{name}.yaml").counts().get("unchanged") != 2:
                faults.append(f"{name}.yaml is not up to date afterwards")
        seen.update(runs_of(project) or [])
        tally.point(faults, f"two pipelines, round {number}")


def against_gc(tally, rounds):
    """gc with no grace at all while runs make and restore: nothing living is swept."""
    if not fault.has_command("gc"):
        print("concurrency: gc left out, this binary has none")
        return
    project = fault.make_project("swept")
    env = fault.environment(MLOPS_GC_GRACE="0s", MLOPS_KEEP_RUNS="1", MLOPS_KEEP_AGE="0s")
    fault.run_json(project, env=env)
    for number in range(rounds):
        fault.set_params(project, rate=f"0.{number % 3 + 1}")
        expected = undisturbed(project)
        commands = [["run", "--json"], ["gc", "--yes"], ["gc", "--yes"], ["run", "--json"]]
        results = start_together(project, commands, env)
        faults = [f"{words}: {result}" for words, result in zip(commands, results)
                  if result.status != fault.OK]
        faults += fault.differences(expected, fault.outputs(project)) + fault.verify(project)
        for name in ("model.bin", "data/clean.csv"):
            fault.remove(f"{project}/{name}")
        again = fault.run_json(project, env=env)
        if again.status != fault.OK or again.counts().get("restored") != 2:
            faults.append(f"what the newest run made is not in the store any more: {again}")
        faults += fault.differences(expected, fault.outputs(project))
        tally.point(faults, f"runs against gc, round {number}")


def data_at_once(tally, rounds):
    """Adds of different paths, of the same one and of parts of one directory, with gc beside them:
    each is recorded, and no line of .gitignore is lost."""
    if not fault.has_command("add"):
        print("concurrency: add left out, this binary has none")
        return
    env = fault.environment(MLOPS_GC_GRACE="0s", MLOPS_KEEP_RUNS="1", MLOPS_KEEP_AGE="0s")
    for number in range(rounds):
        project = fault.make_project("adds")
        subprocess.run(["git", "init", "-q", project], check=True)
        names = [f"d{i}" for i in range(4)] + ["same", "parts"]
        for name in names:
            for i in range(20):
                fault.write(f"{project}/{name}/{i}", f"{name} {i}\n")
        fault.mlops(project, "add", "parts", env=env)
        for i in range(3):
            fault.write(f"{project}/parts/new{i}", f"new {i}\n")
        commands = [["add", name] for name in names[:5]] + [["add", "same"], ["gc", "--yes"]]
        commands += [["add", f"parts/new{i}"] for i in range(3)]
        expected = {name: content for name, content in fault.tree(project, skipped=(
            ".mlops", ".git", "data", "log")).items() if "/" in name}
        results = start_together(project, commands, env)
        faults = [f"{words}: {result}" for words, result in zip(commands, results)
                  if result.status != fault.OK]
        ignored = fault.read(project + "/.gitignore").decode().split()
        faults += [f"/{name} is not ignored" for name in names if f"/{name}" not in ignored]
        for name in names:
            fault.remove(f"{project}/{name}")
        back = fault.mlops(project, "checkout", env=env)
        if back.status != fault.OK:
            faults.append(f"checkout: {back}")
        now = fault.tree(project)
        faults += fault.differences(expected, {name: now.get(name) for name in expected})
        faults += fault.verify(project)
        tally.point(faults, f"adds at once, round {number}")


def words_until(project, commands, until, faults, expected, env):
    """The commands one after another, again and again; each has to end as it should."""
    while time.monotonic() < until and not faults:
        for words in commands:
            result = fault.mlops(project, *words, env=env)
            if result.status not in expected:
                faults.append(f"{words}: {result}")
                break


def beside_gc(project, commands, seconds, env, expected=(fault.OK,)):
    """`commands` while gc without any grace sweeps all the time; returns the faults."""
    faults, until = [], time.monotonic() + seconds
    hands = [threading.Thread(target=words_until,
                              args=(project, each, until, faults, expected, env))
             for each in [commands, [["gc", "--grace", "0", "--yes"]]]]
    for hand in hands:
        hand.start()
    for hand in hands:
        hand.join()
    return faults


def names_on_the_move(tally, seconds):
    """Data that lie in the store only: their pointer goes from directory to directory, is replaced
    by another version and comes back, is added again from files that the store has seen, while gc
    looks for names: it never comes between the old name and the new one."""
    if not fault.has_command("move"):
        return
    env = fault.environment(MLOPS_KEEP_RUNS="1", MLOPS_KEEP_AGE="0s",
                            MLOPS_DURABILITY="none")
    project = os.path.join(fault.scratch(), "moving")
    fault.remove(project)
    os.makedirs(project)
    fault.mlops(project, "init")
    for number in range(1000):  # gc takes its time to look at all these
        os.makedirs(f"{project}/m/{number:04}")
    for i in range(30):
        fault.write(f"{project}/a/data/{i}", f"data {i}\n")
    fault.mlops(project, "add", "a/data")
    kept = fault.tree(project + "/a/data")
    fault.remove(project + "/a/data")
    os.makedirs(project + "/z")
    moves = [["move", "a/data", "z/data"], ["move", "z/data", "a/data"]]
    faults = beside_gc(project, moves, seconds, env)
    back = fault.mlops(project, "checkout", env=env)
    place = next((name for name in ("a", "z") if os.path.isdir(f"{project}/{name}/data")), "a")
    if back.status != fault.OK:
        faults.append(f"checkout: {back}")
    faults += fault.differences(kept, fault.tree(f"{project}/{place}/data"))
    tally.point(faults + fault.verify(project), "moves against gc")


def added_against_gc(tally, seconds):
    """Forgotten and added again: each time the store may just be losing what it is found to have.
    What was added is there when `add` has ended."""
    if not fault.has_command("add"):
        return
    env = fault.environment(MLOPS_KEEP_RUNS="1", MLOPS_KEEP_AGE="0s")
    for link in ("copy", "hardlink"):  # small objects in packs, and as files of their own
        project = os.path.join(fault.scratch(), "again")
        fault.remove(project)
        os.makedirs(project)
        subprocess.run(["git", "init", "-q", project], check=True)
        fault.mlops(project, "init")
        fault.mlops(project, "config", "set", "--local", "cache.link", link)
        for i in range(60):
            fault.write(f"{project}/data/{i % 7}/{i}", f"data {i}\n" * (1 + i))
        kept = fault.tree(project + "/data")
        fault.settle(project)
        commands = [["add", "data"], ["verify"], ["remove", "data"], ["add", "data/3"],
                    ["remove", "data/3"]]
        faults = beside_gc(project, commands, seconds, env)
        for _ in range(3):
            added = fault.mlops(project, "add", "data", env=env)
            swept = fault.mlops(project, "gc", "--grace", "0", "--yes", env=env)
            faults += [str(each) for each in (added, swept) if each.status != fault.OK]
        fault.remove(project + "/data")
        back = fault.mlops(project, "checkout", env=env)
        if back.status != fault.OK:
            faults.append(f"checkout: {back}")
        faults += fault.differences(kept, fault.tree(project + "/data")) + fault.verify(project)
        tally.point(faults, f"adds of what was forgotten against gc, {link}")


def main():
    chosen = fault.arguments((["kinds"], dict(nargs="*", help="same first two gc data names again")))
    tally, rounds = fault.Tally("concurrency"), 50 if chosen.full else 4
    kinds = chosen.kinds or ["same", "first", "two", "gc", "data", "names", "again"]
    for kind, action in (("same", same_project), ("first", first_runs), ("two", two_pipelines),
                         ("gc", against_gc), ("data", data_at_once)):
        if kind in kinds:
            action(tally, rounds)
    for kind, action in (("names", names_on_the_move), ("again", added_against_gc)):
        if kind in kinds:
            action(tally, 60 if chosen.full else 4)
    if chosen.full and "same" in kinds:
        same_project(tally, 5, 32)
    sys.exit(1 if tally.end() else 0)


main()
