# report: one file about a run
load helper

# Scores of 200 rows; the first argument is how far noise shifts them.
scores() {
  "$PYTHON" - "$1" >test.csv <<'END'
import random, sys
luck, noise = random.Random(3), float(sys.argv[1])
print("id,label,score")
for at in range(200):
    label = luck.random() < 0.4
    print(f"{at},{int(label)},{min(0.999, max(0.001, (0.7 if label else 0.3) + luck.gauss(0, noise))):.4f}")
END
}

project() {
  git_init
  scores 0.3
  echo 'lr: 0.1' >params.yaml
  pipeline <<'END'
stages:
  predict: {cmd: cp test.csv predictions.csv, deps: [test.csv], params: [lr], outs: [predictions.csv]}
  evaluate:
    kind: evaluate
    predictions: predictions.csv
    task: binary
    metrics: [metrics.json]
    gates:
    - {metric: accuracy, min: 0.5}
END
  succeeds run
  commit_all one
}

@test "the report of a first run has all but a comparison" {
  project
  succeeds report
  says "**succeeded; evaluate: 1 of 1 gates passed; nothing earlier to compare with**"
  says "## Checks and gates"
  says "| pass | accuracy "
  says "## Metrics"
  says '```mermaid'
  says 's1 --> s0'
  says "sha256:"
  says "## How to reproduce"
  says "git checkout $(git rev-parse HEAD)" || says "mlops run"
  says "6 pictures" || says "5 pictures"
}

@test "it is compared with the run before, or with what is named" {
  project
  scores 0.2
  succeeds run
  succeeds report --json
  holds 'r["verdict"] == "better" and r["against"].startswith("run ")'
  holds 'next(m for m in r["metrics"] if m["key"] == "accuracy")["judgement"] == "better"'
  holds 'next(m for m in r["metrics"] if m["key"] == "accuracy")["test"] == "mcnemar"'
  holds '[i["path"] for i in r["inputs"]] == ["test.csv"] and r["inputs"][0]["size_bytes"] > 1000'
  holds '{n["name"]: n["needs"] for n in r["graph"]}["evaluate"] == ["predict"]'
  succeeds report --against HEAD
  says "| compared with | HEAD ("
  says "; better: accuracy"
  fails 2 report --against nosuchrun
  succeeds report '@~1' --json
  holds 'r["against"] is None'
}

@test "a gate that failed is the first thing it says" {
  project
  sed -i 's/min: 0.5/min: 0.99/' pipeline.yaml
  fails 1 run
  succeeds report
  says "**rejected; evaluate: 1 of 1 gates failed"
  says "| fail | accuracy "
  says "evaluate<br/>rejected"
}

@test "the picture has no more arrows than forges draw" {
  "$PYTHON" - <<'END'
lines = ["stages:"]
for i in range(40):
    deps = "".join(f"o{k}, " for k in range(i))
    lines.append(f"  s{i}: {{cmd: echo {i} >o{i}, deps: [{deps}], outs: [o{i}]}}")
open("pipeline.yaml", "w").write("\n".join(lines) + "\n")
END
  succeeds run
  succeeds report
  [ "$(grep -c -- ' --> ' "$OUT")" -eq 500 ]
  says '%% 280 more arrows'
}

@test "a stage that failed is named, with its cause" {
  project
  cat >>pipeline.yaml <<'END'
  ship: {cmd: exit 7, deps: [metrics.json], outs: [shipped]}
END
  fails 1 run
  succeeds report
  says "**failed; ship: exited with status 7; evaluate: 1 of 1 gates passed"
  says "## What failed"
  says "| ship | exited with status 7 | mlops logs "
}

@test "a page folds what is long, and names its rows" {
  project
  for i in {1..30}; do echo "  s$i: {cmd: cp test.csv o$i, deps: [test.csv], outs: [o$i]}" >>pipeline.yaml; done
  succeeds run
  scores 0.2
  succeeds run
  succeeds report --html
  says '<details open><summary><h2>What changed: Code'
  says '<details><summary><h2>What changed: Data (32)</h2></summary>'
  says '<th scope="row">run</th>'
  says 'predict, executed, reads test.csv'
  says '<th scope="col" aria-label="change"></th>'
}

@test "charts of an evaluate stage are drawn once, with both runs in one" {
  project
  sed -i 's/metrics: .metrics.json./&\n    plots: [charts]/' pipeline.yaml
  succeeds run
  scores 0.2
  succeeds run
  succeeds report -o report.md
  [ "$(grep -c 'evaluate-roc.svg' report.md)" -eq 1 ]
  not grep -q 'charts/roc.svg\|charts_roc.svg' report.md
}

