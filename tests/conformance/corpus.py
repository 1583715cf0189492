#!/usr/bin/env python3
"""corpus.py [--all] [--no-run] [PROJECT...]: real DVC projects, of which DVC's own answers are known.

- Every dvc.yaml: order, resolved stages and top-level sections equal DVC's; what DVC refuses is
  refused, in the same phase for the same cause. The graph of the whole project, tracked data included.
- Every project with its commands replaced by ones that create the outputs: `mlops run -P -j 2` runs
  all of it to the end, every stage once and behind what it needs; a second run executes nothing.

The one of 4,172 stages is run with fewer of its years and states unless --all. Writes TAP and a table."""
import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

import resolver
import support
import touched

SKIPPED_FILES = {"SOURCE"}
SECTIONS = ("metrics", "plots", "params", "artifacts")

# Where ours answers otherwise than DVC, and why.
LISTED = {}


def files_of(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*")
            if p.is_file() and str(p.relative_to(folder)) not in SKIPPED_FILES}


def compact(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def compare_stages(wanted, got):
    if "stage_count" not in wanted:
        yield from support.differences(wanted["order"], got["order"], "order")
        yield from support.differences(wanted["stages"], got["stages"], "stages")
        return
    if len(got["order"]) != wanted["stage_count"]:
        yield f"wanted {wanted['stage_count']} stages, got {len(got['order'])}"
    if hashlib.sha256("\n".join(got["order"]).encode()).hexdigest() != wanted["order_sha256_of_lines"]:
        yield "order: another hash"
    if hashlib.sha256(compact(got["stages"])).hexdigest() != wanted["stages_sha256_of_sorted_compact_json"]:
        yield "stages: another hash"
    for name in wanted["stages"]:
        yield from support.differences(wanted["stages"][name], got["stages"].get(name), f"stages/{name}")


def compare_file(wanted, got):
    if "error" in wanted:
        if wanted["error"]["type"] == "YAMLValidationError" and "order" in wanted:
            return  # not the file but its dvc.lock is refused, which is not read for this
        yield from resolver.refusal({"expect": wanted}, got)
        return
    if "error" in got:
        yield f"refused: {got['error']['phase']}: {resolver.said(got)}"
        return
    yield from compare_stages(wanted, got)
    for section in SECTIONS:
        if section in wanted or section in got:
            yield from support.differences(wanted.get(section), got.get(section), section)


def compare_graph(wanted, answers):
    if "error" in wanted:
        return
    for path, answer in answers.items():
        got = sorted(answer.get("edges", []))
        edges = sorted(wanted["edges"])
        if "edge_count" in wanted:
            if len(got) != wanted["edge_count"]:
                yield f"{path}: wanted {wanted['edge_count']} edges, got {len(got)}"
            got = got[:len(edges)]
        lost, new = [e for e in edges if e not in got], [e for e in got if e not in edges]
        yield from (f"{path}: lost edge {' -> '.join(e)}" for e in lost)
        yield from (f"{path}: new edge {' -> '.join(e)}" for e in new)


def plan_project(project, expected):
    """(lines, answers of the files that load)."""
    lines, answers = [], {}
    for path, wanted in expected.items():
        if path == "__graph__":
            continue
        answer = project.resolved(path)
        lines += [f"{path}: {line}" for line in compare_file(wanted, answer)]
        if "error" not in answer:
            answers[path] = answer
    lines += compare_graph(expected["__graph__"], answers)
    return lines, answers


def shrink(project):
    """Fewer years and states of the project of 4,172 stages."""
    file = project.root / "data/params.yaml"
    params = touched.load(file.read_text())
    params["input"]["year"] = params["input"]["year"][:2]
    params["input"]["state"] = params["input"]["state"][:5]
    file.write_text(json.dumps(params))


def run(project, words):
    done = project.mlops("run", "-P", "--json", *words, timeout=900)
    try:
        return json.loads(done.stdout), done.stderr
    except ValueError:
        return {"counts": {}, "status": f"exit {done.returncode}"}, done.stderr


def check_order(did, answers):
    """Every stage ran once, behind what it needs."""
    place = {name: i for i, name in enumerate(did)}
    for answer in answers.values():
        for up, down in answer.get("edges", []):
            if up in place and down in place and place[up] > place[down]:
                yield f"{down} ran before {up}"
    for name in place:
        if did.count(name) > 1:
            yield f"{name} ran {did.count(name)} times"


def run_project(project, plans, all_stages):
    if not all_stages and (project.root / "data/params.yaml").exists() and len(plans) == 1 \
            and any(len(p["order"]) > 4000 for p in plans.values()):
        shrink(project)
        plans = {path: project.resolved(path) for path in plans}
    touched.make_runnable(project, plans)
    count = sum(len(plan["order"]) for plan in plans.values())
    words = [next(iter(plans)), "-j2"]
    first, told = run(project, words)
    counts = first["counts"]
    if first["status"] != "succeeded" or counts.get("executed") != count:
        yield f"first run: {first['status']}, {counts.get('executed')} of {count} stages executed: {told[-1500:]}"
        return
    did = (project.root / ".did").read_text().splitlines() if count else []
    if count < 1000:
        yield from check_order(did, plans)
    always = len(touched.always_run(plans))
    second, told = run(project, words)
    if second["status"] != "succeeded" or second["counts"].get("executed") != always:
        yield f"second run: {second['status']}, executed {second['counts'].get('executed')} of {always}: {told[-1500:]}"


class Tally:
    def __init__(self):
        self.rows = {}

    def note(self, name, **numbers):
        self.rows[name] = numbers

    def print(self):
        print("# project                                        files  stages  edges  refused")
        for name, row in sorted(self.rows.items()):
            print(f"# {name:46} {row['files']:5} {row['stages']:7} {row['edges']:6} {row['refused']:8}")
        total = {key: sum(row[key] for row in self.rows.values()) for key in ("files", "stages", "edges", "refused")}
        print(f"# {'all':46} {total['files']:5} {total['stages']:7} {total['edges']:6} {total['refused']:8}")


def check(folder, expected, options, tally):
    with support.Project(files_of(folder)) as project:
        lines, answers = plan_project(project, expected)
        refused = [path for path in expected if path != "__graph__" and path not in answers]
        edges = max((len(a.get("edges", [])) for a in answers.values()), default=0)
        tally.note(folder.name, files=len(expected) - 1, edges=edges, refused=len(refused),
                   stages=sum(len(a["order"]) for a in answers.values()))
        if options.no_run or lines:
            return lines
        outside = [path for path in answers if not touched.is_inside(answers[path])]
        for path in outside:
            print(f"# {folder.name}/{path}: compared, not run: it writes outside of its project")
            del answers[path]
        for path in refused + outside:
            (project.root / path).unlink()
        for path in answers:
            if "error" in expected[path]:
                (project.root / path).with_suffix(".lock").unlink()
        if (refused or outside) and answers:
            answers = {path: project.resolved(path) for path in answers}
        return lines + list(run_project(project, answers, options.all)) if answers else lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--all", action="store_true", help="run all 4,172 stages of the largest project")
    parser.add_argument("--no-run", action="store_true", help="compare only")
    parser.add_argument("projects", nargs="*")
    options = parser.parse_args()
    corpus, answers = support.data("dvc-corpus"), support.data("dvc-corpus-expected")
    names = options.projects or sorted(p.stem for p in answers.glob("*.json"))
    tally = Tally()

    def one(name):
        expected = json.loads((answers / f"{name}.json").read_text(encoding="utf-8"))
        lines = check(corpus / name, expected, options, tally)
        return [line for line in lines if not any(line.startswith(known) for known in LISTED.get(name, {}))]

    failed = support.tap(names, one)
    tally.print()
    for name, known in LISTED.items():
        for line, reason in known.items():
            print(f"# {name}: {line}: {reason}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
