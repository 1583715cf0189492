#!/usr/bin/env python3
"""pages.py [--shots DIR]: every kind of page that mlops makes, looked at in a browser (check.py).
$MLOPS is the program. A new kind is a function here with @page(CHARTS): it gets an empty directory
and returns the paths of the pages, each with at least that many charts."""
import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

from check import check_pages

MLOPS = os.path.abspath(os.environ.get("MLOPS", "build/dev/src/mlops"))
PAGES = []


def page(charts):
    def add(function):
        PAGES.append((function, charts))
        return function
    return add


def mlops(directory, *words):
    done = subprocess.run([MLOPS, *words], cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"mlops {' '.join(words)}: {done.returncode}\n{done.stderr}")
    return done.stdout


def write(path, text):
    with open(path, "w", encoding="utf-8") as out:
        out.write(text)
    return path


@page(charts=6)
def profile(directory):
    """A table with numbers, words, long names and values that want to be HTML."""
    luck = random.Random(1)
    names = ["mass", "a column with quite a long name that goes on and on and on", "kind", "<b>odd</b>",
             "whole", "when"]
    rows = [[f"{luck.gauss(0, 1):.4f}", f"{luck.random():.3f}", luck.choice(["red", "green", "blue"]),
             luck.choice(["<script>x</script>", "a & b", "w" * 80]), str(luck.randrange(7)),
             f"2024-01-{luck.randrange(1, 29):02d}"] for _ in range(500)]
    write(directory + "/table.csv", "\n".join(",".join(row) for row in [names, *rows]) + "\n")
    mlops(directory, "data", "profile", "table.csv", "--html", "-o", "profile.html")
    return [directory + "/profile.html"]


@page(charts=1)
def evaluations(directory):
    """The charts of each task, of classes with names of any kind."""
    luck = random.Random(2)
    binary, several, numbers = ["label,score"], ["label,p_cat,p_dog,p_hippopotamus amphibius"], ["label,prediction"]
    for _ in range(2000):
        label = luck.randrange(2)
        binary.append(f"{label},{min(1, max(0, luck.gauss(0.3 + 0.4 * label, 0.2))):.3f}")
        kind, shares = luck.randrange(3), [luck.random() for _ in range(3)]
        shares[kind] += 0.7
        several.append(",".join([["cat", "dog", "hippopotamus amphibius"][kind],
                                 *(f"{share / sum(shares):.6f}" for share in shares)]))
        number = luck.gauss(0, 1e6)
        numbers.append(f"{number:.1f},{number * luck.uniform(0.7, 1.3):.1f}")
    found = []
    for name, rows in (("binary", binary), ("multiclass", several), ("regression", numbers)):
        write(f"{directory}/{name}.csv", "\n".join(rows) + "\n")
        mlops(directory, "evaluate", name + ".csv", "--task", name, "--no-intervals", "--charts", name)
        found += [f"{directory}/{name}/{chart}" for chart in sorted(os.listdir(f"{directory}/{name}"))]
    return found


@page(charts=1)
def awkward(directory):
    """Charts of many classes with names that are long, no ASCII, or want to be HTML; of one row; of
    numbers that are huge, or all the same."""
    luck = random.Random(4)
    classes = [["<b>bold</b>", "数据集の名前です", "w" * 60, "a & b", "\"quoted\""][i % 5] + str(i) for i in range(25)]
    quoted = ['"' + name.replace('"', '""') + '"' for name in classes]
    tables = {
        "classes": ["label,prediction", *(f"{luck.choice(quoted)},{luck.choice(quoted)}" for _ in range(3000))],
        "one": ["label,prediction", "1,2"],
        "huge": ["label,prediction", *(f"{luck.gauss(0, 1) * 1e300},{luck.gauss(0, 1) * 1e300}" for _ in range(50))],
        "constant": ["label,prediction", *["1234567.25,1234567.25"] * 20],
    }
    found = []
    for name, rows in tables.items():
        write(f"{directory}/{name}.csv", "\n".join(rows) + "\n")
        task = "multiclass" if name == "classes" else "regression"
        mlops(directory, "evaluate", name + ".csv", "--task", task, "--no-intervals", "--charts", name)
        found += [f"{directory}/{name}/{chart}" for chart in sorted(os.listdir(f"{directory}/{name}"))]
    return found


