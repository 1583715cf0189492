#!/usr/bin/env python3
"""schema_examples.py: the example files of DVC's published JSON schema, each with DVC's own verdict
(expected.tsv): what DVC loads we load, what it refuses we refuse, in the same phase for the same
cause. Writes TAP."""
import csv
import sys

import resolver
import support


def main():
    folder = support.data("dvc", "schema-examples")
    with open(folder / "expected.tsv", encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}

    def check(name):
        row = rows[name]
        with support.Project({"dvc.yaml": (folder / name).read_bytes()}) as project:
            answer = project.resolved("dvc.yaml")
        if row["dvc"] == "refused":
            return resolver.refusal({"expect": {"error": row}}, answer)
        return [f"refused: {resolver.said(answer)}"] if "error" in answer else []

    sys.exit(1 if support.tap(list(rows), check) else 0)


if __name__ == "__main__":
    main()
