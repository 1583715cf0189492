#!/usr/bin/env python3
"""SIGKILL at random moments while stages run in parallel: the next run ends what was left over,
never lets two processes write one output, and gives the right result.

Each stage holds a lock of its own while it writes; whoever finds it held notes a second writer."""
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402

NAMES = ["a", "b", "c", "d"]

# `stray` leaves the process group and the session, and keeps writing.
WRITER = """\
name=$1
exec 9> guard/$name
flock -n 9 || { echo "$name" >> log/second-writer; exit 9; }
echo "$name" >> log/executed
: > out/$name
(setsid sh -c 'for i in 1 2 3 4 5 6; do echo s >> stray/'$name'; sleep 0.05; done' &)
for i in 1 2 3 4 5 6 7 8; do echo $i >> out/$name; sleep 0.04; done
cat data/raw.csv >> out/$name
"""


def pipeline():
    text = "stages:\n"
    for name in NAMES:
        text += (f"  {name}:\n    cmd: sh writer.sh {name}\n    deps: [writer.sh, data/raw.csv]\n"
                 f"    outs: [out/{name}]\n")
    text += ("  join:\n    cmd: cat out/a out/b out/c out/d > joined; sleep 0.1\n"
             "    deps: [out/a, out/b, out/c, out/d]\n    outs: [joined]\n")
    return text


def make():
    project = fault.make_project("parallel", pipeline())
    fault.write(project + "/writer.sh", WRITER)
    for name in ("guard", "stray", "out"):
        os.makedirs(f"{project}/{name}")
    for name in NAMES:
        fault.write(f"{project}/stray/{name}", "")
    fault.settle(project)
    return project


def outputs(project):
    return {path: content for path, content in fault.outputs(project).items()
            if not path.startswith(("stray", "guard", "log"))}


def kill_at(project, delay, whole, marker):
    """Starts a run and kills mlops alone, or all that it started too."""
    process = subprocess.Popen([fault.MLOPS, "run", "-j4"], cwd=project, stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=fault.environment(FAULT_TEST=marker), start_new_session=True)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    if whole:
        fault.end_marked(f"FAULT_TEST={marker}")
    return process.wait()


def check(project, expected, marker):
    faults = []
    env = fault.environment(FAULT_TEST=marker)
    result = fault.run_json(project, "-j4", env=env, timeout=60)
    if result.status != fault.OK:
        return [f"the next run: {result}"]
    left = fault.marked_processes(f"FAULT_TEST={marker}")
    if left:
        faults.append(f"still running after the next run: {left}")
    if os.path.exists(project + "/log/second-writer"):
        second = fault.read(project + "/log/second-writer").decode().split()
        faults.append(f"two processes wrote at once: {second}")
    faults += fault.differences(expected, outputs(project))
    again = fault.run_json(project, "-j4", env=env)
    if again.counts().get("executed") != 0 or again.counts().get("restored") != 0:
        faults.append(f"the third run did something: {again}")
    if fault.has_command("runs"):
        running = [run["run"] for run in fault.mlops(project, "runs", "--json").json()["runs"]
                   if run["status"] == "running"]
        if running:
            faults.append(f"runs that are dead are shown as running: {running}")
    return faults + fault.verify(project) + fault.litter(project)


def main():
    chosen = fault.arguments((["--points"], dict(type=int, default=None)))
    count = chosen.points or (300 if chosen.full else 12)
    dice = random.Random(chosen.seed)
    base = make()
    undisturbed = os.path.join(fault.scratch(), "undisturbed")
    fault.copy(base, undisturbed)
    began = time.monotonic()
    result = fault.run_json(undisturbed, "-j4")
    if result.status != fault.OK:
        print("not ok the undisturbed run:", result)
        sys.exit(1)
    length = time.monotonic() - began
    expected = outputs(undisturbed)
    tally = fault.Tally("random-kill")
    project = os.path.join(fault.scratch(), "p")
    for point in range(count):
        kills = [(dice.uniform(0, length * 1.1), dice.random() < 0.4)
                 for _ in range(dice.choice([1, 1, 2, 3]))]
        fault.copy(base, project)
        for number, (delay, whole) in enumerate(kills):
            kill_at(project, delay, whole, f"{os.getpid()}-{point}-{number}")
        faults = check(project, expected, f"{os.getpid()}-{point}-last")
        for number in range(len(kills)):
            left = fault.marked_processes(f"FAULT_TEST={os.getpid()}-{point}-{number}")
            if left:
                faults.append(f"left by kill {number}: {left}")
            fault.end_marked(f"FAULT_TEST={os.getpid()}-{point}-{number}")
        tally.point(faults, f"point {point} of seed {chosen.seed}: "
                    + ", ".join(f"{'all' if whole else 'mlops'} at {delay:.3f} s"
                                for delay, whole in kills))
    sys.exit(1 if tally.end(f", seed {chosen.seed}") else 0)


main()
