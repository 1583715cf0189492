#!/usr/bin/env python3
"""compare.py MLOPS: what `mlops evaluate A --against B --json` says of two models, against scipy and
against the definitions written out in numpy, on data made here: ties, losses that are equal, few
rows, many, several classes, numbers, rows in another order. Writes TAP."""
import json
import math
import os
import subprocess
import sys
import tempfile
import warnings

try:
    import numpy as np
    from scipy import stats
except ImportError as error:
    print(f"ok 1 - comparison # SKIP {error}")
    print("1..1")
    sys.exit(0)

warnings.simplefilter("ignore")
np.seterr(all="ignore")
program = os.path.abspath(sys.argv[1])
generator = np.random.default_rng(20240601)
EPSILON = np.finfo(float).eps
counts = {"done": 0, "failed": 0}


def tell(name, faults):
    counts["done"] += 1
    counts["failed"] += bool(faults)
    print(f"{'not ' if faults else ''}ok {counts['done']} - {name}", flush=True)
    for fault in faults[:10]:
        print(f"# {fault}")


def write(path, columns):
    with open(path, "w", encoding="utf-8") as file:
        file.write(",".join(columns) + "\n")
        for row in zip(*columns.values()):
            file.write(",".join(repr(float(v)) if isinstance(v, np.floating) else str(v) for v in row) + "\n")


def evaluate(a, b, *options):
    """The answer for two tables; the rows of the second are shuffled: ids bring them together."""
    count = len(a["label"])
    order = generator.permutation(count)
    a = {"id": [f"r{i}" for i in range(count)], **a}
    b = {"id": [f"r{i}" for i in order], **{name: np.asarray(values)[order] for name, values in b.items()}}
    with tempfile.TemporaryDirectory() as work:
        write(work + "/a.csv", a)
        write(work + "/b.csv", b)
        ended = subprocess.run([program, "evaluate", "a.csv", "--against", "b.csv", "--json", "--no-intervals",
                                *options], cwd=work, capture_output=True, text=True, timeout=300, check=False)
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return json.loads(ended.stdout)["comparison"]


def compare(expected, answer, tolerance=1e-9):
    faults = []
    for name, value in expected.items():
        found = answer
        for part in name.split("/"):
            found = found.get(part, "missing") if isinstance(found, dict) else "missing"
        value = float(value)
        is_same = found is None if not math.isfinite(value) else (
            isinstance(found, (int, float)) and abs(found - value) <= tolerance * max(abs(value), 1e-12))
        if not is_same:
            faults.append(f"{name}: {found!r}, not {value!r}")
    return faults


def mcnemar(right_a, right_b):
    b, c = int(np.sum(right_a & ~right_b)), int(np.sum(~right_a & right_b))
    chi2 = [(abs(b - c) - 1) ** 2 / (b + c), (b - c) ** 2 / (b + c)] if b + c else [np.nan, np.nan]
    return {
        "mcnemar_exact_p": stats.binomtest(min(b, c), b + c).pvalue if b + c else 1,
        "mcnemar_chi2_cc": chi2[0], "mcnemar_chi2_cc_p": stats.chi2.sf(chi2[0], 1),
        "mcnemar_chi2": chi2[1], "mcnemar_chi2_p": stats.chi2.sf(chi2[1], 1),
        "fixed": c, "broke": b,
    }


def delong(label, a, b):
    """By its definition: every pair of a positive and a negative."""
    places = []
    for score in (a, b):
        x, y = score[label == 1][:, None], score[label == 0][None, :]
        wins = (x > y) + 0.5 * (x == y)
        places.append((wins.mean(axis=1), wins.mean(axis=0)))
    (a10, a01), (b10, b01) = places
    covariance = np.cov(a10, b10) / len(a10) + np.cov(a01, b01) / len(a01)
    difference = a10.mean() - b10.mean()
    z = difference / np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return {"auc_a": a10.mean(), "auc_b": b10.mean(), "delong_pROC/z": z,
            "delong_pROC/p": 2 * stats.norm.sf(abs(z)), "delong_pROC/var_auc_a": covariance[0, 0],
            "delong_pROC/var_auc_b": covariance[1, 1], "delong_pROC/cov": covariance[0, 1]}


def losses(a, b, name="log_loss"):
    t, t_p = stats.ttest_rel(a, b)
    w, w_p = stats.wilcoxon(a, b)
    return {f"paired_t_on_{name}": t, "paired_t_p": t_p, "wilcoxon_w": w, "wilcoxon_p": w_p}


