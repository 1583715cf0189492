#!/usr/bin/env python3
"""json_schema.py PRINT_DOC: the JSON Schemas that mlops prints (`mlops help --schema`), $MLOPS, against
right and wrong files, the project's own examples and, where $MLOPS_CONFORMANCE says where they are,
real dvc.yaml files and the examples of DVC's published schema. Writes TAP."""
import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parents[2]

RIGHT = {
    "pipeline": """
stages: {a: {cmd: x}}
%%
name: 3
x-mine: [anything]
defaults: {env: {A: 1, B: {from_env: B, key: true}}, timeout: 1.5h, retries: 2, shell: bash}
stages:
  a: {cmd: [x, y], deps: [a, 'b*'], outs: [c, {d: {cache: false}}, {e: }], timeout: 90, kind: train}
  b: {cmd: x, resources: {cpus: 0.5, memory: 4GiB, gpus: 1}, retries: {count: 1, on_exit: [75]}}
  c: {foreach: [1, 2], do: {cmd: 'echo ${item}', frozen: '${item}'}}
  d: {matrix: {m: [1, 2], n: '${list}'}, cmd: x, outs: '${outs}'}
  e: {cmd: x, env_mode: strict, after: [a], plots: [{f.csv: {x: a, y: b}}, {g.csv: [{y: a}]}]}
vars: [params.toml, {a: 1}]
""",
    "dvc": """
stages: {a: {cmd: x}}
%%
stages:
  a: {cmd: [x], outs: [b, {c: {cache: false, checkpoint: true}}], params: [a, {p.json: [b]}, {q.yaml: }]}
  b: {foreach: '${list}', do: {cmd: x}}
  c: {matrix: {m: [1], n: '${list}'}, cmd: x, frozen: true}
plots: [a.csv, {b.csv: {x: a, y: [b, c]}}, {p: {x: {f: a}, y: {f: [b]}}}, {e: }]
artifacts: {m: {path: m.pkl, labels: [a], meta: 3}}
datasets: [{name: a, type: dc}]
metrics: [m.json]
vars: [a.yaml, {b: [1]}]
""",
    "sweep": """
params: {lr: 'loguniform(1e-4, 1e-1)', opt: [adam, {a: 1}], n: 5}
trials: 5
%%
sweep: {params: ['a=1,2', {key: b, text: 'int(1,3)', file: p.json}], method: random, x-mine: 1}
%%
list: [{a: 1, b: [1, 2]}, ['a=2', {key: b, text: y}]]
repeat: 3
seed_param: {file: p.yaml, key: train.seed}
%%
{name: n, targets: [a], metric: 'm.json:f1', direction: max, stop: asha, steps: {file: s.csv}, time: 1.5h}
%%
{stop: halving, budget: {param: epochs, least: 1, most: 27}, reduction: 4, seed: 18446744073709551615}
""",
}
WRONG = {
    "pipeline": """
stages: {a: {cmd: x, depend: [b]}}
%%
stages: {a: {deps: [b]}}
%%
stages: {a: {cmd: x, timeout: soon}}
%%
stages: {a: {cmd: x, kind: cook}}
%%
stages: {a: {cmd: x, retries: {count: 5000}}}
%%
stages: {a: {cmd: x, deps: b}}
%%
stages: {a: {cmd: x, outs: [{b: {cash: true}}]}}
%%
stages: {a: {cmd: x, outs: [{b: {checkpoint: true}}]}}
%%
stages: {a: {foreach: [1], cmd: x}}
%%
stages: {a: {foreach: [1]}}
%%
stages: {a: {cmd: {b: c}}}
%%
stages: {a: {cmd: x, resources: {cpus: many}}}
%%
stages: [a]
%%
stages: {a: {cmd: x, env: {A: [1]}}}
%%
metrics: m.json
%%
artifacts: {m: {desc: no path}}
""",
    "dvc": """
stages: {a: {cmd: x, timeout: 3}}
%%
stages: {a: {cmd: 3}}
%%
stages: {a: {cmd: x, frozen: '${f}'}}
%%
stages: {a: {cmd: x, deps: [1]}}
%%
stages: {a: {cmd: x, desc: 3}}
%%
x-mine: 3
%%
name: n
%%
plots: {a.csv: {x: b}}
%%
plots: [{}]
%%
stages: {a: {foreach: [1], do: {foreach: [1], do: {cmd: x}}}}
%%
vars: {a: 1}
%%
stages: {a: {foreach: [1], do: {cmd: x}, desc: more}}
""",
    "sweep": """
methd: grid
%%
method: gird
%%
params: {lr: {a: 1}}
%%
params: 3
%%
list: [3]
%%
metric: {file: a}
%%
repeat: 0
%%
budget: {param: a, least: 1}
%%
fixed: [{key: a, txt: b}]
%%
{sweep: {}, trials: 5}
""",
}