@test "a report may be kept short, and says what it leaves out" {
  project
  for i in {1..30}; do echo "  s$i: {cmd: cp test.csv o$i, deps: [test.csv], outs: [o$i]}" >>pipeline.yaml; done
  succeeds run
  succeeds report --max-bytes 2500
  [ "$(wc -c <"$OUT")" -le 2500 ]
  says "Left out here, for want of room: "
  says "Lineage: inputs and outputs"
  says "## Checks and gates"
  says "## How to reproduce"
  fails 2 report --max-bytes 100
  says "the verdict alone takes more than 100 bytes"
  fails 2 report --max-bytes 1000 -o report.html
}

@test "a file has its pictures beside it, a page has them inside" {
  project
  succeeds report -o out/report.md
  [ ! -s "$OUT" ]
  grep -q '!\[ROC curve\](report_files/evaluate-roc.svg)' out/report.md
  head -1 out/report_files/evaluate-roc.svg | grep -q '^<?xml'
  succeeds report -o out/report.html
  grep -q '<svg' out/report.html
  not grep -q '<script' out/report.html
  [ ! -e out/report_files/report.html ]
  succeeds report --html
  grep -q '<!doctype html>' "$OUT"
}

@test "an image that a stage made is in it" {
  pipeline <<'END'
stages:
  draw: {cmd: cp "$BATS_TEST_TMPDIR/dot.png" plot.png, outs: [plot.png]}
END
  base64 -d >"$BATS_TEST_TMPDIR/dot.png" <<<'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='
  succeeds run
  succeeds report -o report.md
  grep -q '!\[plot.png\](report_files/plot.png)' report.md
  cmp plot.png report_files/plot.png
  succeeds report --html
  grep -q 'data:image/png;base64' "$OUT"
}

@test "GitHub's summary of the step gets it, too, behind what is there, and at most 1 MiB" {
  project
  export GITHUB_STEP_SUMMARY=$BATS_TEST_TMPDIR/summary.md
  echo "# before" >"$GITHUB_STEP_SUMMARY"
  succeeds report -o report.md
  [ "$(head -1 "$GITHUB_STEP_SUMMARY")" = "# before" ]
  grep -q '^# Report of run ' "$GITHUB_STEP_SUMMARY"
  not grep -q '!\[' "$GITHUB_STEP_SUMMARY"
  head -c 1045000 /dev/zero | tr '\0' x >"$GITHUB_STEP_SUMMARY"
  succeeds report -o report.md
  says "the summary of the step holds at most 1 MiB: the report is shortened in it"
  [ "$(wc -c <"$GITHUB_STEP_SUMMARY")" -le 1048576 ]
  tail -c 3570 "$GITHUB_STEP_SUMMARY" | grep -q 'gates passed'
  head -c 1048570 /dev/zero | tr '\0' x >"$GITHUB_STEP_SUMMARY"
  succeeds report -o report.md
  says "the report is not in it"
  [ "$(wc -c <"$GITHUB_STEP_SUMMARY")" -le 1048576 ]
}

@test "a revision is reported on without a history" {
  project
  git clone -q . "$BATS_TEST_TMPDIR/clone"
  cd "$BATS_TEST_TMPDIR/clone"
  succeeds report HEAD --json
  holds 'r["run"] is None and any(m["key"] == "accuracy" for m in r["metrics"])'
}

@test "names that would be markup are not" {
  printf 'x\n' >'a|b_c <d>.txt'
  pipeline <<'END'
stages:
  s: {cmd: 'echo "f1: 1" >m.yaml', deps: ['a|b_c <d>.txt'], metrics: [m.yaml]}
END
  succeeds run
  succeeds report
  says 'a\|b\_c \<d>.txt'
  not grep -q '| a|b' "$OUT"
  says 's1[("a|b_c #60;d#62;.txt")]'
}

@test "a model card has an index that lineage fills in" {
  project
  succeeds report --model-index
  "$PYTHON" -c '
import sys, yaml
index = yaml.safe_load(open(sys.argv[1]))["model-index"][0]
assert index["name"] == "project", index
result = index["results"][0]
assert result["task"]["type"] == "tabular-classification"
assert result["dataset"]["name"] == "test.csv" and result["dataset"]["split"] == "test"
assert len(result["dataset"]["revision"]) == 64
assert any(m["type"] == "accuracy" and 0 < m["value"] < 1 and m["name"] for m in result["metrics"])
' "$OUT"
  succeeds report --model-index --name scorer --task text-classification
  says 'name: "scorer"'
  says 'type: "text-classification"'
}

@test "a split is a word of the path, not a part of one" {
  project
  mv test.csv latest.csv
  sed -i 's/test\.csv/latest.csv/g' pipeline.yaml
  succeeds run
  succeeds report --model-index
  says 'name: "latest.csv"'
  says_not 'split:'
  mv latest.csv my_test.csv
  sed -i 's/latest\.csv/my_test.csv/g' pipeline.yaml
  succeeds run
  succeeds report --model-index
  says "split: test"
}

