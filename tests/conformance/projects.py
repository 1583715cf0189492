#!/usr/bin/env python3
"""projects.py: the three DVC projects of tests/projects, run end to end as they are: every stage runs,
metrics are what they should be, a second run executes nothing, a changed parameter runs only what
depends on it, and what DVC recorded as up to date is not run again. Writes TAP."""
import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import support

HERE = Path(__file__).resolve().parents[1] / "projects"
CASES = {}


def case(name):
    def register(function):
        CASES[name] = function
        return function
    return register


class Copy(support.Project):
    """A scratch copy of one of the projects, in git as DVC projects are."""

    def __init__(self, name):
        super().__init__({})
        shutil.copytree(HERE / name, self.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        self.env["PYTHONDONTWRITEBYTECODE"] = "1"
        self.shell("git init -q . && git add -A && git -c user.name=T -c user.email=t@example.org commit -qm start")

    def shell(self, command):
        subprocess.run(["sh", "-ec", command], cwd=self.root, env=self.env, stdin=subprocess.DEVNULL,
                       capture_output=True, check=True)

    def runs(self, *words, **wanted):
        """Lines of what is wrong with `mlops run WORDS`; all counts that are not named are 0."""
        done = self.mlops("run", *words, "--json", "-j2")
        if not done.stdout.startswith("{"):
            return [f"run {' '.join(words)}: exit {done.returncode}: {done.stderr[-1500:]}"]
        counts = json.loads(done.stdout)["counts"]
        got = {k: counts[k] for k in ("executed", "restored", "unchanged", "failed", "skipped") if counts[k]}
        if got == wanted and done.returncode == 0:
            return []
        return [f"run {' '.join(words)}: wanted {wanted}, got {got} (exit {done.returncode}): {done.stderr[-1500:]}"]

    def holds(self, file, **wanted):
        got = json.loads((self.root / file).read_text())
        for key, value in wanted.items():
            near = math.isclose(got[key], value, rel_tol=1e-6) if isinstance(value, float) else got[key] == value
            if not near:
                yield f"{file}: {key} is {got[key]}, wanted {value}"

    def edit(self, file, before, after):
        path = self.root / file
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))


@case("orchard: runs end to end, and a second run executes nothing")
def orchard():
    with Copy("orchard") as project:
        yield from project.runs("dvc.yaml", executed=3)
        yield from project.holds("metrics.json", accuracy=47 / 59, auc=0.8993055555555557)
        yield from project.runs("dvc.yaml", unchanged=3)


@case("orchard: a parameter of training runs training and evaluation, its old value restores them")
def orchard_parameter():
    with Copy("orchard") as project:
        yield from project.runs("dvc.yaml", executed=3)
        project.edit("params.yaml", "depth: 4", "depth: 1")
        yield from project.runs("dvc.yaml", unchanged=1, executed=2)
        project.edit("params.yaml", "depth: 1", "depth: 4")
        yield from project.runs("dvc.yaml", unchanged=1, restored=2)
        yield from project.holds("metrics.json", accuracy=47 / 59)


@case("orchard: metrics and their difference are shown")
def orchard_metrics():
    with Copy("orchard") as project:
        yield from project.runs("dvc.yaml", executed=3)
        shown = project.mlops("metrics")
        if "accuracy" not in shown.stdout or "0.79661" not in shown.stdout:
            yield f"metrics: {shown.stdout}{shown.stderr}"


@case("grid: foreach and matrix run end to end, and a second run executes nothing")
def grid():
    with Copy("grid") as project:
        yield from project.runs("dvc.yaml", executed=8)
        yield from project.holds("best.json", model="linear", mae=6.915426722254449)
        yield from project.runs("dvc.yaml", unchanged=8)


@case("grid: a group and one instance of it are targets")
def grid_targets():
    with Copy("grid") as project:
        yield from project.runs("fit@model0-1", executed=2)
        yield from project.runs("fit", executed=3, unchanged=2)
        yield from project.runs("score", executed=2, unchanged=5)


@case("grid: another seed adds its stages only")
def grid_seed():
    with Copy("grid") as project:
        yield from project.runs("dvc.yaml", executed=8)
        project.edit("params.yaml", "seeds: [1, 2]", "seeds: [1, 2, 3]")
        yield from project.runs("dvc.yaml", executed=2, unchanged=8)


@case("station: two files with edges across them run end to end")
def station():
    with Copy("station") as project:
        for lock in project.root.glob("*/dvc.lock"):
            lock.unlink()
        yield from project.runs("model/dvc.yaml", executed=5)
        yield from project.holds("model/metrics.json", mae=5.693, rows=475)
        yield from project.runs("model/dvc.yaml", unchanged=5)
        yield from project.runs("weather/dvc.yaml", unchanged=3)


# What DVC ran to write the two dvc.lock files.
BY_HAND = """
python3 src/clean.py raw/readings.csv weather/clean.csv
cd weather
python3 ../src/daily.py clean.csv daily/temperature.csv temperature
python3 ../src/daily.py clean.csv daily/humidity.csv humidity
cd ../model
python3 ../src/fit.py ../weather/daily model.json 1
python3 ../src/judge.py model.json ../weather/clean.csv metrics.json
"""


@case("station: what dvc.lock records of outputs that are there is not run again")
def station_recorded():
    with Copy("station") as project:
        project.shell(BY_HAND)
        yield from project.runs("model/dvc.yaml", unchanged=5)
        project.edit("model/params.yaml", "degree: 1", "degree: 2")
        yield from project.runs("model/dvc.yaml", unchanged=3, executed=2)


@case("station: tracked data that differs from its .dvc file is told")
def station_tracked():
    with Copy("station") as project:
        with open(project.root / "raw/readings.csv", "a", encoding="utf-8") as file:
            file.write("480,1.0,2.0,3.0\n")
        done = project.mlops("run", "model/dvc.yaml", "-j2")
        if "readings.csv" not in done.stderr + done.stdout:
            yield f"exit {done.returncode}: {done.stdout}{done.stderr}"


def main():
    have = subprocess.run([shutil.which("python3") or "python3", "-c", "import pandas, sklearn, yaml"], check=False,
                          stderr=subprocess.DEVNULL)
    if have.returncode:
        support.skip("python3 has no pandas, scikit-learn and yaml")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    wanted = [name for name in CASES if not sys.argv[1:] or any(word in name for word in sys.argv[1:])]
    sys.exit(1 if support.tap(wanted, lambda name: CASES[name]()) else 0)


if __name__ == "__main__":
    main()