class Schemas:
    def __init__(self, print_doc):
        self.print_doc = print_doc
        program = os.environ["MLOPS"]
        self.by_language = {}
        for language in ("pipeline", "dvc", "sweep"):
            text = subprocess.run([program, "help", "--schema", language], stdout=subprocess.PIPE, check=True).stdout
            schema = json.loads(text)
            jsonschema.Draft7Validator.check_schema(schema)
            self.by_language[language] = jsonschema.Draft7Validator(schema)

    def problem(self, language, text):
        """What the schema says against a file; None if nothing."""
        raw = text if isinstance(text, bytes) else text.encode()
        request = json.dumps({"name": "x.yaml", "hex": raw.hex()})
        done = subprocess.run([self.print_doc], input=request.encode(), stdout=subprocess.PIPE, check=True)
        answer = json.loads(done.stdout)
        if "error" in answer:
            return answer["error"]
        errors = list(self.by_language[language].iter_errors(plain(answer["value"])))
        return errors[0].message[:200] if errors else None


def plain(value):
    """What print_doc prints as a value of Python's."""
    kind, payload = value[0], value[1] if len(value) > 1 else None
    if kind == "int":
        return int(payload)
    if kind == "real":
        return float.fromhex(payload) if "n" not in payload else payload
    if kind == "list":
        return [plain(one) for one in payload]
    if kind == "map":
        return {key: plain(one) for key, one in payload}
    return payload


def own_files():
    for pattern in ("examples/**/*.yaml", "pipelines/**/*.yaml"):
        for path in sorted(ROOT.glob(pattern)):
            text = path.read_text()
            if path.parent.name != "ci" and "\nstages:" in "\n" + text:  # GitLab has stages, too
                yield "dvc" if path.name == "dvc.yaml" else "pipeline", path


def check_snippets(schemas):
    problems = []
    for language, texts in RIGHT.items():
        for text in texts.split("%%"):
            problem = schemas.problem(language, text)
            if problem:
                problems.append(f"{language}: refused: {text}: {problem}")
    for language, texts in WRONG.items():
        for text in texts.split("%%"):
            if not schemas.problem(language, text):
                problems.append(f"{language}: taken: {text}")
    return problems


def check_own(schemas):
    files = list(own_files())
    problems = [] if files else ["no files"]
    for language, path in files:
        problem = schemas.problem(language, path.read_bytes())
        if problem:
            problems.append(f"{path.relative_to(ROOT)}: {problem}")
    return problems


def check_corpus(schemas, data):
    """All real files but those that DVC's own schema refuses."""
    problems, count = [], 0
    for path in sorted((data / "dvc-corpus").rglob("dvc.yaml")):
        problem = schemas.problem("dvc", path.read_bytes())
        count += 1
        is_refused = is_refused_by_dvc(data, path)
        if bool(problem) != is_refused:
            problems.append(f"{path.relative_to(data)}: {problem or 'taken, DVC refuses it'}")
    print(f"# {count} files")
    return problems


def is_refused_by_dvc(data, path):
    """By its schema; templates and graphs are no business of a schema."""
    project, *inner = path.relative_to(data / "dvc-corpus").parts
    expected = json.loads((data / "dvc-corpus-expected" / f"{project}.json").read_text())
    return expected["/".join(inner)].get("error", {}).get("phase") == "schema"


def check_examples(schemas, data):
    folder = data / "dvc" / "schema-examples"
    problems = []
    with open(folder / "expected.tsv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            is_refused = row["dvc"] == "refused" and row["phase"] == "schema"
            problem = schemas.problem("dvc", (folder / row["file"]).read_bytes())
            if bool(problem) != is_refused:
                problems.append(f"{row['file']}: {problem or 'taken'}")
    return problems


def main():
    schemas = Schemas(sys.argv[1])
    conformance = os.environ.get("MLOPS_CONFORMANCE")
    checks = [
        ("right files are taken, wrong ones refused", check_snippets, ()),
        ("the project's own pipelines are taken", check_own, ()),
        ("real dvc.yaml files are taken as DVC does", check_corpus, (Path(conformance or "."),)),
        ("the examples of DVC's schema are judged as DVC does", check_examples, (Path(conformance or "."),)),
    ]
    print(f"1..{len(checks)}")
    failed = 0
    for number, (title, check, arguments) in enumerate(checks, 1):
        if arguments and not conformance:
            print(f"ok {number} {title} # SKIP MLOPS_CONFORMANCE is not set")
            continue
        problems = check(schemas, *arguments)
        failed += bool(problems)
        print(f"{'not ok' if problems else 'ok'} {number} {title}")
        for problem in problems:
            print("#  ", problem.replace("\n", "\n#   "))
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
