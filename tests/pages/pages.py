#!/usr/bin/env python3
"""pages.py [--shots DIR]: every kind of page that mlops makes, looked at in a browser (check.py).
$MLOPS is the program. A new kind is a function here with @page(CHARTS): it gets an empty directory
and returns the paths of the pages, each with at least that many charts."""
import argparse
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
