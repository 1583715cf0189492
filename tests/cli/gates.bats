# Gates of stages of kind `evaluate`: judged in every run, hit or miss, against limits and baselines.
load helper

# A stage whose gates are on stdin, a command that copies numbers to metrics.json, and what follows.
judged() {
  {
    cat <<'END'
stages:
  judge:
    kind: evaluate
    cmd: echo judge >> "$DID"; cp numbers.json metrics.json
    deps: [numbers.json]
    metrics: [{metrics.json: {cache: false}}]
    gates:
END
    sed 's/^/      /'
    cat <<'END'
  deploy:
    cmd: cp metrics.json deployed.json
    deps: [metrics.json]
    outs: [deployed.json]
END
  } >pipeline.yaml
}

numbers() {
  printf '%s\n' "$1" >numbers.json
}

# says JUDGEMENT MESSAGE: a finding of the last `run --json`.
says() {
  holds "any(f['judgement'] == '$1' and f['message'] == \"\"\"$2\"\"\" for f in s['judge']['checks']['findings'])"
}

# The lines of the stage's findings on the terminal.
told() {
  grep -F -- "$1" "$ERR" || tell "not told: $1"
}

# A project whose branch main measured auc 0.94, and a topic branch with other numbers.
branched() {
  git_init
  numbers '{"f1": 0.85, "auc": 0.94}'
  judged <<<'- {metric: auc, min: 0.5}'
  succeeds run
  commit_all
  git switch -q -c topic
  numbers "$1"
}

@test "gates that hold let the pipeline go on, and are recorded" {
  numbers '{"f1": 0.85, "loss": 0.2}'
  judged <<'END'
- {metric: f1, min: 0.80}
- {metric: loss, max: 0.3}
END
  succeeds run --json
  counts executed=2
  says pass 'f1 0.85 is at least 0.8'
  says pass 'loss 0.2 is at most 0.3'
  succeeds show --json
  holds 's["judge"]["checks"]["passed"] == 2'
  succeeds show
  grep -F '2 of 2 gates passed' "$OUT"
}

@test "a floor that does not hold ends with 1 and one line that says why, and blocks what follows" {
  numbers '{"f1": 0.78}'
  judged <<<'- {metric: f1, min: 0.80}'
  fails 1 run
  [ "$(grep -c 'f1 0.78 is below 0.8' "$ERR")" -eq 1 ] || tell 'not one line'
  told "deploy skipped (because 'judge' failed its gates)"
  [ -e metrics.json ] && [ ! -e deployed.json ]
  fails 1 run --json # a hit is judged, too
  counts rejected=1 skipped=1
  says fail 'f1 0.78 is below 0.8'
  [ "$(cat "$DID")" = judge ]
  holds 'r["status"] == "rejected"'
  succeeds show
  grep -F '1 of 1 gates failed' "$OUT"
}

@test "plan and status know of a gate that fails" {
  numbers '{"f1": 0.78}'
  judged <<<'- {metric: f1, min: 0.80}'
  fails 1 run
  mlops plan --json
  holds 's["judge"]["status"] == "rejected" and s["deploy"]["status"] == "skipped"'
  mlops status
  grep -F 'judge: rejected' "$OUT"
}

@test "a changed gate is judged anew without executing anything" {
  numbers '{"f1": 0.78}'
  judged <<<'- {metric: f1, min: 0.80}'
  fails 1 run
  judged <<<'- {metric: f1, min: 0.75}'
  succeeds run --json
  counts unchanged=1 executed=1 # deploy
  says pass 'f1 0.78 is at least 0.75'
  [ "$(cat "$DID")" = judge ]
}

