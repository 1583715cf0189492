#!/usr/bin/env python3
"""A disk that is full, 64 KiB more each time until the run succeeds: exit 4, a line that names the
path and what is needed, everything as before, and a good run once there is room.

`store`: .mlops is a small tmpfs of its own; `inodes`: the same, short of inodes; `whole`: the
project is on one small tmpfs, so that a command of a stage may be what fails."""
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402

PIPELINE = """\
stages:
  make:
    cmd: |
      cat data/raw.csv data/raw.csv params.yaml > big.bin
      mkdir -p parts
      for i in 1 2 3 4 5 6 7 8; do cat params.yaml data/raw.csv > parts/$i; echo $i >> parts/$i; done
    deps: [data/raw.csv]
    params: [rate]
    outs: [big.bin, parts]
"""
ENVIRONMENT = dict(MLOPS_POOL="0")


def env():
    return fault.environment(**ENVIRONMENT)


def mount(directory, options):
    os.makedirs(directory, exist_ok=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", directory],
                          capture_output=True, text=True)
    return done.returncode == 0


def unmount(directory):
    subprocess.run(["umount", "-l", directory], capture_output=True)


def make():
    project = fault.make_project("disk", PIPELINE)
    fault.write(project + "/data/raw.csv", "".join(f"{i},{i * i}\n" for i in range(4000)))
    fault.settle(project)
    result = fault.run_json(project, env=env())
    if result.status != fault.OK:
        print("not ok the undisturbed run:", result)
        sys.exit(1)
    fault.set_params(project, rate="0.2")
    fault.settle(project)
    return project


def without_lock(outputs):
    return {path: content for path, content in outputs.items() if not path.endswith(".lock")}


def judge_failure(result, before, expected, project, whole):
    """The run did not succeed: is all as before, and was it said clearly? All may be as after it
    if only the lock file did not fit any more. Where .mlops is a file system of its own and full,
    the new outputs cannot be moved there: then the earlier ones have to be whole beside them."""
    now = fault.outputs(project)
    faults = fault.differences(before, now)
    if without_lock(now) == without_lock(expected):
        faults = []
    if faults and not whole:
        kept = set(fault.tree(project, skipped=()).values())
        faults = [f"{path} is lost" for path, content in before.items() if content not in kept
                  and not path.endswith(".lock")]
    of_command = whole and result.status == fault.ANSWER and "No space left" in result.err
    if of_command:
        return faults
    if result.status != fault.MACHINE:
        faults.append(f"status is not {fault.MACHINE}: {result}")
    if not re.search(r"(?i)no space|disk.*full|full.*disk", result.err):
        faults.append(f"the message does not say that the disk is full: {result.err}")
    if not re.search(r"['/]", result.err) or not re.search(r"(?i)\bfree\b", result.err):
        faults.append(f"the message names no path or no remedy: {result.err}")
    return faults


def try_size(kind, base, limit, expected):
    """One size: (succeeded, faults)."""
    project = os.path.join(fault.scratch(), "p")
    whole = kind == "whole"
    unmount(project + "/.mlops")
    unmount(project)
    fault.remove(project)
    if whole:
        if not mount(project, f"size={limit}"):
            fault.skip("cannot mount a tmpfs (needs root)")
        if subprocess.run(["cp", "-a", base + "/.", project], capture_output=True).returncode:
            return False, None
    else:
        fault.copy(base, project)
        fault.remove(project + "/.mlops")
        option = f"nr_inodes={limit}" if kind == "inodes" else f"size={limit}"
        if not mount(project + "/.mlops", option):
            fault.skip("cannot mount a tmpfs (needs root)")
        if subprocess.run(["cp", "-a", base + "/.mlops/.", project + "/.mlops"],
                          capture_output=True).returncode:
            return False, None
    before = fault.outputs(project)
    result = fault.run_json(project, env=env())
    succeeded = result.status == fault.OK
    faults = [] if succeeded else judge_failure(result, before, expected, project, whole)
    where = project if whole else project + "/.mlops"
    room = "nr_inodes=10000" if kind == "inodes" else "size=64M"
    subprocess.run(["mount", "-o", f"remount,{room}", where], check=True)
    faults += fault.is_sound(project, expected, env=env())
    return succeeded, faults


def try_kind(kind, base, expected, full):
    tally = fault.Tally(f"disk-full {kind}")
    limit, step = (16, 8 if not full else 1) if kind == "inodes" else (64 << 10, 64 << 10)
    if full and kind != "inodes":
        step = 16 << 10
    for _ in range(400):
        succeeded, faults = try_size(kind, base, limit, expected)
        if faults is not None:
            tally.point(faults, f"limit {limit}")
        if succeeded:
            break
        limit += step
    else:
        tally.point(["never succeeded"], f"limit {limit}")
    return tally.end(f", succeeded at {limit}")


def main():
    chosen = fault.arguments((["kinds"], dict(nargs="*", help="store, inodes, whole")))
    if os.geteuid() != 0:
        fault.skip("mounting a small tmpfs needs root")
    probe = os.path.join(fault.scratch(), "probe")
    if not mount(probe, "size=64k"):
        fault.skip("a tmpfs cannot be mounted here")
    unmount(probe)
    base = make()
    after = os.path.join(fault.scratch(), "after")
    fault.copy(base, after)
    fault.run_json(after, env=env())
    expected = fault.outputs(after)
    bad = 0
    try:
        for kind in chosen.kinds or ["store", "inodes", "whole"]:
            bad += try_kind(kind, base, expected, chosen.full)
    finally:
        unmount(os.path.join(fault.scratch(), "p/.mlops"))
        unmount(os.path.join(fault.scratch(), "p"))
    sys.exit(1 if bad else 0)


main()
