#!/usr/bin/env python3
"""live.py MLOPS: what `mlops evaluate --json` says against scikit-learn and scipy, on data made here:
ties, one class, no variance, weights, texts as labels, many classes, missing ones, 100,000 rows.
Writes TAP."""
import json
import math
import os
import subprocess
import sys
import tempfile
import time
import warnings

try:
    import numpy as np
    from scipy import stats
    from sklearn import calibration, metrics
except ImportError as error:
    print(f"ok 1 - metrics # SKIP {error}")
    print("1..1")
    sys.exit(0)

warnings.simplefilter("ignore")
np.seterr(all="ignore")
SEED = 20240601
TOLERANCE = 1e-9
program = os.path.abspath(sys.argv[1])
generator = np.random.default_rng(SEED)
done = 0
failed = 0


def tell(name, faults):
    global done, failed
    done += 1
    failed += bool(faults)
    print(f"{'not ' if faults else ''}ok {done} - {name}", flush=True)
    for fault in faults[:10]:
        print(f"# {fault}")


def say(value):
    return repr(float(value)) if isinstance(value, (float, np.floating)) else str(value)


def evaluate(columns, *options):
    """The answer for a file with these columns."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        names = list(columns)
        file.write(",".join(names) + "\n")
        file.writelines(
            ",".join(map(say, row)) + "\n" for row in zip(*(columns[name] for name in names))
        )
        file.flush()
        ended = subprocess.run(
            [program, "evaluate", file.name, "--json", "--no-intervals", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            timeout=300,
        )
    if ended.returncode:
        raise RuntimeError(ended.stderr)
    return json.loads(ended.stdout)


def ask(function, *arguments, **named):
    """Its value; None where it is undefined or the library refuses."""
    try:
        value = function(*arguments, **named)
    except ValueError:
        return None
    value = float(value)
    return value if math.isfinite(value) else None


def close(expected, found):
    if expected is None or found is None:
        return expected is found
    return abs(expected - found) <= TOLERANCE * max(abs(expected), 1e-3)


def compare(expected, answer):
    faults = []
    for name, value in expected.items():
        found = answer
        for part in name.split("/"):
            found = found.get(part, "missing") if isinstance(found, dict) else "missing"
        if isinstance(value, (list, np.ndarray)):
            same = isinstance(found, list) and len(found) == len(value)
            if not same or not all(close(float(a), b) for a, b in zip(value, found)):
                faults.append(f"{name}: {str(found)[:200]}, not {str(value)[:200]}")
        elif isinstance(found, str) or not close(value, found):
            faults.append(f"{name}: {found!r}, not {value!r}")
    return faults


def weighted(weight):
    return {} if weight is None else {"sample_weight": weight}


def averages(truth, found, weight):
    expected = {}
    for average in ("macro", "micro", "weighted"):
        for name, function in (
            ("precision", metrics.precision_score),
            ("recall", metrics.recall_score),
            ("f1", metrics.f1_score),
        ):
            expected[f"{average}/{name}"] = ask(
                function, truth, found, average=average, zero_division=0, **weighted(weight)
            )
    return expected


def classes_of(truth, found, weight):
    return {
        "accuracy": ask(metrics.accuracy_score, truth, found, **weighted(weight)),
        "balanced_accuracy": ask(metrics.balanced_accuracy_score, truth, found, **weighted(weight)),
        "mcc": ask(metrics.matthews_corrcoef, truth, found, **weighted(weight)),
        "kappa": ask(metrics.cohen_kappa_score, truth, found, **weighted(weight)),
        **averages(truth, found, weight),
    }


def expected_binary(truth, score, threshold=0.5, weight=None):
    """`truth` of 0 and 1."""
    found = (score >= threshold).astype(int)
    w = weighted(weight)
    one = {"zero_division": 0, **w}
    expected = classes_of(truth, found, weight)
    expected |= {
        "binary/precision": ask(metrics.precision_score, truth, found, **one),
        "binary/recall": ask(metrics.recall_score, truth, found, **one),
        "binary/f1": ask(metrics.f1_score, truth, found, **one),
        "f2": ask(metrics.fbeta_score, truth, found, beta=2, **one),
        "specificity": ask(metrics.recall_score, truth, found, pos_label=0, **one),
        "roc_auc": ask(metrics.roc_auc_score, truth, score, **w),
        "roc_auc_max_fpr_0.1": ask(metrics.roc_auc_score, truth, score, max_fpr=0.1, **w),
        "average_precision": ask(metrics.average_precision_score, truth, score, **w),
    }
    if 0 <= score.min() and score.max() <= 1:
        expected["log_loss"] = ask(metrics.log_loss, truth, score, labels=[0, 1], **w)
        expected["brier"] = ask(metrics.brier_score_loss, truth, score, pos_label=1, **w)
    else:
        expected["log_loss"] = expected["brier"] = expected["ece_uniform_10"] = None
    if weight is None and 0 < truth.sum() < len(truth):
        expected["ks_statistic"] = float(stats.ks_2samp(score[truth == 1], score[truth == 0])[0])
    return expected | curves_of(truth, score, weight)


def curves_of(truth, score, weight):
    """Only those that are short enough to be given point by point."""
    expected = {}
    if len(np.unique(score)) > 1900 or not 0 < truth.sum() < len(truth):
        return expected
    fpr, tpr, thresholds = metrics.roc_curve(
        truth, score, drop_intermediate=False, **weighted(weight)
    )
    expected |= {"roc_curve/fpr": fpr[1:], "roc_curve/tpr": tpr[1:]}
    expected["roc_curve/thresholds"] = thresholds[1:]
    precision, recall, thresholds = metrics.precision_recall_curve(
        truth, score, **weighted(weight)
    )
    expected |= {"pr_curve/precision": precision, "pr_curve/recall": recall}
    expected["pr_curve/thresholds"] = thresholds
    if weight is None and 0 <= score.min() and score.max() <= 1:
        true, predicted = calibration.calibration_curve(truth, score, n_bins=10)
        expected["calibration_uniform_10/prob_true"] = true
        expected["calibration_uniform_10/prob_pred"] = predicted
    return expected


def expected_multiclass(truth, shares, weight=None):
    """`truth` of 0 .. k - 1."""
    count = shares.shape[1]
    labels = np.arange(count)
    found = shares.argmax(axis=1)
    w = weighted(weight)
    expected = classes_of(truth, found, weight)
    expected["log_loss"] = ask(metrics.log_loss, truth, shares, labels=labels, **w)
    several = {"labels": labels}
    for average in ("macro", "weighted"):
        expected[f"roc_auc_ovr_{average}"] = ask(
            metrics.roc_auc_score, truth, shares, multi_class="ovr", average=average, **several, **w
        )
        if weight is None:
            expected[f"roc_auc_ovo_{average}"] = ask(
                metrics.roc_auc_score, truth, shares, multi_class="ovo", average=average, **several
            )
    for k in (2, 3, 5):
        if k < count:
            expected[f"top{k}_accuracy"] = ask(
                metrics.top_k_accuracy_score, truth, shares, k=k, **several, **w
            )
    precision, recall, f1, support = metrics.precision_recall_fscore_support(
        truth, found, labels=labels, zero_division=0, **w
    )
    expected |= {"per_class/precision": precision, "per_class/recall": recall}
    expected |= {"per_class/f1": f1, "per_class/support": support}
    return expected


def expected_regression(truth, value, weight=None):
    w = weighted(weight)
    constant = len(np.unique(truth)) == 1 or len(np.unique(value)) == 1
    expected = {
        "mae": ask(metrics.mean_absolute_error, truth, value, **w),
        "mse": ask(metrics.mean_squared_error, truth, value, **w),
        "rmse": ask(metrics.mean_squared_error, truth, value, squared=False, **w),
        "r2": ask(metrics.r2_score, truth, value, **w),
        "mape": ask(metrics.mean_absolute_percentage_error, truth, value, **w),
        "median_ae": ask(metrics.median_absolute_error, truth, value, **w),
        "max_error": ask(metrics.max_error, truth, value),
        "explained_variance": ask(metrics.explained_variance_score, truth, value, **w),
        "msle": ask(metrics.mean_squared_log_error, truth, value, **w),
        "pinball_0.9": ask(metrics.mean_pinball_loss, truth, value, alpha=0.9, **w),
        "mean_error_pred_minus_true": float(np.average(value - truth, weights=weight)),
    }
    if weight is None:
        expected["pearson"] = None if constant else float(stats.pearsonr(truth, value)[0])
        expected["spearman"] = None if constant else float(stats.spearmanr(truth, value)[0])
    return expected


# --- data ---


def scores_for(truth, decimals=None):
    score = 1 / (1 + np.exp(-(generator.normal(size=len(truth)) + truth * 1.5 - 0.7)))
    return score if decimals is None else score.round(decimals)


def weights_for(count, zeros=False):
    weight = generator.gamma(2.0, size=count)
    if zeros:
        weight[generator.random(count) < 0.2] = 0
    return weight


def check_binary(name, truth, score, *options, threshold=0.5, weight=None, labels=(0, 1)):
    columns = {"label": [labels[i] for i in truth], "score": score}
    if weight is not None:
        columns["weight"] = weight
    answer = evaluate(columns, "--task=binary", *options)
    tell(f"binary: {name}", compare(expected_binary(truth, score, threshold, weight), answer))


def check_multiclass(name, truth, shares, weight=None, labels=None, numbered=False):
    names = [str(i) for i in range(shares.shape[1])] if labels is None else labels
    columns = {"label": [names[i] for i in truth]}
    for i, label in enumerate(names):
        columns[("p" if numbered else "p_") + label] = shares[:, i]
    if weight is not None:
        columns["weight"] = weight
    answer = evaluate(columns, "--task=multiclass")
    tell(f"multiclass: {name}", compare(expected_multiclass(truth, shares, weight), answer))


def check_regression(name, truth, value, weight=None):
    columns = {"label": truth, "prediction": value}
    if weight is not None:
        columns["weight"] = weight
    answer = evaluate(columns, "--task=regression")
    tell(f"regression: {name}", compare(expected_regression(truth, value, weight), answer))


def binary_cases():
    for count, decimals in ((2, None), (7, 1), (300, 1), (300, None), (1500, 2)):
        truth = generator.integers(0, 2, count)
        truth[:2] = (0, 1)
        check_binary(f"{count} rows, {decimals} decimals", truth, scores_for(truth, decimals))
    truth = generator.integers(0, 2, 400)
    score = scores_for(truth, 2)
    check_binary("weights", truth, score, weight=weights_for(400))
    check_binary("weights, some 0", truth, score, weight=weights_for(400, zeros=True))
    check_binary("a threshold", truth, score, "--threshold=0.3", threshold=0.3)
    check_binary("all scores equal", truth, np.full(400, 0.25))
    check_binary("scores of 0 and 1", truth, (score > 0.4).astype(float))
    check_binary("raw scores", truth, generator.normal(size=400) * 5 + truth)
    check_binary("edges of bins", truth, generator.integers(0, 11, 400) / 10)
    check_binary("texts", truth, score, labels=("no", "yes"))
    check_binary("a named positive", truth, score, "--positive=apple", labels=("pear", "apple"))
    check_binary("numbers as texts", truth, score, labels=("-1", "1.0"))
    check_binary("only negatives", np.zeros(50, int), score[:50])
    check_binary("only positives", np.ones(50, int), score[:50])
    check_binary("few positives", (np.arange(3000) % 500 == 0).astype(int), generator.random(3000))
    truth = generator.integers(0, 2, 100000)
    check_binary("100,000 rows", truth, scores_for(truth))
    check_binary("100,000 rows, ties and weights", truth, scores_for(truth, 3),
                 weight=weights_for(100000))


def multiclass_cases():
    for count, classes in ((30, 3), (400, 4), (600, 12), (3000, 40)):
        truth = np.r_[np.arange(classes), generator.integers(0, classes, count - classes)]
        shares = generator.dirichlet(np.ones(classes), count)
        shares[np.arange(count), truth] += generator.random(count)
        check_multiclass(f"{classes} classes", truth, shares / shares.sum(axis=1, keepdims=True),
                         numbered=classes == 4)
    truth = np.r_[np.arange(3), generator.integers(0, 3, 297)]
    shares = generator.dirichlet(np.ones(3), 300)
    check_multiclass("weights", truth, shares, weight=weights_for(300))
    check_multiclass("texts", truth, shares, labels=["Cat", "ant", "bee of June"])
    ties = generator.integers(1, 4, (300, 3)).astype(float)
    check_multiclass("ties", truth, ties / ties.sum(axis=1, keepdims=True))
    check_multiclass("shares that do not sum to 1", truth, shares * 0.8)
    rare = np.r_[[2], generator.integers(0, 2, 299)]
    check_multiclass("a class of one row", rare, shares)
    check_multiclass("a class without rows", generator.integers(0, 2, 300), shares)
    never = shares * [1, 1, 0.01]
    check_multiclass("a class never predicted", truth, never / never.sum(axis=1, keepdims=True))
    truth = generator.integers(0, 5, 100000)
    check_multiclass("100,000 rows", truth, generator.dirichlet(np.ones(5), 100000))


def regression_cases():
    for count in (2, 3, 10, 11, 500):
        truth = generator.normal(size=count) * 10
        check_regression(f"{count} rows", truth, truth + generator.normal(size=count))
    truth = generator.gamma(2.0, size=400)
    value = np.abs(truth + generator.normal(size=400) * 0.2)
    check_regression("above 0", truth, value)
    check_regression("weights", truth, value, weight=weights_for(400))
    check_regression("weights, some 0", truth, value, weight=weights_for(400, zeros=True))
    check_regression("whole weights", truth, value,
                     weight=generator.integers(1, 4, 400).astype(float))
    check_regression("ties", truth.round(), value.round())
    check_regression("one row", truth[:1], value[:1])
    check_regression("a constant label", np.full(50, 2.5), value[:50])
    check_regression("a constant prediction", truth, np.full(400, 1.5))
    check_regression("all right", truth, truth)
    check_regression("far from 0", truth + 1e6, value + 1e6)
    truth = generator.normal(size=100000)
    check_regression("100,000 rows", truth, truth * 0.7 + generator.normal(size=100000))
    check_regression("100,000 rows, weights", truth, truth.round(1), weight=weights_for(100000))


def slice_cases():
    """Each slice is what its rows alone would be."""
    truth = generator.integers(0, 2, 900)
    score = scores_for(truth, 2)
    weight = weights_for(900)
    land = generator.choice(["DE", "FR", "Île", ""], 900)
    columns = {"label": truth, "score": score, "weight": weight, "land": land}
    found = evaluate(columns, "--task=binary", "--slice=land")["slices"]["land"]
    faults = [] if sorted(found) == sorted(set(land)) else [f"values: {list(found)}"]
    for value in set(land):
        rows = land == value
        expected = expected_binary(truth[rows], score[rows], weight=weight[rows])
        expected = {k: v for k, v in expected.items() if "curve" not in k}
        faults += compare(expected, found[value])
    tell("slices of a binary task", faults)
    truth = generator.normal(size=900)
    value = truth + generator.normal(size=900)
    columns = {"label": truth, "prediction": value, "land": land}
    found = evaluate(columns, "--task=regression", "--slice=land")["slices"]["land"]
    faults = []
    for name in set(land):
        faults += compare(expected_regression(truth[land == name], value[land == name]), found[name])
    tell("slices of a regression", faults)


def trivial_cases():
    """What scikit-learn's dummies would get."""
    truth = np.r_[np.zeros(70, int), np.ones(30, int)]
    answer = evaluate({"label": truth, "score": scores_for(truth)}, "--task=binary")["trivial"]
    share = np.full(100, 0.3)
    expected = expected_binary(truth, share)
    expected = {k: v for k, v in expected.items() if "curve" not in k and "calibration" not in k}
    tell("the trivial baseline of a binary task", compare(expected, answer))
    truth = generator.gamma(2.0, size=300)
    weight = weights_for(300)
    columns = {"label": truth, "prediction": truth * 0.9, "weight": weight}
    answer = evaluate(columns, "--task=regression")["trivial"]
    mean = np.full(300, np.average(truth, weights=weight))
    expected = expected_regression(truth, mean, weight)
    for name in ("r2", "explained_variance", "mean_error_pred_minus_true"):
        expected.pop(name)  # 0, but for rounding
    tell("the trivial baseline of a regression", compare(expected, answer))