@test "a metric that is missing never passes, nor does NaN, a text or one of two files" {
  numbers '{"test": {"f1": 0.9}, "word": "good"}'
  judged <<'END'
- {metric: f1, min: 0}
- {metric: word, min: 0}
- {metric: r2, min: 0, on_missing: warn}
END
  fails 1 run --json
  says fail "f1 is missing in metrics.json, which has 'test.f1'"
  says fail "word is 'good', which is no number"
  says warn 'r2 is missing in metrics.json'
  pipeline <<'END'
stages:
  judge:
    kind: evaluate
    cmd: cp a.in a.yaml; cp b.in b.json
    deps: [a.in, b.in]
    metrics: [a.yaml, b.json]
    gates:
      - {metric: acc, min: 0}
      - {metric: f1, min: 0}
      - {metric: 'b.json:f1', min: 0}
END
  printf 'acc: .nan\nf1: 0.5\n' >a.in
  echo '{"f1": 0.5}' >b.in
  fails 1 run --json
  says fail 'acc is NaN'
  says fail "f1 is in two files: name it 'a.yaml:f1' or 'b.json:f1'"
  says pass 'b.json:f1 0.5 is at least 0'
}

@test "what is infinite never passes, neither as a value nor as a baseline" {
  numbers '{"loss": 0.3, "f1": 0.9}'
  judged <<<'- {metric: loss, max_drop: 0.01}'
  succeeds run
  numbers '{"loss": Infinity, "f1": Infinity, "gain": -Infinity}'
  judged <<'END'
- {metric: loss, max_drop: 0.01}
- {metric: f1, min: 0.8}
- {metric: gain, max: 0.8}
END
  fails 1 run --json
  says fail 'loss is infinite'
  says fail 'f1 is infinite'
  says fail 'gain is infinite'
  judged <<<'- {metric: f1, min: 0, severity: warn}'
  succeeds run
  numbers '{"loss": 0.3, "f1": 0.9}'
  judged <<<'- {metric: f1, max_drop: 0.01}'
  fails 1 run
  told 'f1 is infinite in the baseline'
}

@test "a gate of severity warn is told and stops nothing" {
  numbers '{"f1": 0.78}'
  judged <<<'- {metric: f1, min: 0.80, severity: warn}'
  succeeds run
  told 'warn  f1 0.78 is below 0.8'
  [ -e deployed.json ]
}

@test "max_drop against a branch, absolute and relative" {
  branched '{"f1": 0.85, "auc": 0.935}'
  judged <<'END'
- {metric: auc, max_drop: 0.01, baseline: main}
- {metric: auc, max_drop: 1%, baseline: main}
- {metric: auc, max_drop: "0.001", baseline: main, severity: warn}
END
  local main
  main=$(git rev-parse --short=7 main)
  succeeds run --json
  says pass "auc fell by 0.005 (0.94 -> 0.935) against main ($main), 0.01 allowed"
  says pass "auc fell by 0.5319 % (0.94 -> 0.935) against main ($main), 1 % allowed"
  says warn "auc fell by 0.005 (0.94 -> 0.935) against main ($main), 0.001 allowed"
  numbers '{"f1": 0.85, "auc": 0.91}'
  fails 1 run
  told "auc fell by 0.03 (0.94 -> 0.91) against main ($main), 0.01 allowed"
}

@test "lower is better for losses, and a metric nobody knows needs its direction" {
  branched '{"rmse": 2.0, "speed": 8}'
  git switch -q main
  numbers '{"rmse": 1.0, "speed": 10}'
  judged <<<'- {metric: rmse, min: 0}'
  succeeds run
  commit_all
  git switch -q -c other
  numbers '{"rmse": 0.5, "speed": 8}'
  judged <<<'- {metric: speed, max_drop: 1, baseline: main}'
  fails 3 run
  told "gate 'speed' needs 'direction: higher' or 'direction: lower'"
  judged <<'END'
- {metric: rmse, max_drop: 0, baseline: main}
- {metric: speed, max_drop: 1, baseline: main, direction: higher}
END
  fails 1 run --json
  holds '[f["judgement"] for f in s["judge"]["checks"]["findings"]] == ["pass", "fail"]'
  holds '"speed fell by 2 (10 -> 8)" in s["judge"]["cause"]'
}