def binary_loss(label, score):
    p = np.clip(score, EPSILON, 1 - EPSILON)
    return -np.log(np.where(label == 1, p, 1 - p))


def holm(answer):
    """The corrected p of every metric from the plain ones."""
    metrics = [metric for metric in answer["metrics"] if metric["p"] is not None]
    least, faults = 0, []
    for i, metric in enumerate(sorted(metrics, key=lambda metric: metric["p"])):
        least = max(least, min(1, metric["p"] * (len(metrics) - i)))
        if abs(metric["p_holm"] - least) > 1e-12:
            faults.append(f"{metric['name']}: {metric['p_holm']}, not {least}")
    return faults


def metric_of(answer, name):
    return next(metric for metric in answer["metrics"] if metric["name"] == name)


def binary(count, digits=6, effect=0.3):
    label = generator.integers(0, 2, count)
    common = generator.normal(0, 0.15, count)
    a, b = (np.clip(np.round(0.5 + (label - 0.5) * lift + common + generator.normal(0, 0.15, count), digits), 0, 1)
            for lift in (effect, effect * 1.3))
    return label, a, b


def check_binary(name, count, digits=6, effect=0.3):
    label, a, b = binary(count, digits, effect)
    answer = evaluate({"label": label, "score": a}, {"label": label, "score": b}, "--task", "binary")
    found = compare(mcnemar((a >= 0.5) == (label == 1), (b >= 0.5) == (label == 1)), answer)
    if count <= 5000:
        found += compare(delong(label, a, b), answer, 1e-8)
    loss_a, loss_b = binary_loss(label, a), binary_loss(label, b)
    expected = losses(loss_a, loss_b)
    # Where several differences are equal on paper only, ranks hang on the last digit of a logarithm.
    ranks = {key: expected.pop(key) for key in ("wilcoxon_w", "wilcoxon_p")}
    found += compare(expected, answer, 1e-8)
    found += compare(ranks, answer, 1e-8 if digits >= 6 else 1e-2)
    tell(name, found + holm(answer))


def check_several():
    """Three classes by their probabilities."""
    count = 700
    label = generator.integers(0, 3, count)
    tables = []
    for lift in (1.0, 1.4):
        shares = generator.exponential(1, (count, 3)) + 0.01
        shares[np.arange(count), label] *= 1 + lift
        tables.append(shares / shares.sum(axis=1, keepdims=True))
    answer = evaluate(*({"label": label, **{f"p_{k}": p[:, k] for k in range(3)}} for p in tables),
                      "--task", "multiclass")
    a, b = (-np.log(p[np.arange(count), label] / p.sum(axis=1)) for p in tables)
    right = [p.argmax(axis=1) == label for p in tables]
    tell("three classes", compare(mcnemar(*right), answer) + compare(losses(a, b), answer, 1e-8) + holm(answer))


def check_numbers(name, count):
    label = generator.normal(0, 3, count)
    a, b = label + generator.normal(0, 1, count), label + generator.normal(0, 0.9, count)
    answer = evaluate({"label": label, "prediction": a}, {"label": label, "prediction": b}, "--task", "regression")
    tell(name, compare(losses((a - label) ** 2, (b - label) ** 2, "squared_error"), answer, 1e-8) + holm(answer))


def check_bootstrap():
    """The same bootstrap by numpy: other random numbers, so that both agree within their luck."""
    label = generator.normal(0, 3, 400)
    a, b = label + generator.standard_t(4, 400), label + generator.standard_t(4, 400) * 0.9
    answer = evaluate({"label": label, "prediction": a}, {"label": label, "prediction": b}, "--task", "regression")
    rows = generator.integers(0, 400, (4000, 400))
    difference = np.abs(b - label)[rows].mean(axis=1) - np.abs(a - label)[rows].mean(axis=1)
    low, high = np.quantile(difference, [0.025, 0.975])
    found = metric_of(answer, "mae")["interval"]
    luck = 0.12 * (high - low)
    tell("the bootstrap of a difference", [f"{found}, not {low} to {high}"]
         if abs(found["low"] - low) > luck or abs(found["high"] - high) > luck else [])


check_binary("two classes", 800)
check_binary("scores with ties", 600, digits=1)
check_binary("forty rows: exact tests", 40)
check_binary("models that differ a lot", 3000, effect=0.9)
check_binary("100,000 rows", 100000)
check_several()
check_numbers("numbers", 900)
check_numbers("twelve numbers", 12)
check_bootstrap()
print(f"1..{counts['done']}")
sys.exit(1 if counts["failed"] else 0)
