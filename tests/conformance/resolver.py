#!/usr/bin/env python3
"""resolver.py [NAME...]: every case of the template-resolver cases, whose answers are DVC's own,
through `mlops lint --resolved --json`: order, resolved stages, what is loaded, edges, tracked values
and top-level sections must be equal; a refusal must be one in the same phase, for the same cause.
Writes TAP and a table."""
import json
import re
import sys
from collections import Counter

import support

# What DVC says -> what ours must say of the same cause; \1 ... are DVC's own words.
CAUSES = [
    (r"could not find '([^']*)' in '([^']*)'", [r"'\1'", r"\2"]),
    (r"Could not find '([^']*)'", [r"\1"]),
    (r"Cannot interpolate data of type 'list'", [r"list"]),
    (r"Cannot interpolate data of type 'dict'", [r"map"]),
    (r"Cannot interpolate nested iterable in '([^']*)'", [r"\1", r"list|map|nest"]),
    (r"cannot (?:partially )?load '([^':]*)", [r"\1", r"load|already|whole|part"]),
    (r"'([^']*)' does not exist", [r"\1", r"not exist|not there|no file|no such"]),
    (r"interpolating is not allowed", [r"expression"]),
    (r"cannot redefine '([^']*)' from '([^']*)' as it already exists in '([^']*)'", [r"\1", r"redefine|already", r"\3"]),
    (r"'([^']*)' is a directory", [r"\1", r"directory"]),
    (r"structure is corrupted", [r"."]),
    (r"ParseException", [r"expected|expression|empty|missing"]),
    (r"expected bool", [r"true or false"]),
    (r"expected a list", [r"list"]),
    (r"expected a dictionary", [r"mapping|nothing|null|empty"]),
    (r"extra keys not allowed @ .*\['([^']*)'\]", [r"'\1'"]),
    (r"required key not provided @ .*\['([^']*)'\]", [r"'\1'"]),
    (r"expected list/dictionary, got", [r"list", r"map"]),
    (r"expected dict ", [r"map|list"]),
    (r"expected str", [r"string|text|list"]),
    (r"reserved key (\w+)", [r"'\1'", r"reserved|group|foreach|matrix"]),
    (r"output '([^']*)' is specified in:\s*- (\S+)\s*- (\S+)", [r"\1", r"\2|\3"]),
    (r"both a dependency and an output in stages?: (\S+?)[,.]", [r"\1", r"cycle|itself|both"]),
]


# Where we answer otherwise than DVC: (why, what we answer: a phase, or the order of stages).
LISTED = {
    "dict-exact-cmd": ("DVC loads a cmd that is a mapping, and crashes when it is run", "resolve"),
    "schema-cmd-list-of-nonstr": ("DVC loads a command that is no text, and crashes when it is run", "load"),
    "abs-path-cached-out-loads-fails-on-save": ("DVC refuses the output when the command has run, we before", "load"),
    "foreach-params-dict-nonstr-keys-dropped": ("DVC loses stages whose key is a number", ["build@2021", "build@a"]),
}


def cause_missing(wanted, got):
    """The word of the cause that our message lacks, or None."""
    for theirs, ours in CAUSES:
        found = re.search(theirs, wanted)
        if not found:
            continue
        for pattern in ours:
            for number, group in enumerate(found.groups(), 1):
                pattern = pattern.replace(f"\\{number}", re.escape(group.strip() or group))
            if not re.search(pattern, got, re.IGNORECASE):
                return pattern
        return None
    return f"a row in CAUSES for: {wanted}"


def said(answer):
    """All that we say: an error with its hints and the others of the same file."""
    others = [e for e in answer.get("errors", [])]
    return " | ".join([answer["error"]["message"]] + [f"{e['text']} ({e.get('hint')})" for e in others])


def refusal(case, answer):
    wanted = case["expect"]["error"]
    if "error" not in answer:
        yield f"wanted a refusal in {wanted['phase']}: {wanted['message']}"
        return
    if answer["error"]["phase"] != wanted["phase"]:
        yield f"wanted phase {wanted['phase']}, got {answer['error']['phase']}: {answer['error']['message']}"
    missing = cause_missing(wanted["message"], said(answer))
    if missing:
        yield f"wanted the cause ({missing}): {wanted['message']}"
        yield f"got: {said(answer)}"


def without_order(model):
    """Keys of a params file are a set."""
    return {name: {**stage, "params": {f: sorted(k) for f, k in stage["params"].items()}} if "params" in stage else stage
            for name, stage in model.items()}


def agreement(case, answer):
    wanted = case["expect"]
    if "error" in answer:
        yield f"refused: {answer['error']['phase']}: {said(answer)}"
        return
    for key in ("order", "stages", "metrics", "plots", "params", "artifacts", "datasets"):
        empty = [] if key == "order" else {} if key == "stages" else None
        yield from support.differences(wanted.get(key, empty), answer.get(key, empty), key)
    yield from support.differences(wanted.get("tracked", {}), answer.get("tracked", {}), "tracked")
    yield from support.differences(without_order(wanted["model"]), without_order(answer["model"]), "model")
    if "edges" in wanted:
        yield from support.differences(sorted(wanted["edges"]), sorted(answer.get("edges", [])), "edges")


def check(case):
    files = {name: text for name, text in case["files"].items()}
    with support.Project(files, case.get("config")) as project:
        answer = project.resolved(case["file"])
    if case["id"] in LISTED:
        wanted = LISTED[case["id"]][1]
        got = answer["error"]["phase"] if "error" in answer else answer["order"]
        return [] if got == wanted else [f"wanted {wanted}, got {got}"]
    judge = refusal if "error" in case["expect"] else agreement
    lines = list(judge(case, answer))
    if lines and case.get("note"):
        lines.append("note: " + case["note"])
    return lines


def main():
    cases = {c["id"]: c for c in json.loads(support.data("dvc", "resolver-cases.json").read_text())["cases"]}
    names = sys.argv[1:] or list(cases)
    tally = {}

    def one(name):
        lines = check(cases[name])
        kind = cases[name]["expect"].get("error", {}).get("phase", "resolves")
        tally.setdefault(kind, Counter())["differs" if lines else "listed" if name in LISTED else "agrees"] += 1
        return lines

    failed = support.tap(names, one)
    print("# answer          agrees  listed  differs")
    for kind, counts in sorted(tally.items()):
        print(f"# {kind:14} {counts['agrees']:7} {counts['listed']:7} {counts['differs']:8}")
    for name, (reason, _) in LISTED.items():
        print(f"# listed: {name}: {reason}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