PIPELINE = """\
stages:
  train-a-model-with-quite-a-long-name:
    cmd: cp ${model}.csv predictions.csv && cp ${model}.steps.csv steps.csv
    params: [model]
    deps: [a.csv, b.csv, a.steps.csv, b.steps.csv]
    outs: [predictions.csv]
    plots: [{steps.csv: {x: step, y: loss}}]
  judge:
    kind: evaluate
    predictions: predictions.csv
    task: binary
    slices: [country]
    metrics: [{metrics.json: {cache: false}}]
    gates:
      - {metric: accuracy, min: 0.5}
      - {metric: f1, min: 0.99}
"""


def two_runs(directory):
    """A project with two runs: another model, whose gate fails."""
    luck = random.Random(3)
    for name, lift in (("a", 0.2), ("b", 0.35)):
        rows = ["id,label,score,country"]
        for i in range(600):
            label = i % 2
            score = min(1, max(0, luck.gauss(0.5 + (label - 0.5) * lift, 0.15)))
            rows.append(f"r{i},{label},{score:.4f},{('de', 'fr', 'a country with a long name')[i % 3]}")
        write(f"{directory}/{name}.csv", "\n".join(rows) + "\n")
        steps = [f"{step},{1 / (1 + step * lift):.4f}" for step in range(50)]
        write(f"{directory}/{name}.steps.csv", "step,loss\n" + "\n".join(steps) + "\n")
    write(directory + "/pipeline.yaml", PIPELINE)
    mlops(directory, "init")
    for model in "ab":
        write(directory + "/params.yaml", f"model: {model}\n")
        mlops(directory, "run")


PLOTTED = """\
stages:
  draw:
    cmd: cp ${from}.csv loss.csv && cp ${from}.jsonl gain.jsonl && cp ${from}.svg picture.svg
    params: [from]
    plots:
      - loss.csv: {x: step, y: loss, title: "Loss <b>of</b> training & more"}
      - gain.jsonl: {template: bar_horizontal, x: gain, y: name}
      - picture.svg
plots:
  - Several:
      x: step
      y: {loss.csv: [loss, a column with quite a long name that goes on and on and on, val]}
      template: smooth
  - pairs.csv: {template: confusion_normalized, x: actual, y: predicted}
  - points.tsv: {template: scatter, x: a, y: b}
"""


@page(charts=3)
def plots(directory):
    """plots diff of two runs: every template, an image, names of any kind."""
    luck = random.Random(5)
    mlops(directory, "init")
    write(directory + "/pipeline.yaml", PLOTTED)
    write(directory + "/pairs.csv", "actual,predicted\n" + "".join(
        f"{luck.choice(['cat', 'a & b', 'w' * 40])},{luck.choice(['cat', 'a & b', '<i>x</i>'])}\n" for _ in range(300)))
    write(directory + "/points.tsv", "a\tb\n" + "".join(f"{luck.gauss(0, 1)}\t{luck.gauss(0, 1)}\n" for _ in range(500)))
    for name, scale in (("one", 1), ("two", 0.8)):
        header = "step,loss,a column with quite a long name that goes on and on and on,val\n"
        write(f"{directory}/{name}.csv", header + "".join(
            f"{i},{scale / (1 + i)},{scale * luck.random()},{scale / (2 + i)}\n" for i in range(300)))
        write(f"{directory}/{name}.jsonl", "".join(
            json.dumps({"name": text, "gain": scale * luck.random()}) + "\n" for text in ["age", "<b>", "w" * 50]))
        write(f"{directory}/{name}.svg", '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9">'
                                         f'<circle cx="4" cy="4" r="{4 * scale}"/></svg>')
        write(directory + "/params.yaml", f"from: {name}\n")
        mlops(directory, "run")
    mlops(directory, "plots", "show")
    mlops(directory, "plots", "diff", "@~1", "@", "-o", "compared.html")
    return [directory + "/plots.html", directory + "/compared.html"]


