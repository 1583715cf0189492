#!/usr/bin/env python3
"""tableschema.py: the Table Schema cases, own and of others: `mlops data validate --json --all-errors`
finds the same errors (row, field, type, constraint) as their expected.json. Writes TAP."""
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import support

# Cases whose expected.json is not followed, and why.
QUIRKS = {
    "098-fr-countries": "its oracle takes the second record for the header, because it is wider than the first; "
                        "no dialect says so, and nothing is guessed here",
}


def schema_of(reference):
    return reference.parent / (reference.stem + ".schema.json")


def dialect_of(folder, expected, scratch):
    """The dialect, with the encoding that expected.json tells."""
    path = folder / "dialect.json"
    dialect = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if expected.get("encoding"):
        dialect["encoding"] = expected["encoding"]
    if not dialect:
        return []
    out = Path(scratch, "dialect.json")
    out.write_text(json.dumps(dialect), encoding="utf-8")
    return ["--dialect", str(out)]


def keys(errors):
    return {(e["row"], e["field"], e["type"], e.get("constraint")) for e in errors}


def compare(expected, answer, status):
    wanted, found = keys(expected["errors"]), keys(answer["errors"])
    problems = [f"missing: {e}" for e in sorted(wanted - found, key=str)]
    problems += [f"not expected: {e}" for e in sorted(found - wanted, key=str)]
    if answer["valid"] != expected["valid"] or status != (0 if expected["valid"] else 1):
        problems.append(f"valid: {answer['valid']}, status {status}")
    if not answer["errors_complete"] or answer["error_count"] != len(answer["errors"]):
        problems.append("not all errors are listed")
    return problems


def run_case(folder):
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(prefix="mlops-conformance-") as scratch:
        command = [support.program(), "data", "validate", str(folder / "data.csv"), "--json", "--all-errors",
                   "--schema", str(folder / "schema.json"), *dialect_of(folder, expected, scratch)]
        for reference in sorted(folder.glob("ref-*.csv")):
            command += ["--resource", f"{reference.stem[4:]}={reference}:{schema_of(reference)}"]
        done = subprocess.run(command, capture_output=True, text=True, env=support.environment(scratch), timeout=60)
    if done.returncode not in (0, 1):
        return [f"status {done.returncode}: {done.stderr.strip()}"]
    return compare(expected, json.loads(done.stdout), done.returncode)


def main():
    cases = [case.parent for group in ("own", "fetched")
             for case in sorted(support.data("tableschema", group).glob("*/expected.json"))]
    names = {case.name: case for case in cases}

    def check(name):
        if name in QUIRKS:
            return [] if run_case(names[name]) else ["agrees although it is listed as a quirk"]
        return run_case(names[name])

    sys.exit(1 if support.tap(list(names), check) else 0)


if __name__ == "__main__":
    main()
