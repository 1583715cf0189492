#!/usr/bin/env python3
"""behaviour.py [NAME...] [--record FILE]: runs the scenarios of tests/cases/behaviour/*.json, whose
answers are DVC's own, through mlops and compares what ran, what was restored and what `status` lists.
Writes TAP. $MLOPS names the program.

A step on which mlops decides otherwise than DVC is in LISTED: with the reason, and with what mlops
answers instead, which is compared just as well.

--record FILE fills in the answers of a file of scenarios by running the `dvc` in PATH."""
import json
import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from behaviour_listed import LISTED

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests/cases/behaviour"
OURS = {".git", ".dvc", ".dvcignore", ".mlops", "dvc.lock", "dvc.mlops.lock"}


class Project:
    """An empty git repository in a folder of its own."""

    def __init__(self, folder, has_git=True):
        self.root = Path(folder) / "project"
        home = Path(folder) / "home"
        self.root.mkdir()
        home.mkdir()
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("MLOPS", "DVC", "GIT"))}
        self.env = dict(keep, HOME=str(home), XDG_CONFIG_HOME=str(home / ".config"), SHELL="/bin/bash",
                        XDG_STATE_HOME=str(home / ".local/state"), LC_ALL="C.UTF-8", TZ="UTC",
                        TERM="dumb", MLOPS_DURABILITY="none", GIT_CONFIG_NOSYSTEM="1",
                        DVC_NO_ANALYTICS="1", CI="1")
        self.env["DVC_SITE_CACHE_DIR"] = str(home / "site")
        if has_git:
            self.call("git", "init", "-q", ".")

    def call(self, *words):
        return subprocess.run(words, cwd=self.root, env=self.env, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)

    def write(self, files):
        for name, text in files.items():
            path = self.root / name
            if text is None:
                path.unlink(missing_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")

    def shell(self, command):
        done = self.call("/bin/sh", "-c", command)
        if done.returncode:
            raise AssertionError(f"{command}: {done.stderr}")

    def look(self, words):
        """What `cat FILE` or `ls` answers."""
        if words == ["ls"]:
            return sorted(p.name for p in self.root.iterdir() if p.name not in OURS)
        return (self.root / words[1]).read_text(encoding="utf-8")


def run_mlops(project, words):
    """`mlops repro WORDS` as DVC tells it."""
    done = project.call(os.environ["MLOPS"], "repro", *words, "--json")
    answer = {"ran": [], "restored": [], "skipped": [], "exit": done.returncode, "text": done.stderr}
    if not done.stdout:
        return answer
    place = {"executed": "ran", "failed": "ran", "would_run": "ran", "unknown": "ran",
             "restored": "restored", "would_restore": "restored", "unchanged": "skipped"}
    stages = json.loads(done.stdout)["stages"]
    for stage in stages:
        if stage["status"] in place:
            answer[place[stage["status"]]].append(stage["name"])
    return answer


def lock_of(project):
    """The stages of the lock file."""
    lock = project.root / "dvc.mlops.lock"
    return yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"] if lock.exists() else {}


def status_mlops(project, words):
    """`mlops status --json` in DVC's words. What waits for another stage it does not list."""
    done = project.call(os.environ["MLOPS"], "status", "--json", "dvc.yaml", *words)
    if done.returncode:
        return {"exit": done.returncode, "text": done.stderr}
    known = lock_of(project)
    answer = {}
    for stage in json.loads(done.stdout)["stages"]:
        deps, outs, entries = {}, {}, []
        for reason in stage["reasons"]:
            part, what = reason["part"], reason["what"]
            change = "new" if not reason["before"] else "deleted" if not reason["after"] else "modified"
            if part == "dep":
                # DVC calls a new one modified, too.
                deps[what] = "deleted" if reason["after"] in (None, "missing") else "modified"
            elif part == "param":
                name, _, key = what.partition(":")
                change = "deleted" if reason["after"] == "(no value)" else change
                if key and isinstance(deps.setdefault(name, {}), dict):
                    deps[name][key] = change
                elif not key:
                    deps[name] = change
            elif part == "out":
                outs[what] = "modified"
            elif part == "output":
                outs[what] = "modified" if reason["after"] else "deleted"
            elif part == "cmd":
                entries.append("changed command")
            elif part == "always":
                entries.append("always changed")
            elif part == "never_run":
                entries.append("never run")
            elif part in ("wdir", "env", "shell"):
                entries.append(part)
            elif part == "upstream" and stage["name"] not in known:
                entries.append("never run")
        if outs:
            entries.insert(0, {"changed outs": outs})
        if deps:
            entries.insert(0, {"changed deps": deps})
        if entries:
            answer[stage["name"]] = entries
    return answer


def plain_status(status, made, new):
    """Without what only follows from another stage of the list: a dependency on one of its outputs. Of
    a stage that never ran only that it is listed."""
    for entries in status.values():
        for entry in entries:
            made = made | (set(entry.get("changed outs", {})) if isinstance(entry, dict) else set())
    plain = {}
    for name, entries in status.items():
        left = []
        for entry in entries:
            if isinstance(entry, dict) and "changed deps" in entry:
                deps = {k: v for k, v in entry["changed deps"].items() if k not in made}
                entry = {"changed deps": deps} if deps else None
            if entry:
                left.append(entry)
        if name in new:
            left = ["never run"]
        if left:
            plain[name] = sorted(left, key=json.dumps)
    return plain


def parameters(status):
    """The changed keys of every parameter file in a status, as the maps that hold them."""
    for entries in status.values():
        for entry in entries:
            if isinstance(entry, dict):
                yield from (v for v in entry.get("changed deps", {}).values() if isinstance(v, dict))


def as_told(got, wanted):
    """DVC tells of a changed section, mlops of the keys that changed in it."""
    for name, entries in wanted.items():
        for entry in entries:
            whole = entry.get("changed deps", {}) if isinstance(entry, dict) else {}
            for other in got.get(name, []):
                ours = other.get("changed deps", {}) if isinstance(other, dict) else {}
                for path, change in whole.items(): # a file that is gone, with all its keys
                    if change == "deleted" and set(ours.get(path) or "x") and isinstance(ours.get(path), dict):
                        ours[path] = change if set(ours[path].values()) == {change} else ours[path]
    known = {key for keys in parameters(wanted) for key in keys}
    for keys in parameters(got):
        for key in list(keys):
            above = [k for k in known if key.startswith(k + ".")]
            if above:
                del keys[key]
                keys[above[0]] = "modified"


def compare_status(project, expect, got):
    if "exit" in got or "exit" in expect:
        both = {"fails": "exit" in expect}, {"fails": "exit" in got}
        return both[0], both[1] | (got if both[0] != both[1] else {})
    as_told(got, expect)
    listed = {name for name, entries in got.items() if entries}
    new = {name for name, entries in got.items() if "never run" in entries}
    made = set()
    stages = lock_of(project)
    for name in listed & set(stages):
        made |= {out["path"] for out in stages[name].get("outs", [])}
    return plain_status(expect, set(), new), plain_status(got, made, new)


def compare_run(expect, got):
    keys = ["ran", "restored"] + ([] if expect["exit"] else ["skipped"])
    wanted = {k: expect[k] for k in keys} | {"exit": bool(expect["exit"])}
    return wanted, {k: got[k] for k in keys} | {"exit": bool(got["exit"])}


def do_step(project, step):
    """(wanted, got) of one step, or None."""
    words = step["do"].split()
    if words[0] == "write":
        return project.write(step["files"])
    if words[0] == "sh":
        return project.shell(step["cmd"])
    expect = step["expect"]
    if words[0] == "repro":
        return compare_run(expect, run_mlops(project, words[1:]))
    if words[0] == "status":
        return compare_status(project, expect, status_mlops(project, words[2:]))
    got = project.look(words)
    return ([n for n in expect if n not in OURS], got) if words == ["ls"] else (expect, got)


def run_case(case):
    """The problems of a case."""
    listed = LISTED.get(case["id"], ("", {}))[1]
    problems = []
    with tempfile.TemporaryDirectory(prefix="behaviour-") as folder:
        project = Project(folder)
        project.write(case.get("files", {}))
        for number, step in enumerate(case["steps"], 1):
            if number in listed and listed[number] is None:
                continue
            if number in listed:
                step = dict(step, expect=listed[number])
            try:
                both = do_step(project, step)
            except (OSError, AssertionError, KeyError, ValueError) as error:
                problems.append(f"step {number} ({step['do']}): {error!r}")
                break
            if both and both[0] != both[1]:
                problems.append(f"step {number} ({step['do']})\n  wanted {both[0]}\n  got    {both[1]}")
    return problems


def record_run(project, words):
    done = project.call("dvc", "repro", *words)
    text = done.stdout + done.stderr
    answer = {"ran": [], "restored": [], "skipped": [], "exit": done.returncode}
    for line in text.splitlines():
        for pattern, place in ((r"Running stage '(.*)':", "ran"), (r"Running callback stage '(.*)' ", "ran"),
                               (r"Stage '(.*)' is cached", "restored"),
                               (r"Stage '(.*)' didn't change, skipping", "skipped")):
            found = re.match(pattern, line)
            if found:
                answer[place].append(found[1])
    if done.returncode:
        errors = [line for line in text.splitlines() if line.startswith("ERROR")]
        answer["error"] = (errors or [""])[0].replace(str(project.root), "<project>")
    return answer


def record_case(case):
    with tempfile.TemporaryDirectory(prefix="behaviour-") as folder:
        project = Project(folder)
        project.call("dvc", "init", "-q")
        project.write(case.get("files", {}))
        for step in case["steps"]:
            words = step["do"].split()
            if words[0] in ("write", "sh"):
                do_step(project, step)
            elif words[0] == "repro":
                step["expect"] = record_run(project, words[1:])
            elif words[0] == "status":
                done = project.call("dvc", *words)
                step["expect"] = json.loads(done.stdout) if not done.returncode else {"exit": done.returncode}
            else:
                step["expect"] = project.look(words)


def record(path):
    text = json.loads(Path(path).read_text(encoding="utf-8"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(record_case, text["cases"]))
    Path(path).write_text(json.dumps(text, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def main(words):
    if words[:1] == ["--record"]:
        record(words[1])
        return 0
    cases = []
    for path in sorted(CASES.glob("*.json")):
        cases += json.loads(path.read_text(encoding="utf-8"))["cases"]
    cases = [case for case in cases if not words or case["id"] in words]
    unknown = set(LISTED) - {case["id"] for case in cases}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(run_case, cases))
    print(f"1..{len(cases)}")
    for number, (case, problems) in enumerate(zip(cases, results), 1):
        reason = LISTED.get(case["id"], ("",))[0]
        print(f"{'not ok' if problems else 'ok'} {number} {case['id']}" + (f" (not as DVC: {reason})" if reason else ""))
        for problem in problems:
            print("  " + problem.replace("\n", "\n  "))
    if unknown and not words:
        print(f"not ok {len(cases) + 1} cases that are listed but not there: {sorted(unknown)}")
    return int(any(results) or bool(unknown and not words))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
