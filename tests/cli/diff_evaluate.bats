# diff: what built-in checks and evaluations have measured of both sides
load helper

# predict NOISE [OPTION]: a model of 400 rows. The option "shuffled" gives them in another order.
predict() {
  "$PYTHON" -I -S - "$@" >model.csv <<'END'
import random, sys
luck = random.Random(7)
rows = [(i, int(luck.random() < 0.4), luck.gauss(0, 1)) for i in range(400)]
if "shuffled" in sys.argv:
    random.Random(8).shuffle(rows)
ids = "id," if "anonymous" not in sys.argv else ""
print(ids + "label,score,country")
for i, label, noise in rows:
    score = min(1, max(0, 0.35 + 0.3 * label + noise * float(sys.argv[1])))
    print((f"{i}," if ids else "") + f"{label},{score:.4f},{'FR' if i % 3 else 'DE'}")
END
}

judged() {
  predict "$@"
  pipeline <<'END'
stages:
  predict: {cmd: cp model.csv predictions.csv, deps: [model.csv], outs: [predictions.csv]}
  judge:
    kind: evaluate
    predictions: predictions.csv
    task: binary
    slices: [country]
    metrics: [{metrics.json: {cache: false}}]
    gates: [{metric: f1, min: 0.1}]
END
  ran executed=2
}

@test "a difference is tested on the same rows, aligned by id" {
  judged 0.4
  predict 0.2 shuffled
  ran executed=2
  succeeds diff --json
  cp "$OUT" forth
  holds 'r["verdict"]["kind"] == "better" and "95 %" in r["verdict"]["text"] and "p < 0.001" in r["verdict"]["text"]'
  holds '[m["key"] for m in r["metrics"] if m["is_main"]] == ["binary.f1"]'
  holds '{m["key"]: m["test"]["name"] for m in r["metrics"] if m["test"] and m["key"] in ("accuracy", "roc_auc", "log_loss", "binary.f1")} == {"accuracy": "mcnemar", "roc_auc": "delong", "log_loss": "paired t", "binary.f1": "bootstrap"}'
  holds 'all(m["test"]["p_holm"] >= m["test"]["p"] for m in r["metrics"] if m["test"])'
  holds 'all(m["test"]["low"] <= m["delta"] + 1e-9 and m["delta"] - 1e-9 <= m["test"]["high"] for m in r["metrics"] if m["test"])'
  holds 'all(m["is_detail"] == m["key"].startswith(("slices.", "classes.", "trivial.", "intervals.")) for m in r["metrics"])'
  succeeds diff @ @~1 --json
  "$PYTHON" -c '
import json, sys
a, b = ({m["key"]: m for m in json.load(open(f))["metrics"]} for f in sys.argv[1:])
assert a.keys() == b.keys()
near = lambda x, y: abs(x - y) < 1e-9
for key in a:
    x, y = a[key], b[key]
    assert near(x["delta"], -y["delta"]), key
    assert (x["test"] is None) == (y["test"] is None), key
    assert {x["judgement"], y["judgement"]} in ({"better", "worse"}, {""}), key
    if x["test"]:
        assert near(x["test"]["p"], y["test"]["p"]) and near(x["test"]["low"], -y["test"]["high"]), (x, y)
' forth "$OUT"
  holds 'r["verdict"]["kind"] == "worse"'
  succeeds diff
  says 'more of classes and slices (--all)'
  says_not slices.country
  succeeds diff --all
  says slices.country.FR
  succeeds diff --numbers --json
  holds 'not any(m["test"] for m in r["metrics"]) and r["verdict"]["kind"] == "better"'
}

@test "an interval that ends at 0 has no sign there, whichever side comes first" {
  judged 0.4
  "$PYTHON" -c '
rows = open("model.csv").read().split("\n")
cells = rows[1].split(",")
cells[2] = "0.01" if float(cells[2]) > 0.5 else "0.99"
rows[1] = ",".join(cells)
open("model.csv", "w").write("\n".join(rows))'
  ran executed=2
  for sides in '@~1 @' '@ @~1'; do
    succeeds diff $sides --json
    holds 'any(0 in (m["test"]["low"], m["test"]["high"]) for m in r["metrics"] if m["test"])'
    ! grep -qE '"(low|high)": -0,?$' "$OUT"
  done
}

@test "what is no more than chance is said to be so" {
  judged 0.4
  predict 0.399
  ran executed=2
  succeeds diff --json
  holds 'r["verdict"]["kind"] == "same" and r["verdict"]["text"].startswith("binary.f1 the same (0.6404); 6 other metrics changed (")'
  predict 0.39
  ran executed=2
  succeeds diff --json
  holds 'r["verdict"]["kind"] == "not_significant"'
  holds 'r["verdict"]["text"].startswith("no significant difference: binary.f1 ")'
}

