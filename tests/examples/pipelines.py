#!/usr/bin/env python3
"""Each file of pipelines/, in an empty project with the files it asks for: lint finds nothing and
the plan is to run every stage, in an order that respects files. $MLOPS names the program."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

MLOPS = os.environ["MLOPS"]
FOLDER = Path(__file__).parents[2] / "pipelines"


def names(items):
    return [next(iter(item)) if isinstance(item, dict) else item for item in items]


def made_by(stage):
    return names(stage.get("outs", []) + stage.get("metrics", []) + stage.get("plots", []))


def make_project(place, pipeline):
    """Files that no stage makes, and the parameters."""
    stages = pipeline["stages"].values()
    made = [out for stage in stages for out in made_by(stage)]
    params = {key: {"some": 1} for stage in stages for key in stage.get("params", [])}
    (place / "params.yaml").write_text(yaml.safe_dump(params))
    for path in {dep for stage in stages for dep in stage.get("deps", [])}:
        if not any(path == out or path.startswith(out + "/") for out in made) and "*" not in path:
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_text("some\n")


def run(place, *words):
    env = dict(os.environ, HOME=str(place), DATA_URL="https://example.org", DATA_TOKEN="secret")
    done = subprocess.run([MLOPS, *words], cwd=place, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def problems(path):
    pipeline = yaml.safe_load(path.read_text())
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        (place / "pipeline.yaml").write_text(path.read_text())
        make_project(place, pipeline)
        status, out, err = run(place, "lint")
        if status or "0 warnings" not in out + err:
            yield f"lint: exit {status}: {out}{err}"
        status, out, err = run(place, "plan", "--json")
        if status:
            yield f"plan: exit {status}: {err}"
            return
        order = [stage["name"] for stage in json.loads(out)["stages"]]
    if sorted(order) != sorted(pipeline["stages"]):
        yield f"the plan has {order}"
    for position, name in enumerate(order):
        for later in order[position:]:
            for out in made_by(pipeline["stages"][later]):
                if out in pipeline["stages"][name].get("deps", []):
                    yield f"{name} comes before {later}, which makes its {out}"


def main():
    failures = 0
    files = sorted(FOLDER.glob("*.yaml"))
    for number, path in enumerate(files, 1):
        found = list(problems(path))
        failures += bool(found)
        print(f"{'not ok' if found else 'ok'} {number} {path.name}")
        for text in found:
            print("# " + text.replace("\n", "\n# "))
    print(f"1..{len(files)}")
    return 1 if failures or not files else 0


sys.exit(main())
