#!/usr/bin/env python3
"""Times what mlops says of its history: sorting and filtering many runs, the difference of two large ones.
Beside it a plain SQL query for the same (the floor) and, with --mlflow PYTHON, MLflow's search_runs on its SQLite
store with the same runs. Prints a Markdown table of medians.

    python3 tests/bench/history.py --mlops build/release/src/mlops [--work DIR] [--runs 100000] [--stages 1000]
        [--rounds 5] [--mlflow PYTHON] [--quick]

The history is written as an earlier mlops would have left it (tests/bench/ledger.py) and brought up to date by the
program itself, so what it reads is what it wrote.
"""
import argparse
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import ledger  # noqa: E402

FILTER = "metrics.f1 > 0.8 and params.lr < 0.1 and branch == main and status = succeeded"
MLFLOW_RUNS = 20_000  # of 100,000 a search takes more than a minute
# What a plain query for FILTER and the order reads: the run, the metric and the parameter of its state.
FLOOR = """
SELECT run.sequence FROM run
JOIN course AS f1 ON f1.state = run.state
 AND f1.quantity = (SELECT id FROM quantity WHERE key = 'f1' AND kind = 'metric')
JOIN course AS lr ON lr.state = run.state
 AND lr.quantity = (SELECT id FROM quantity WHERE key = 'lr' AND kind = 'param')
WHERE f1.value > 0.8 AND lr.value < 0.1 AND run.branch = 'main' AND run.status = 'succeeded'
ORDER BY f1.value DESC LIMIT 20"""
DIFF_FLOOR = """
SELECT result.stage, metric.file, metric.key, metric.text, param.file, param.key, param.text
FROM result JOIN metric ON metric.result = result.id JOIN param ON param.recipe = result.recipe
WHERE result.stage LIKE 'stage%' ORDER BY result.stage"""
FILL_MLFLOW = """
import sqlite3, sys, random
import mlflow
path, count = sys.argv[1], int(sys.argv[2])
client = mlflow.MlflowClient(tracking_uri="sqlite:///" + path)
client.create_experiment("bench")
run = client.create_run("1")
client.log_metric(run.info.run_id, "f1", 0.5); client.log_param(run.info.run_id, "lr", 0.1)
sql = sqlite3.connect(path)
chance = random.Random(1)
def copy(table, key, change):
    names = [row[1] for row in sql.execute(f"PRAGMA table_info({table})")]
    first = dict(zip(names, sql.execute(f"SELECT * FROM {table} LIMIT 1").fetchone()))
    marks = ", ".join("?" * len(names))
    rows = []
    for at in range(count):
        for values in change(at):
            rows.append([{**first, **values}[name] for name in names])
    sql.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
id = lambda at: "%032x" % (at + 1)
copy("runs", "run_uuid", lambda at: [dict(run_uuid=id(at), name="run%d" % at, status="FINISHED", start_time=at,
                                          end_time=at + 1, experiment_id=1)])
values = [(chance.random(), 10 ** chance.uniform(-4, 0)) for _ in range(count)]
for table in ("metrics", "latest_metrics"):
    copy(table, "run_uuid", lambda at: [dict(run_uuid=id(at), key="f1", value=values[at][0]),
                                        dict(run_uuid=id(at), key="loss", value=values[at][1])])
copy("params", "run_uuid", lambda at: [dict(run_uuid=id(at), key="lr", value=str(values[at][1])),
                                       dict(run_uuid=id(at), key="model", value="tree" if at % 2 else "forest")])
sql.execute("DELETE FROM runs WHERE run_uuid = ?", [run.info.run_id])
sql.commit()
"""
ASK_MLFLOW = """
import sys, time
import mlflow
client = mlflow.MlflowClient(tracking_uri="sqlite:///" + sys.argv[1])
client.search_runs(["1"], "metrics.f1 > 0.99", max_results=1)
begun = time.perf_counter()
found = client.search_runs(["1"], "metrics.f1 > 0.8 and params.model = 'tree'", order_by=["metrics.f1 DESC"],
                           max_results=20)
assert len(found) == 20
print(time.perf_counter() - begun)
"""


