#!/usr/bin/env python3
"""Hostile pipelines, parameters, lock files and JSON of the conformance data: each in a fresh
project under limits of time and memory. The exit status has the class that is asked for, the
message the place and the word; nothing outside is touched, and a good run afterwards works."""
import csv
import hashlib
import os
import re
import resource
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import fault  # noqa: E402

SECONDS_MOST = 5
MEMORY_MOST_KIB = 100 * 1024
CLASSES = {"ok": {fault.OK}, "stage-failed": {fault.ANSWER}, "config-error": {fault.PROJECT},
           "io-error": {fault.MACHINE}, "corrupt": {fault.PROJECT, fault.STORED},
           "ok-or-config-error": {fault.OK, fault.PROJECT}, "killed": {-signal.SIGKILL, fault.ANSWER}}  # a shell of the stage between us and the killer

GOOD = "stages:\n  good:\n    cmd: echo fine > good.out\n    outs: [good.out]\n"
PARAMS_PIPELINE = ("stages:\n  a:\n    cmd: echo x > x\n    params: [{{{name}: []}}]\n"
                   "    outs: [x]\n")
METRICS_PIPELINE = ("stages:\n  a:\n    cmd: cp given.json m.json\n    deps: [given.json]\n"
                    "    metrics: [{m.json: {cache: false}}]\n")
LOCK_PIPELINE = "stages:\n  a:\n    cmd: 'true'\n    outs: [x]\n"


def rows():
    root = os.environ.get("MLOPS_CONFORMANCE")
    folder = os.path.join(root or "", "hostile")
    if not root or not os.path.isfile(os.path.join(folder, "expect.tsv")):
        fault.skip("MLOPS_CONFORMANCE does not name the conformance data (hostile/expect.tsv)")
    with open(os.path.join(folder, "expect.tsv"), encoding="utf-8") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            row["path"] = os.path.join(folder, row["file"])
            yield row


def limited():
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS_MOST, SECONDS_MOST))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if b"__asan_init" not in fault.read(fault.MLOPS):
        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))


def outside(parent):
    """What a project may not touch."""
    return {"beside": sorted(os.listdir(parent)),
            "/etc/passwd": hashlib.sha256(fault.read("/etc/passwd")).hexdigest()}


def printable(text):
    return not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f\u202a-\u202e\u2066-\u2069]", text)


def judge(row, result, fed, word=True):
    """Faults of an answer; `fed` is the name under which the file was given."""
    faults = []
    if result.status == fault.OK and "or read it as" in row["requirement"]:
        return faults
    if result.status not in CLASSES[row["verdict"]]:
        return [f"status is not of class {row['verdict']}: {result}"]
    if not printable(result.out + result.err):
        faults.append(f"control characters come out raw: {result.err!r}")
    if result.status in (fault.OK, -signal.SIGKILL) or row["verdict"] == "ok-or-config-error":
        return faults
    if row["line"] != "-":
        place = f"{fed}:{row['line']}:" + (f"{row['column']}:" if row["column"] != "-" else "")
        if place not in result.err:
            faults.append(f"'{place}' is not named: {result.err}")
    if word and row["must_mention"] != "-" and row["must_mention"] not in result.err:
        faults.append(f"'{row['must_mention']}' is not mentioned: {result.err}")
    return faults


def fresh(name):
    project = os.path.join(fault.scratch(), "cases", name)
    fault.remove(os.path.dirname(project))
    os.makedirs(project)
    for path, text in (("x y z", "3"), ("x", "2"), ("y", "2"), ("z", "2")):
        if name.startswith("129"):
            fault.write(f"{project}/{path}", text)
    return project


def run(project, *words):
    return fault.mlops(project, *words, timeout=SECONDS_MOST + 5, preexec_fn=limited)


def good_run(project):
    """Without any repair by hand, also where the case left .mlops or a lock."""
    fault.write(project + "/good.yaml", GOOD)
    result = run(project, "run", "good.yaml")
    faults = [] if result.status == fault.OK else [f"a good run afterwards: {result}"]
    return faults + fault.verify(project) + fault.litter(project)


def try_pipeline(row):
    name = os.path.basename(row["path"])
    project = fresh(name.split(".")[0])
    shutil.copy(row["path"], f"{project}/{name}")
    before, around = fault.tree(project, skipped=()), outside(os.path.dirname(project))
    result = run(project, "run", name)
    faults = judge(row, result, name)
    if result.status == fault.PROJECT:
        after = {path: kind for path, kind in fault.tree(project, skipped=()).items()
                 if not path.startswith(".mlops")}
        faults += fault.differences(before, after)
        if row["verdict"] == "config-error":
            linted = run(project, "lint", name) if fault.has_command("lint") else result
            if linted.status != fault.PROJECT and row["must_mention"] not in ("nope.csv",):
                faults.append(f"lint finds nothing: {linted}")
    if outside(os.path.dirname(project)) != around:
        faults.append(f"something outside changed: {outside(os.path.dirname(project))}")
    return faults + good_run(project)


def try_params(row):
    name = os.path.basename(row["path"])
    project = fresh(name.split(".")[0])
    shutil.copy(row["path"], f"{project}/{name}")
    fault.write(project + "/pipeline.yaml", PARAMS_PIPELINE.format(name=name))
    faults = judge(row, run(project, "run"), name)
    return faults + good_run(project)


def try_metrics(row):
    project = fresh("metrics")
    shutil.copy(row["path"], f"{project}/given.json")
    fault.write(project + "/pipeline.yaml", METRICS_PIPELINE)
    result = run(project, "run")
    faults = judge(row, result, "m.json", word=False)
    if result.status == fault.OK and fault.has_command("show"):
        shown = run(project, "show", "@", "--json")
        if shown.status != fault.OK or not shown.json():
            faults.append(f"show: {shown}")
    return faults + good_run(project)


def try_json(row):
    return [f"as params: {each}" for each in try_params(row)] + \
           [f"as metrics: {each}" for each in try_metrics(row)]


def try_lock(row):
    project = fresh("lock")
    fault.write(project + "/pipeline.yaml", LOCK_PIPELINE)
    fault.write(project + "/x", "abc")
    shutil.copy(row["path"], project + "/pipeline.lock")
    damaged = fault.read(project + "/pipeline.lock")
    faults = []
    for words in (["run"], ["plan"], ["status"]):
        result = run(project, *words)
        faults += [f"{words}: {each}" for each in judge(row, result, "pipeline.lock")]
        if fault.read(project + "/pipeline.lock") != damaged:
            faults.append(f"{words} overwrote the damaged lock")
    return faults + good_run(project)


PARTS = {"yaml": try_pipeline, "pipeline": try_pipeline, "params": try_params, "json": try_json,
         "lock": try_lock}


def main():
    chosen = fault.arguments((["files"], dict(nargs="*", help="only these, as yaml/010...")))
    tally = fault.Tally("hostile")
    for row in rows():
        part = row["file"].split("/")[0]
        if part not in PARTS or (chosen.files and row["file"] not in chosen.files):
            continue
        faults = PARTS[part](row)
        if any("PWNED" in files for _, _, files in os.walk(fault.scratch())):
            faults.append("PWNED")
        tally.point(faults, f"{row['file']} ({row['verdict']}: {row['requirement'][:70]})")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    if peak > MEMORY_MOST_KIB and b"__asan_init" not in fault.read(fault.MLOPS):
        tally.point([f"peak memory of a case: {peak // 1024} MiB"], "memory")
    sys.exit(1 if tally.end(f", peak memory {peak // 1024} MiB") else 0)


main()