@test "without ids, or without the predictions, the numbers alone are compared, and it says why" {
  judged 0.4 anonymous
  predict 0.2 anonymous
  ran executed=2
  succeeds diff --json
  holds 'len(r["notes"]) == 1 and "judge" in r["notes"][0] and not any(m["test"] for m in r["metrics"])'
  holds 'r["verdict"]["kind"] == "better"'
  succeeds diff
  says 'metrics of judge are compared by their numbers alone'
}

@test "notes of Markdown are no rows of the table above, and nothing in them is markup" {
  judged 0.4
  predict 0.2
  ran executed=2
  succeeds diff @~1 @ --md
  grep -B 1 'more of classes and slices' "$OUT" | head -n 1 | grep -qx '' || tell "wanted: a blank line"
  sed -i '2s/^[0-9]*/<b>`*x*/' model.csv
  ran executed=2
  predict 0.4
  sed -i '2s/^[0-9]*/<i>`*x*/' model.csv
  ran executed=2
  succeeds diff @~1 @ --md
  says '>\`\*x\*'
  git init -q . && git add -A && git -c user.name=a -c user.email=b commit -qm one
  git -c user.name=a -c user.email=b commit -q --allow-empty -m two
  succeeds diff HEAD~1 @ --md
  says 'HEAD\~1'
}

@test "without gates the main metrics of the evaluation decide" {
  judged 0.4
  sed -i /gates/d pipeline.yaml
  predict 0.2
  ran executed=2
  succeeds diff --json
  holds '{"accuracy", "roc_auc", "log_loss"} <= {m["key"] for m in r["metrics"] if m["is_main"]}'
  holds 'not any(m["is_main"] for m in r["metrics"] if m["is_detail"])'
  holds 'r["verdict"]["kind"] == "better" and " more; " in r["verdict"]["text"]'
}

@test "one page holds the curves of both sides over each other" {
  judged 0.4
  predict 0.2
  ran executed=2
  succeeds diff --html page.html
  says 'better: '
  succeeds diff --html -
  cmp "$OUT" page.html
  "$PYTHON" -c '
import re, sys
page = open(sys.argv[1]).read()
assert page.startswith("<!doctype html>") and page.rstrip().endswith("</html>")
assert "<script" not in page and "http://" not in page.replace("http://www.w3.org/", "")
assert page.count("<svg") >= 6 and page.count("Confusion matrix") >= 2
runs = re.search(r"<h1>run (\w+) → run (\w+)</h1>", page).groups()
for title in ("ROC curve", "Precision and recall", "Calibration"):
    assert title in page, title
assert all(page.count("run " + run) > 4 for run in runs)
' page.html
}

@test "tables that checks have measured show rows, columns and drift" {
  pipeline <<'END'
stages:
  check: {kind: validate, data: train.csv, checks: [{row_count: {min: 1}}]}
END
  "$PYTHON" -c '
print("id,income,name,old")
for i in range(500): print(f"{i % 100},{i % 50},x{i % 5},1")' >train.csv
  ran executed=1
  "$PYTHON" -c '
print("id,income,name,new")
for i in range(600): print(f"{i % 100},{i % 50 + 30},x{i % 5},1")' >train.csv
  ran executed=1
  succeeds diff --json
  holds '(r["data"][0]["table"]["before_rows"], r["data"][0]["table"]["after_rows"]) == (500, 600)'
  holds '{c["name"]: c["change"] for c in r["data"][0]["table"]["columns"]} == {"income": "changed", "new": "added", "old": "removed"}'
  holds '[c["has_drifted"] and c["method"] == "psi" and c["distance"] > c["threshold"] for c in r["data"][0]["table"]["columns"] if c["name"] == "income"] == [True]'
  succeeds diff
  says 'rows 500 -> 600, income drifted (psi '
  says '-old, +new'
  says_not .mlops/measured
  echo 1,2,3,4 >>train.csv # nobody has measured that
  succeeds diff @ workspace --json
  holds 'r["data"][0]["table"] is None'
}

@test "curves of two sides show as many classes as a legend can name" {
  for side in a b; do
    "$PYTHON" - "$side" >$side.csv <<'END'
import random, sys
luck = random.Random(sys.argv[1])
print("id,label," + ",".join(f"p_c{k}" for k in range(6)))
for at in range(120):
    shares = [luck.random() + (k == at % 6) for k in range(6)]
    print(f"{at},c{at % 6}," + ",".join(f"{share / sum(shares):.6f}" for share in shares))
END
  done
  succeeds evaluate a.csv --task multiclass --no-intervals --against b.csv --charts charts
  grep -q 'the first 4 of 6 classes' charts/roc.svg
  not grep -q 'and [0-9]* more' charts/roc.svg
  succeeds evaluate a.csv --task multiclass --no-intervals --charts alone
  not grep -q 'the first' alone/roc.svg
}