class Bench:
    def __init__(self, options, work):
        self.options, self.work, self.rows = options, work, []
        self.mlops = os.path.abspath(options.mlops)

    def project(self, name, fill):
        root = os.path.join(self.work, name)
        os.mkdir(root)
        with open(os.path.join(root, "pipeline.yaml"), "w") as out:
            out.write("stages: {a: {cmd: 'echo 1 > x', outs: [x]}}\n")
        subprocess.run([self.mlops, "run", "-q"], cwd=root, check=True)
        fill(os.path.join(root, ".mlops", "lineage.db"))
        begun = time.perf_counter()
        subprocess.run([self.mlops, "run", "-q"], cwd=root, check=True)
        return root, time.perf_counter() - begun

    def median(self, words, root):
        times = []
        for _ in range(self.options.rounds):
            begun = time.perf_counter()
            subprocess.run(words, cwd=root, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            times.append(time.perf_counter() - begun)
        return statistics.median(times)

    def floor(self, root, query):
        times = []
        for _ in range(self.options.rounds):
            begun = time.perf_counter()
            database = sqlite3.connect(os.path.join(root, ".mlops", "lineage.db"))
            database.execute(query).fetchall()
            database.close()
            times.append(time.perf_counter() - begun)
        return statistics.median(times)

    def row(self, what, seconds, floor=None, peer=None, aim=None):
        missed = " **missed**" if aim and seconds > aim else ""
        self.rows.append([what, f"{seconds * 1000:.0f} ms", f"{aim * 1000:.0f} ms{missed}" if aim else "",
                          f"{floor * 1000:.0f} ms" if floor else "", f"{seconds / floor:.1f}" if floor else "",
                          f"{peer * 1000:.0f} ms ({min(self.options.runs, MLFLOW_RUNS):,} runs)" if peer else ""])

    def mlflow(self):
        python = self.options.mlflow
        if not python:
            return None
        path = os.path.join(self.work, "mlflow.db")
        count = min(self.options.runs, MLFLOW_RUNS)
        subprocess.run([python, "-c", FILL_MLFLOW, path, str(count)], check=True,
                       stderr=subprocess.DEVNULL)
        return statistics.median(
            float(subprocess.run([python, "-c", ASK_MLFLOW, path], check=True, capture_output=True,
                                 text=True).stdout) for _ in range(self.options.rounds))

    def runs(self):
        count = self.options.runs
        root, migration = self.project("runs", lambda path: ledger.fill(path, count))
        title = f"{count:,} runs"
        self.row(f"bringing {title} up to date, once", migration)
        self.row(f"`runs` of {title}, newest 20", self.median([self.mlops, "runs"], root))
        self.row(f"`runs --sort metrics.f1:desc` of {title}",
                 self.median([self.mlops, "runs", "--sort", "metrics.f1:desc"], root), aim=0.2)
        self.row(f"`runs --sort --filter '{FILTER}'` of {title}",
                 self.median([self.mlops, "runs", "--sort", "metrics.f1:desc", "--filter", FILTER], root),
                 self.floor(root, FLOOR), self.mlflow(), aim=0.2)
        self.row(f"`best --metric f1 --where 'params.lr < 0.1'` of {title}",
                 self.median([self.mlops, "best", "--metric", "f1", "--where", "params.lr < 0.1"], root), aim=0.2)
        self.row(f"`runs -n 0 --columns 'run,metrics.*,params.*' --format csv` of {title}",
                 self.median([self.mlops, "runs", "-n", "0", "--columns", "run,metrics.*,params.*", "--format",
                              "csv"], root))

    def difference(self):
        count = self.options.stages
        root, _ = self.project("difference", lambda path: ledger.fill_wide(path, count))
        what = f"{count:,} stages, parameters and metrics"
        self.row(f"`diff` of two runs of {what}, all different",
                 self.median([self.mlops, "diff", "before", "after"], root), self.floor(root, DIFF_FLOOR), aim=0.05)
        self.row(f"`diff --json` of the same", self.median([self.mlops, "diff", "before", "after", "--json"], root),
                 aim=0.05)
        self.row(f"`diff` of a run of {what} with itself",
                 self.median([self.mlops, "diff", "before", "before"], root), aim=0.05)

    def sweeps(self):
        count, trials = (3, 10) if self.options.quick else (100, self.options.runs // 100)
        root = os.path.join(self.work, "sweeps")
        os.mkdir(root)
        with open(os.path.join(root, "pipeline.yaml"), "w") as out:
            out.write("stages: {a: {cmd: 'cp params.yaml m.yaml', params: [x], metrics: [m.yaml]}}\n")
        with open(os.path.join(root, "params.yaml"), "w") as out:
            out.write("x: 1\n")
        for words in (["run", "-q"], ["sweep", "-q", "--set", "x=2,3", "--metric", "x", "--max"]):
            subprocess.run([self.mlops, *words], cwd=root, check=True, stdout=subprocess.DEVNULL)
        ledger.fill_sweeps(os.path.join(root, ".mlops", "lineage.db"), count, trials)
        title = f"{count:,} sweeps of {trials:,} trials"
        for words, aim in (("runs", 0.2), ("sweep list", 0.2), ("sweep show", 0.2), ("runs --tree", 0.5)):
            self.row(f"`{words}` of {title}", self.median([self.mlops, *words.split()], root), aim=aim)

    def table(self):
        head = ["what", "mlops", "aim", "plain SQL", "ratio", "MLflow"]
        print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
        for row in self.rows:
            print("| " + " | ".join(row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--mlops", required=True)
    parser.add_argument("--work")
    parser.add_argument("--runs", type=int, default=100_000)
    parser.add_argument("--stages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mlflow", help="a Python that has mlflow and sqlalchemy")
    parser.add_argument("--quick", action="store_true", help="only whether it works")
    options = parser.parse_args()
    if options.quick:
        options.runs, options.stages, options.rounds = 300, 20, 1
    with tempfile.TemporaryDirectory(dir=options.work) as work:
        bench = Bench(options, work)
        bench.runs()
        bench.difference()
        bench.sweeps()
        bench.table()


main()
