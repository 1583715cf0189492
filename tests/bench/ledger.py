"""A lineage database of many runs in format 2, as an earlier mlops would have left it: mlops itself brings
it up to date. `fill(root, runs)`: each run has a state of its own, three stages, metrics and parameters."""
import hashlib
import random
import sqlite3
import struct

MEMORY = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def length(number):
    out = b""
    while True:
        low, number = number & 127, number >> 7
        out += bytes([low | (128 if number else 0)])
        if not number:
            return out


def string(text):
    data = text if isinstance(text, bytes) else text.encode()
    return b"s" + length(len(data)) + data


def number(value):
    if float(value).is_integer():
        return b"i" + struct.pack(">q", int(value))
    return b"r" + struct.pack(">d", value)


def items(values):
    return b"l" + length(len(values)) + b"".join(values)


def pairs(values):
    return b"m" + length(len(values)) + b"".join(string(key) + values[key] for key in sorted(values))


def digest(value):
    return b"h" + value


def sha256(data):
    return hashlib.sha256(data).digest()


def scalar(value):
    return string(value) if isinstance(value, str) else number(value)


def recipe(stage, params):
    listed = [items([string("params.yaml"), string(key), scalar(params[key])]) for key in sorted(params)]
    values = {"cmd": string("make " + stage)}
    if listed:
        values["params"] = items(listed)
    return string("mlops.recipe.1") + pairs(values)


def ulid(at, moment_ms):
    value = (moment_ms << 80) | at
    return "".join(MEMORY[(value >> shift) & 31] for shift in range(125, -5, -5))


class Filler:
    def __init__(self, database):
        self.sql = database
        self.ids, self.bodies = {}, {}

    def add(self, table, **values):
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        return self.sql.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values())).lastrowid

    def recipe(self, stage, params):
        body = recipe(stage, params)
        key = sha256(body)
        self.bodies[key] = body
        if key not in self.ids:
            self.ids[key] = self.add("recipe", key=key, body=body)
            self.sql.executemany(
                "INSERT INTO param (recipe, file, key, text) VALUES (?, 'params.yaml', ?, ?)",
                [(self.ids[key], name, str(params[name])) for name in sorted(params)])
        return key

    def result(self, key, stage, metrics):
        listed = [items([string("metrics.json"), string(name), string(repr(metrics[name])), number(metrics[name])])
                  for name in sorted(metrics)]
        values = {"created": number(0), "duration": number(1), "key": digest(key), "recipe": string(self.bodies[key]),
                  "run": string("BENCH"), "stage": string(stage)}
        if listed:
            values["metrics"] = items(listed)
        body = string("mlops.result.1") + pairs(values)
        name = sha256(body)
        if name not in self.ids:
            self.ids[name] = self.add("result", digest=name, recipe=self.ids[key], stage=stage, made_by="BENCH",
                                      created_ns=0, duration_ns=1, rejected=0, body=body)
            self.sql.executemany(
                "INSERT INTO metric (result, file, key, text, value) VALUES (?, 'metrics.json', ?, ?, ?)",
                [(self.ids[name], key, repr(metrics[key]), metrics[key]) for key in sorted(metrics)])
        return name

    def state(self, entries):
        listed = [items([string(stage), digest(key), digest(result)]) for stage, key, result in sorted(entries)]
        body = string("mlops.state.1") + items(listed)
        return self.add("state", digest=sha256(body), depth=0, body=body)


def back_to_format_2(database):
    for table in ("course", "quantity", "lane", "report", "trial_run", "trial", "sweep"):
        database.execute(f"DROP TABLE IF EXISTS {table}")
    database.execute("PRAGMA user_version = 2")