@test "a baseline may be a tag, a run and a run by its place" {
  git_init
  numbers '{"f1": 0.85}'
  judged <<<'- {metric: f1, min: 0}'
  succeeds run --json
  local run
  run=$("$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["run"])' "$OUT")
  succeeds tag @ good
  numbers '{"f1": 0.80}'
  for word in good "$run" "'@~1'"; do
    judged <<<"- {metric: f1, max_drop: 0.01, baseline: $word}"
    fails 1 run --json
    says fail "f1 fell by 0.05 (0.85 -> 0.8) against run ${run: -8}, 0.01 allowed"
  done
}

@test "without a baseline the last run that passed is the one: what was rejected is none" {
  numbers '{"f1": 0.85}'
  judged <<<'- {metric: f1, max_drop: 0.01}'
  succeeds run
  told 'f1: no earlier run passed: first run, nothing to compare with'
  numbers '{"f1": 0.80}'
  fails 1 run
  told 'f1 fell by 0.05 (0.85 -> 0.8) against run '
  fails 1 run # still against the one that passed
  told 'f1 fell by 0.05 (0.85 -> 0.8) against run '
  numbers '{"f1": 0.845}'
  succeeds run
  numbers '{"f1": 0.80}'
  fails 1 run
  told '(0.845 -> 0.8)'
}

@test "runs from before there were gates are a baseline, too" {
  numbers '{"f1": 0.85}'
  judged <<<'- {metric: f1, min: 0}'
  sed -i '/gates:/,/metric:/d' pipeline.yaml
  succeeds run
  numbers '{"f1": 0.80}'
  judged <<<'- {metric: f1, max_drop: 0.01}'
  fails 1 run
  told 'f1 fell by 0.05 (0.85 -> 0.8) against run '
}

@test "on a first run floors alone apply, and it is said" {
  git_init
  numbers '{"f1": 0.85}'
  pipeline <<<'stages: {other: {cmd: echo x > x, outs: [x]}}'
  succeeds run
  commit_all
  git switch -q -c topic
  judged <<<'- {metric: f1, min: 0.5, max_drop: 0.01, baseline: main}'
  succeeds run
  told "has no such stage: first run, nothing to compare with"
  judged <<<'- {metric: f1, min: 0.9, max_drop: 0.01, baseline: main}'
  fails 1 run
  told 'f1 0.85 is below 0.9'
}

@test "a baseline without the metric does not pass" {
  branched '{"f1": 0.85, "mcc": 0.7}'
  judged <<<'- {metric: mcc, max_drop: 0.01, baseline: main}'
  fails 1 run
  told 'mcc has no value in the baseline: main'
  judged <<<'- {metric: mcc, max_drop: 0.01, baseline: main, on_missing: warn}'
  succeeds run
}

@test "a gate bites in a fresh clone without a ledger" {
  branched '{"f1": 0.85, "auc": 0.90}'
  judged <<<'- {metric: auc, max_drop: 0.01, baseline: main}'
  commit_all topic
  git clone -q --branch topic . ../clone # main is on origin only
  cd ../clone
  [ ! -e .mlops/lineage.db ]
  fails 1 run
  told 'auc fell by 0.04 (0.94 -> 0.9) against main ('
  succeeds diff main --json # the same word means the same branch
  holds 'r["verdict"]["kind"] == "worse"'
  succeeds report --against main
}

@test "a baseline that can't be loaded ends with 4 and passes nothing" {
  git_init
  numbers '{"f1": 0.85}'
  judged <<<'- {metric: f1, min: 0, max_drop: 1, baseline: nowhere}'
  commit_all
  fails 4 run
  told "is no run, tag or git revision here ('mlops runs' lists runs and tags)"
  git remote add origin ../origin
  fails 4 run
  told "is no run, tag or git revision here ('git fetch origin nowhere:refs/remotes/origin/nowhere'"
  [ ! -e deployed.json ]
  judged <<<"- {metric: f1, max_drop: 1, baseline: '@~7'}"
  fails 4 run
  told "'mlops runs' lists the runs of this clone"
  judged <<<"- {metric: f1, max_drop: 1, baseline: 'HEAD~7'}"
  fails 4 run
  told "is no run, tag or git revision here ('mlops runs' lists runs and tags)"
}

@test "a baseline that is the branch of the first commit to come is told so" {
  git_init
  numbers '{"f1": 0.85}'
  judged <<<'- {metric: f1, max_drop: 1, baseline: main}'
  fails 4 run
  told "(the branch has no commit yet: commit, then run again)"
  commit_all
  succeeds run
}

@test "a baseline without a repository, or before the first commit: what to do, without a log" {
  printf 'id,label,score\n1,0,0.2\n2,1,0.7\n3,1,0.4\n' >p.csv
  pipeline <<'END'
stages:
  judge:
    kind: evaluate
    predictions: p.csv
    task: binary
    gates: [{metric: f1, max_drop: 1%, baseline: main}]
END
  fails 4 run
  told "(this is no git repository: name a run or a tag"
  not grep -F 'CLASS' "$ERR"
  git_init
  git symbolic-ref HEAD refs/heads/main
  fails 4 run --force
  told "(the branch has no commit yet: commit, then run again)"
  commit_all
  ran unchanged=1
}

@test "a baseline that is a run and a revision is neither; a tag of git is a revision" {
  branched '{"f1": 0.85, "auc": 0.90}'
  git tag v1 main
  judged <<<'- {metric: auc, max_drop: 0.01, baseline: v1}'
  fails 1 run
  told 'auc fell by 0.04 (0.94 -> 0.9) against v1 ('
  succeeds tag @ v1
  fails 4 run
  told "the baseline 'v1' may mean: run "
}

@test "a damaged lock file at the baseline ends with 4" {
  branched '{"f1": 0.85, "auc": 0.94}'
  git switch -q main
  echo '  broken: [' >>pipeline.lock
  commit_all broken
  git checkout -q HEAD~1 -- pipeline.lock
  git switch -q -c other
  judged <<<'- {metric: auc, max_drop: 0.01, baseline: main}'
  fails 4 run
  told "the baseline 'main ("
  told "can't be read: "
}

@test "a baseline with a pipeline and no lock file is no first run, but where it is worked on" {
  git_init
  numbers '{"f1": 0.85}'
  judged <<<'- {metric: f1, max_drop: 0.01, baseline: main}'
  commit_all
  succeeds run
  told 'first run, nothing to compare with'
  git switch -q -c topic
  git commit -q --allow-empty -m next
  fails 4 run
  told "it has 'pipeline.yaml' and not 'pipeline.lock'"
  git rm -q --cached pipeline.yaml
  git commit -q -m none
  git branch -f main topic
  git commit -q --allow-empty -m next
  succeeds run
  told 'first run, nothing to compare with'
}

@test "a run in which the stage failed, or of another pipeline, is no first run" {
  numbers '{"f1": 0.85}'
  judged <<<'- {metric: f1, min: 0}'
  sed -i 's/cmd: echo judge/cmd: test -e go || exit 3; echo judge/' pipeline.yaml
  fails 1 run
  succeeds tag @ failed
  touch go
  pipeline other.yaml <<<'stages: {other: {cmd: echo x > x, outs: [x]}}'
  succeeds run other.yaml
  succeeds tag @ other
  for word in failed other; do
    judged <<<"- {metric: f1, max_drop: 0.01, baseline: $word}"
    fails 4 run
    [ ! -e deployed.json ]
  done
}

@test "what is accepted is judged, and no baseline if its gates do not hold" {
  numbers '{"f1": 0.85}'
  judged <<<'- {metric: f1, max_drop: 0.01}'
  succeeds run
  numbers '{"f1": 0.5}'
  sed -i 's/cp numbers.json metrics.json/cp numbers.json metrics.json; echo "{}" >numbers.json/' pipeline.yaml
  fails 1 run
  fails 1 accept judge --json
  holds 'r["status"] == "rejected"'
  numbers '{"f1": 0.5}'
  fails 1 run
  grep -F '(0.85 -> 0.5)' "$ERR"
}

@test "a shallow clone says how to get what it lacks" {
  branched '{"f1": 0.85, "auc": 0.90}'
  judged <<<'- {metric: auc, max_drop: 0.01, baseline: main}'
  commit_all topic
  git clone -q --depth 1 --branch topic "file://$PWD" ../shallow
  cd ../shallow
  fails 4 run
  told 'this clone is shallow'
  told 'fetch-depth: 0'
  # What is told works in a clone of one branch, too, where 'git fetch origin main' leaves no ref.
  read -ra told < <(grep -o "git fetch [^' ]* [^' ]*" "$ERR")
  "${told[@]}"
  fails 1 run
  told 'auc fell by 0.04 (0.94 -> 0.9) against main ('
}

@test "a gate holds for each value of a slice" {
  numbers '{"acc": 0.9, "slices": {"country": {"FR": {"acc": 0.9}, "St. Lucia": {"acc": 0.7}}}}'
  judged <<<'- {metric: acc, min: 0.8, slices: [country]}'
  fails 1 run --json
  says pass 'acc of country=FR 0.9 is at least 0.8'
  says fail 'acc of country=St. Lucia 0.7 is below 0.8'
  holds 'len(s["judge"]["checks"]["findings"]) == 2'
  judged <<<'- {metric: acc, min: 0.8, slices: age}'
  fails 1 run --json
  says fail "acc of age is missing: 'slices.age' has no values in metrics.json"
}

@test "a slice without the metric does not pass" {
  numbers '{"acc": 0.9, "slices": {"country": {"FR": {"acc": 0.9, "n": 5}, "DE": {"acc": null, "n": 5}, "all": 10}}}'
  judged <<<'- {metric: acc, min: 0.8, slices: [country]}'
  fails 1 run --json
  says fail 'acc of country=DE is missing in metrics.json'
  holds 'len(s["judge"]["checks"]["findings"]) == 2'
}

@test "gates of a matrix take its values" {
  numbers '{"a": {"f1": 0.9}, "b": {"f1": 0.6}}'
  pipeline <<'END'
stages:
  judge:
    matrix: {of: [a, b], floor: [0.7]}
    kind: evaluate
    cmd: cp numbers.json ${item.of}.json
    deps: [numbers.json]
    metrics: [{"${item.of}.json": {cache: false}}]
    gates:
      - {metric: "${item.of}.f1", min: "${item.floor}"}
END
  fails 1 run --json --keep-going
  holds 's["judge@a-0.7"]["status"] == "executed" and s["judge@b-0.7"]["status"] == "rejected"'
}

@test "verdicts of gates are there for CI" {
  numbers '{"f1": 0.78, "auc": 0.9}'
  judged <<'END'
- {metric: f1, min: 0.80}
- {metric: auc, max_drop: 0.1}
END
  fails 1 run
  succeeds show --format=junit
  grep -F 'message="f1 0.78 is below 0.8"' "$OUT"
  grep -F '<skipped' "$OUT"
  succeeds show --format=sarif
  grep -F 'f1 0.78 is below 0.8' "$OUT"
}

@test "a gate in the subdirectory of a repository finds its lock there" {
  git_init
  mkdir sub && cd sub
  numbers '{"f1": 0.9}'
  judged <<<'- {metric: f1, min: 0}'
  succeeds init
  succeeds run
  commit_all
  git switch -q -c topic
  numbers '{"f1": 0.8}'
  judged <<<'- {metric: f1, max_drop: 0.01, baseline: main}'
  fails 1 run
  told 'f1 fell by 0.1 (0.9 -> 0.8) against main ('
}

@test "what needs a stage whose gates fail does not run by itself either" {
  numbers '{"f1": 0.78}'
  judged <<<'- {metric: f1, min: 0.80}'
  fails 1 run
  fails 1 run --only deploy
  told "the gates of 'judge', which it needs, are not known to hold"
  judged <<<'- {metric: f1, min: 0.70}'
  succeeds run --only deploy
}

@test "lint says that a fresh clone has no earlier run to compare with" {
  numbers '{"f1": 0.78}'
  judged <<'END'
- {metric: f1, max_drop: 0.1}
- {metric: f1, max_drop: 0.1, baseline: main}
END
  succeeds lint --json
  holds '[w["rule"] for w in r["warnings"]] == ["unnamed-baseline"]'
}

# --- stages with `predictions` ---

# predictions COUNT WRONG: as many rows, of which the first WRONG are predicted wrongly.
predictions() {
  "$PYTHON" - "$@" >"${3:-p.csv}" <<'END'
import sys
count, wrong = int(sys.argv[1]), int(sys.argv[2])
print("id,label,score,country")
for i in range(count):
    label = i % 2
    good = 0.6 + (i * 37 % 40) / 100 if label else 0.4 - (i * 37 % 40) / 100
    print(f"{i},{label},{1 - good if i < wrong else good:.4f},{'FR' if i % 3 else 'D.E'}")
END
}

# A built-in evaluation whose gates are on stdin.
measured() {
  {
    cat <<END
stages:
  judge:
    kind: evaluate
    predictions: p.csv
    task: binary
    slices: [country]
    metrics: [{metrics.json: {cache: false}}]
    ${1:-}
    gates:
END
    sed 's/^/      /'
  } >pipeline.yaml
}

@test "a built-in evaluation measures, draws and is judged; a gate is no reason to measure again" {
  predictions 200 20
  measured 'plots: [charts]' <<'END'
- {metric: accuracy, min: 0.85}
- {metric: f1, min: 0.85}
- {metric: accuracy, min: 0.8, slices: [country]}
END
  succeeds run --json
  counts executed=1
  says pass 'accuracy 0.9 is at least 0.85'
  says pass 'f1 0.9 is at least 0.85'
  holds 'sorted(f["table"] for f in s["judge"]["checks"]["findings"] if f["table"]) == ["country=D.E", "country=FR"]'
  holds 's["judge"]["metrics"]["metrics.json:accuracy"] == 0.9'
  [ -e charts/roc.svg ]
  ls .mlops/measured/judge-*.json
  measured 'plots: [charts]' <<<'- {metric: accuracy, min: 0.95}'
  fails 1 run --json
  counts rejected=1
  holds 's["judge"]["reasons"] == []'
  says fail 'accuracy 0.9 is below 0.95'
  measured 'plots: [charts]
    threshold: 0.9' <<<'- {metric: accuracy, min: 0}'
  succeeds run --json
  counts executed=1
}

@test "a metric that a built-in evaluation does not have is an error before anything runs" {
  predictions 20 0
  measured <<'END'
- {metric: accurancy, min: 0}
- {metric: rmse, min: 0}
- {metric: classes.1.f1, min: 0, slices: country}
- {metric: rows, min: 10}
END
  fails 3 run
  told "pipeline.yaml:10:9: gate 'accurancy': a binary evaluation has no such metric (did you mean 'accuracy'?)"
  told "gate 'rmse': a binary evaluation has no such metric"
  told "gate 'classes.1.f1': 'slices' and 'confidence' are for the metrics of all rows"
}

@test "a metric that is undefined says why and does not pass" {
  printf 'id,label,score,country\n1,0,0.2,FR\n2,0,0.3,FR\n' >p.csv
  measured <<<'- {metric: roc_auc, min: 0.1}'
  fails 1 run --json
  holds 's["judge"]["checks"]["findings"][0]["message"].startswith("roc_auc is undefined: ")'
}

@test "with confidence a floor passes, fails, or is inconclusive, a warning or a failure" {
  predictions 200 20
  measured <<<'- {metric: accuracy, min: 0.8, confidence: 0.95}'
  succeeds run
  measured <<<'- {metric: accuracy, min: 0.97, confidence: 0.95}'
  fails 1 run
  told '95 % interval [0.8'
  measured <<<'- {metric: accuracy, min: 0.88, confidence: 0.95}'
  succeeds run --json
  holds '[f["judgement"] for f in s["judge"]["checks"]["findings"]] == ["inconclusive"]'
  holds 's["judge"]["checks"]["warned"] == 1'
  told 'inconclusive  accuracy 0.9 is not surely at least 0.88; 95 % interval ['
  measured <<<'- {metric: accuracy, min: 0.88, confidence: 0.95, on_inconclusive: fail}'
  fails 1 run --json
  holds 's["judge"]["checks"]["failed"] == 1'
  succeeds show --format=junit
  grep -F '<failure' "$OUT"
  mlops plan --json # the interval is kept
  holds 's["judge"]["status"] == "rejected"'
}

@test "a kept interval that is damaged is reckoned anew, and gc removes those that are old" {
  predictions 200 30
  measured <<<'- {metric: f1, min: 0.8, confidence: 0.95}'
  succeeds run
  local kept
  kept=$(echo .mlops/measured/interval-*.json)
  cp "$kept" ../kept
  head -c 9000 /dev/zero >"$kept"
  succeeds run
  cmp "$kept" ../kept
  succeeds gc --yes
  [ -e "$kept" ]
  succeeds gc --grace 0 --yes
  [ ! -e "$kept" ] && ls .mlops/measured/judge-*.json
  succeeds run
  cmp "$kept" ../kept
}

@test "with confidence the paired difference to a branch decides" {
  git_init
  predictions 2000 100
  measured <<<'- {metric: accuracy, min: 0}'
  succeeds run
  commit_all
  git switch -q -c topic
  measured <<<'- {metric: accuracy, max_drop: 0.02, baseline: main, confidence: 0.95}'
  predictions 2000 102
  succeeds run
  predictions 2000 142
  succeeds run
  told 'inconclusive  accuracy fell by 0.021 (0.95 -> 0.929) against main ('
  predictions 2000 300
  fails 1 run
  told 'accuracy fell by 0.1 (0.95 -> 0.85) against main ('
  told '95 % interval of the change [-0.1'
  measured <<<'- {metric: roc_auc, max_drop: 0.02, baseline: main, confidence: 0.95}'
  fails 1 run
  told '95 % interval of the change [-0.1'
}

@test "without the baseline's predictions a good number is inconclusive and a bad one fails" {
  git_init
  predictions 200 20 new.csv
  measured <<<'- {metric: accuracy, max_drop: 0.02, baseline: main, confidence: 0.95}'
  sed -i '1a\  predict: {cmd: cp new.csv p.csv, deps: [new.csv], outs: [p.csv]}' pipeline.yaml
  commit_all empty
  succeeds run
  commit_all
  predictions 200 22 new.csv
  git switch -q -c topic
  commit_all topic
  git clone -q . ../clone
  cd ../clone
  succeeds run
  told "'p.csv' of 'main ("
  told 'is not in the cache'
  predictions 200 40 new.csv
  fails 1 run
  told 'accuracy fell by 0.1 (0.9 -> 0.8) against main ('
}

@test "predictions that git tracks are there in a fresh clone" {
  git_init
  predictions 2000 100
  measured <<<'- {metric: accuracy, max_drop: 0.01, baseline: main, confidence: 0.95, on_inconclusive: fail}'
  commit_all empty
  succeeds run
  commit_all
  predictions 2000 101
  git switch -q -c topic
  commit_all topic
  git clone -q . ../clone
  cd ../clone
  succeeds run --json
  holds '[f["judgement"] for f in s["judge"]["checks"]["findings"]] == ["pass"]'
}

@test "predictions of a baseline are found in git where their path is a directory by now" {
  git_init
  predictions 2000 100
  measured <<<'- {metric: accuracy, max_drop: 0.01, baseline: main, confidence: 0.95, on_inconclusive: fail}'
  commit_all empty
  succeeds run
  commit_all
  git switch -q -c topic
  git rm -q p.csv
  mkdir p.csv
  predictions 2000 101 p.csv/new.csv
  sed -i 's/p.csv/p.csv\/new.csv/' pipeline.yaml
  commit_all topic
  git clone -q . ../clone
  cd ../clone
  succeeds run --json
  holds '[f["judgement"] for f in s["judge"]["checks"]["findings"]] == ["pass"]'
}

@test "predictions without ids are not paired, and it is said" {
  predictions 200 20
  sed -i 's/^[^,]*,//' p.csv
  measured <<<'- {metric: accuracy, max_drop: 0.5, confidence: 0.95}'
  succeeds run
  echo '0,0.1,FR' >>p.csv
  succeeds run
  told 'no interval of the change: '
}

@test "columns may have other names, and a stage its own folder" {
  mkdir sub
  printf 'truth,chance\n1,0.9\n0,0.8\n1,0.7\n0,0.1\n' >sub/p.csv
  pipeline <<'END'
stages:
  judge:
    kind: evaluate
    wdir: sub
    predictions: p.csv
    task: binary
    columns: {label: truth, score: chance}
    gates: [{metric: accuracy, min: 0.75, max: 0.75}]
END
  succeeds run --json
  says pass 'accuracy 0.75 is at least 0.75'
  holds 'any(name.endswith(":accuracy") for name in s["judge"]["metrics"])'
}

@test "predictions that are wrong fail the stage, and say where" {
  printf 'label,score\n1,0.9\n0,high\n' >p.csv
  measured <<<'- {metric: accuracy, min: 0}'
  sed -i '/slices/d' pipeline.yaml
  fails 1 run
  told "p.csv"
  told "high"
}

@test "plan and status tell a rejection that needs no interval, or that had none" {
  git_init
  predictions 200 20
  measured <<<'- {metric: accuracy, min: 0.5}'
  succeeds run
  echo '/p.csv' >>.gitignore
  commit_all
  predictions 200 60
  measured <<<'- {metric: accuracy, max_drop: 0.01, baseline: main, confidence: 0.95}'
  rm -rf .mlops/cache
  fails 1 run
  told 'no interval of the change'
  succeeds plan
  grep -q '^judge *rejected' "$OUT"
  succeeds status
  grep -q '^judge: rejected' "$OUT"
  measured <<'END'
- {metric: accuracy, min: 0.9}
- {metric: f1, max_drop: 0.01, baseline: main, confidence: 0.95}
END
  succeeds plan
  grep -q '^judge *rejected' "$OUT"
}

@test "the summary of a run tells first what gates judge, also when they refuse it" {
  pipeline <<'END'
stages:
  judge:
    kind: evaluate
    cmd: cp values.json metrics.json
    deps: [values.json]
    metrics: [metrics.json]
    gates: [{metric: recall, min: 0.5}]
END
  echo '{"accuracy": 0.5, "auc": 0.5, "f1": 0.5, "recall": 0.75}' >values.json
  succeeds run
  grep -q "recall 0.75 · accuracy 0.5 · auc 0.5" "$OUT"
  echo '{"accuracy": 0.5, "auc": 0.5, "f1": 0.5, "recall": 0.25}' >values.json
  fails 1 run
  grep -q "recall 0.25 (-0.5)" "$OUT"
}

@test "the same predictions have not changed, for certain and without ids" {
  printf 'label,score\n1,0.9\n0,0.2\n1,0.4\n0,0.6\n' >p.csv
  pipeline <<'END'
stages:
  judge:
    kind: evaluate
    predictions: p.csv
    task: binary
    gates: [{metric: accuracy, max_drop: 0, confidence: 0.95, on_inconclusive: fail}]
END
  succeeds run
  succeeds run
  succeeds show --json
  grep -q 'interval of the change \[0, 0\]' "$OUT"
  printf '1,0.9\n' >>p.csv
  fails 1 run
}