@test "of very many metrics a model card tells the first fifty" {
  pipeline <<<'stages: {a: {kind: evaluate, cmd: cp params.yaml m.yaml, params: [m], metrics: [m.yaml]}}'
  { echo m: && seq -f '  f1_%03g: 0.5' 120; } >params.yaml
  succeeds run
  succeeds report --model-index
  [ "$(grep -c 'value: ' "$OUT")" -eq 50 ]
}

@test "how to reproduce can be pasted into a shell, whatever names hold" {
  project
  git remote add origin 'https://example.org/x$(touch hit)'"'"'y.git'
  mv pipeline.yaml 'my pipe;line.yaml'
  commit_all two
  succeeds run 'my pipe;line.yaml'
  succeeds report
  says "mlops run 'my pipe;line.yaml'"
  says "git clone 'https://example.org/x\$(touch hit)'\\''y.git' project"
  git() { printf '%s\n' "$@" >told; }
  eval "$(grep '^git clone' "$OUT" | sed 's/ && .*//')"
  grep -qxF "https://example.org/x\$(touch hit)'y.git" told
  [ ! -e hit ]
}

@test "entities and tildes of others are no markup" {
  pipeline <<<'stages: {a: {cmd: "true", params: [name]}}'
  echo 'name: "~~x~~ &lt;b&gt;"' >params.yaml
  succeeds run
  succeeds report
  says '\~\~x\~\~ \&lt;b\&gt;'
}

@test "a model card keeps what people wrote" {
  project
  succeeds report --model-card -o CARD.md
  grep -q '^## Ethical considerations' CARD.md
  grep -q 'mlops pull' CARD.md
  sed -i -e 's/^Who may be harmed.*/Nobody: it tells flowers apart./' -e '2i license: apache-2.0' \
    -e '2i tags: [flowers]' CARD.md
  echo "The end." >>CARD.md
  cp CARD.md before.md
  succeeds report --model-card -o CARD.md
  diff <(sort before.md) <(sort CARD.md)
  scores 0.2
  succeeds run
  succeeds report --model-card -o CARD.md
  for kept in 'Nobody: it tells flowers apart.' 'license: apache-2.0' 'tags: \[flowers\]' 'The end.'; do
    [ "$(grep -c "^$kept" CARD.md)" -eq 1 ]
  done
  [ "$(grep -c '^model-index:' CARD.md)" -eq 1 ]
  [ "$(grep -c 'mlops report: begin' CARD.md)" -eq 1 ]
  not cmp -s before.md CARD.md
  sed -i '/mlops report: end/d' CARD.md
  fails 3 report --model-card -o CARD.md
  says "one is gone"
}

@test "a model card that others made gets our part at its end" {
  project
  printf -- '---\nlicense: mit\nmodel-index:\n- name: old\n  results: []\nlanguage: en\n---\n# A card\n\nBy hand.\n' >CARD.md
  succeeds report --model-card -o CARD.md
  "$PYTHON" -c '
import sys, yaml
text = open("CARD.md").read()
front = yaml.safe_load(text.split("---\n")[1])
assert front["license"] == "mit" and front["language"] == "en" and front["model-index"][0]["name"] == "project"
assert text.index("By hand.") < text.index("mlops report: begin")
'
}

@test "what contradicts itself is refused" {
  project
  fails 2 report --model-card --html
  fails 2 report --model-card --model-index
  fails 2 report --name x
  fails 2 report one two
}

@test "outside of a project it says so" {
  fails 2 report
  says "mlops run"
}

@test "a report of a run that failed claims nothing for metrics that were there before" {
  printf 'stages: {a: {cmd: "cp p.yaml m.yaml; ! grep 7 p.yaml", params: [{p.yaml: [f1]}], metrics: [m.yaml]}}\n' >pipeline.yaml
  for value in 3 5; do
    echo "f1: 0.$value" >p.yaml
    ran executed=1
  done
  echo 'f1: 0.7' >p.yaml
  fails 1 run
  succeeds report --against @~1
  says '; only the parameter f1 changed; run'
  says 'a failed (exited with status 1)'
  says_not 'better: '
  succeeds diff @~1 @ --json
  holds 'r["verdict"]["kind"] == "other" and r["params"][0]["after"] == "0.7"'
}

@test "a report is no PDF, and the word for a file is told" {
  two_stages
  ran executed=2
  fails 2 report -o report.pdf
  says "a report is written as .html or .md, not as 'report.pdf'"
  gone report.pdf
  fails 2 report --html report.html
  says 'hint: mlops report -o report.html'
}