def fill_sweeps(path, count, trials, seed=1):
    """A sweep that mlops has made stands `count` times, each with that many copies of its first trial."""
    database = sqlite3.connect(path)
    chance = random.Random(seed)

    def copy(table, **changes):
        names = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
        first = dict(zip(names, database.execute(f"SELECT * FROM {table} ORDER BY 1 DESC LIMIT 1").fetchone()))
        marks = ", ".join("?" * len(names))
        return (f"INSERT INTO {table} VALUES ({marks})",
                lambda row: [{**first, **changes, **row}[name] for name in names])

    newest = database.execute("SELECT max(sequence) FROM run").fetchone()[0]
    inserts = {table: copy(table, **changes) for table, changes in (
        ("sweep", dict(name=None)), ("run", dict(name=None)), ("trial", {}), ("trial_run", {}))}
    for sweep in range(2, count + 2):
        rows = {table: [] for table in inserts}
        rows["sweep"].append(dict(id=sweep, ulid=f"01S{sweep:023d}"))
        for number in range(trials):
            newest += 1
            run = f"01R{newest:023d}"
            rows["run"].append(dict(sequence=newest, id=run))
            rows["trial"].append(dict(sweep=sweep, number=number, run=run, score=chance.random()))
            rows["trial_run"].append(dict(run=newest, sweep=sweep, number=number))
        for table, (text, values) in inserts.items():
            database.executemany(text, map(values, rows[table]))
    database.commit()
    database.close()


def fill(path, count, seed=1):
    """`path`: a lineage.db that mlops has made."""
    chance = random.Random(seed)
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = DELETE")
    database.execute("PRAGMA synchronous = OFF")
    back_to_format_2(database)
    filler = Filler(database)
    for at in range(count):
        params = {"lr": round(10 ** chance.uniform(-4, 0), 6), "depth": chance.randint(1, 12), "seed": at,
                  "model": chance.choice(["tree", "forest", "linear"])}
        train = filler.recipe("train", params)
        prepare = filler.recipe("prepare", {})
        score = filler.recipe("score", {"cut": 0.5})
        metrics = {"f1": round(chance.random(), 6), "accuracy": round(chance.random(), 6),
                   "loss": chance.random(), "auc": chance.random()}
        state = filler.state([
            ("prepare", prepare, filler.result(prepare, "prepare", {})),
            ("score", score, filler.result(score, "score", metrics)),
            ("train", train, filler.result(train, "train", {"epochs": at})),
        ])
        moment = 1_700_000_000_000 + at * 60_000
        filler.add("run", id=ulid(at, moment), status="succeeded" if chance.random() < 0.9 else "failed",
                   pipeline="pipeline.yaml", state=state, started_ns=moment * 1_000_000,
                   duration_ns=chance.randint(1, 600) * 10 ** 9, host="bench", user="someone", version="0.1.0",
                   argv="mlops run", commit_id="%040x" % chance.getrandbits(160),
                   branch=chance.choice(["main", "try"]), dirty=0, stages=3, executed=2, restored=0, unchanged=1,
                   failed=0, rejected=0, unconfirmed=0, skipped=0, interrupted=0, hashed_files=3, hashed_bytes=1000,
                   saved_ns=0)
    database.commit()
    database.close()


def fill_wide(path, stages):
    """Two runs, tagged before and after: `stages` stages with a parameter and a metric each, all different."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = DELETE")
    back_to_format_2(database)
    filler = Filler(database)
    for turn, tag in enumerate(("before", "after")):
        entries = []
        for at in range(stages):
            stage = "stage%05d" % at
            key = filler.recipe(stage, {"p%05d" % at: turn + at / 7})
            entries.append((stage, key, filler.result(key, stage, {"m%05d" % at: turn + at / 3})))
        run = filler.add("run", id=ulid(turn, 1_700_000_000_000 + turn), status="succeeded", pipeline="pipeline.yaml",
                         state=filler.state(entries), started_ns=turn, duration_ns=1, host="bench", user="someone",
                         version="0.1.0", argv="mlops run", dirty=0, stages=stages, executed=stages, restored=0,
                         unchanged=0, failed=0, rejected=0, unconfirmed=0, skipped=0, interrupted=0,
                         hashed_files=0, hashed_bytes=0, saved_ns=0)
        filler.add("tag", name=tag, run=run, created_ns=0)
    database.commit()
    database.close()