def paired_cases():
    """Two models in one file: accuracy, McNemar's test and losses."""
    truth = generator.integers(0, 2, 2000)
    a, b = scores_for(truth), scores_for(truth)
    answer = evaluate({"label": truth, "score_a": a, "score_b": b}, "--task=binary")["comparison"]
    right_a, right_b = (a >= 0.5) == truth, (b >= 0.5) == truth
    broke, fixed = int((right_a & ~right_b).sum()), int((~right_a & right_b).sum())
    loss_a, loss_b = (-np.log(np.where(truth, s, 1 - s)) for s in (a, b))
    t, p = stats.ttest_rel(loss_a, loss_b)
    expected = {
        "auc_a": metrics.roc_auc_score(truth, a),
        "auc_b": metrics.roc_auc_score(truth, b),
        "mcnemar_exact_p": stats.binomtest(fixed, fixed + broke).pvalue,
        "paired_t_on_log_loss": float(t),
        "paired_t_p": float(p),
        "wilcoxon_p": float(stats.wilcoxon(loss_a, loss_b)[1]),
        "fixed": fixed,
        "broke": broke,
    }
    tell("two models in one file", compare(expected, answer))


def main():
    started = time.monotonic()
    for cases in (binary_cases, multiclass_cases, regression_cases, slice_cases, trivial_cases,
                  paired_cases):
        cases()
    print(f"1..{done}")
    print(f"# seed {SEED}, {time.monotonic() - started:.1f} s")
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