@page(charts=5)
def differences(directory):
    """diff --html of two runs: curves of both, tables, verdicts."""
    two_runs(directory)
    mlops(directory, "diff", "--html", "diff.html")
    return [directory + "/diff.html"]


@page(charts=7)
def report_with_gates(directory):
    """A report with the curves of two runs, gates, an image and the picture of the pipeline."""
    luck = random.Random(5)
    for turn, noise in enumerate((0.3, 0.2)):
        rows = ["id,label,score,country"]
        for at in range(300):
            label = luck.random() < 0.4
            score = min(0.999, max(0.001, (0.7 if label else 0.3) + luck.gauss(0, noise)))
            rows.append(f"{at},{int(label)},{score:.4f},{luck.choice(['FR', 'DE'])}")
        write(directory + "/test.csv", "\n".join(rows) + "\n")
        write(directory + "/params.yaml", f"lr: 0.{turn}\n")
        write(directory + "/pipeline.yaml", """stages:
  predict: {cmd: cp test.csv predictions.csv, deps: [test.csv], params: [lr], outs: [predictions.csv]}
  "train a model with quite a long name": {cmd: cat predictions.csv >model.txt, deps: [predictions.csv], outs: [model.txt]}
  evaluate:
    kind: evaluate
    predictions: predictions.csv
    task: binary
    slices: [country]
    metrics: [metrics.json]
    gates: [{metric: accuracy, min: 0.99}, {metric: f1, max_drop: 1%, slices: [country]}]
""")
        mlops(directory, "run")
    mlops(directory, "report", "-o", "report.html")
    return [directory + "/report.html"]


@page(charts=5)
def reports(directory):
    """report --html of a run."""
    two_runs(directory)
    mlops(directory, "report", "-o", "report.html")
    return [directory + "/report.html"]


TRIED = """\
import json, math, random, re, sys
value = lambda key: re.search(rf"^ *{key}: *(.+)$", open("params.yaml").read(), re.M).group(1)
rate, depth = float(value("a parameter with quite a long name that goes on and on")), int(value("depth"))
random.seed(rate * depth)
if depth == 9:
    sys.exit("<b>out of memory</b> " + "w" * 300)
score = 0.9 - abs(math.log10(rate) + 2) / 10 + depth / 500 + random.gauss(0, 0.01)
json.dump({"f1": -1e9 if depth == 5 and rate < 0.003 else score}, open("metrics.json", "w"))
"""


@page(charts=4)
def sweeps(directory):
    """sweep show --html: words that want to be HTML, logarithms, failures, a score that is far out;
    and repeats."""
    write(directory + "/try.py", TRIED)
    write(directory + "/params.yaml", "model:\n  a parameter with quite a long name that goes on and on: 0.1\n"
                                      "depth: 3\nkind: plain\nseed: 0\n")
    write(directory + "/pipeline.yaml", f"""stages:
  train:
    cmd: {sys.executable} try.py
    deps: [try.py]
    params: [model, depth, kind, seed]
    metrics: [metrics.json]
""")
    mlops(directory, "sweep", "-S", "model.a parameter with quite a long name that goes on and on=loguniform(1e-4,1e-1)",
          "-S", 'kind=choice("<script>x</script>", "a & b", "数据集的名前です", "a word that is much longer than it should be")',
          "-S", "depth=int(2,9)", "-m", "f1", "-n", "60", "--name", "a_rather-long.name.of.a.sweep")
    mlops(directory, "sweep", "show", "--html", "random.html")
    mlops(directory, "sweep", "-S", "depth=2,4,6", "-S", "kind=plain,other", "--repeat", "3", "-m", "f1")
    mlops(directory, "sweep", "show", "--html", "repeats.html")
    return [f"{directory}/{name}.html" for name in ("random", "repeats")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shots")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mlops-pages-") as work:
        made = []
        for function, charts in PAGES:
            directory = f"{work}/{function.__name__}"
            os.mkdir(directory)
            made += [(path, charts) for path in function(directory)]
        return check_pages(made, options.shots)


if __name__ == "__main__":
    sys.exit(main())
