# best
load helper

project() {
  cat >pipeline.yaml <<'END'
stages:
  train:
    cmd: cp params.yaml metrics.yaml
    params: [f1, loss, odd, f1_stderr]
    metrics: [metrics.yaml]
END
}

attempt() {
  printf 'f1: %s\nloss: %s\nodd: %s\nf1_stderr: 0.05\n' "$1" "$2" "${3-1}" >params.yaml
  succeeds run "${@:4}"
}

# Values of the runs told, in their order.
values() {
  succeeds best --json "$@"
  "$PYTHON" -c 'import json,sys; print(*[x["value"] for x in json.load(open(sys.argv[1]))["runs"]])' "$OUT"
}

@test "the best is the highest or lowest by what the metric is called" {
  project
  attempt 0.5 3
  attempt 0.9 2
  attempt 0.7 1
  [ "$(values --metric f1)" = "0.9" ]
  [ "$(values --metric metrics.loss)" = "1" ]
  [ "$(values f1 -n 2)" = "0.9 0.7" ]
  [ "$(values f1 -n 0 --min)" = "0.5 0.7 0.9" ]
  [ "$(values f1 --where 'metrics.loss != 2 and params.f1 < 1')" = "0.7" ]
}

@test "a metric that is not known needs a direction" {
  project
  attempt 0.5 3 4
  attempt 0.9 2 7
  fails 2 best --metric odd
  says "whether more or less of 'odd' is better is not known"
  says -- "--max or --min"
  [ "$(values odd --max)" = "7" ]
  [ "$(values odd --min)" = "4" ]
  fails 2 best odd --min --max
  fails 2 best
  fails 2 best nothing
  says "no run has the metric 'nothing'"
  fails 2 best params.f1
  says "is no metric"
}

@test "of equal ones the newest wins, and a run that changes nothing is no experiment" {
  project
  attempt 0.9 3
  attempt 0.9 2
  succeeds run
  succeeds runs -n 1 --json
  newest=$("$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["runs"][0]["run"])' "$OUT")
  succeeds best f1 -n 0 --json
  holds "len(r['runs']) == 2 and r['experiments'] == 2 and r['runs'][0]['run'] == '$newest'"
}

@test "NaN and infinity never win, neither does what failed" {
  project
  attempt 0.5 3
  attempt .nan 2
  attempt .inf 2
  attempt -.inf 2
  [ "$(values f1 -n 0)" = "0.5" ]
  cat >pipeline.yaml <<'END'
stages:
  train: {cmd: cp params.yaml metrics.yaml, params: [f1, loss, odd, f1_stderr], metrics: [metrics.yaml]}
  bad: {cmd: exit 1, deps: [metrics.yaml]}
END
  printf 'f1: 0.99\nloss: 1\nodd: 1\nf1_stderr: 0.05\n' >params.yaml
  fails 1 run
  [ "$(values f1)" = "0.5" ]
  [ "$(values f1 --all)" = "0.99" ]
}

@test "nothing to choose from is status 1" {
  project
  attempt .nan 2
  fails 1 best f1
  says "no run that succeeded has a number for 'f1'"
  attempt 0.5 2
  fails 1 best f1 --where 'params.f1 > 1'
  fails 2 best f1 --where 'params.f1 >'
  says "--where:1:12: a value is missing"
}

@test "the winner of several is told to be optimistic, with those within one standard error" {
  project
  attempt 0.5 3
  succeeds best f1
  says_not "optimistic"
  attempt 0.90 2
  attempt 0.87 2
  attempt 0.80 2
  succeeds best f1
  says "the best of 4 experiments: its score is optimistic"
  says "1 more is within one standard error (0.05)"
  [ "$(values f1 --within-one-error)" = "0.9 0.87" ]
  succeeds best f1 -n 3 --json
  holds '[x["is_within_one_error"] for x in r["runs"]] == [True, True, False]'
}

@test "what best prints names a run" {
  project
  attempt 0.5 3
  attempt 0.9 2
  attempt 0.7 1
  succeeds best f1 --format csv
  id=$(sed -n '2s/,.*//p' "$OUT")
  succeeds show "$id"
  succeeds diff "$id" @
  succeeds best f1
  id=$(sed -n '2s/ .*//p' "$OUT")
  succeeds show "$id"
}

@test "where no run fits, and where a column is mistyped, one line says so" {
  project
  attempt 0.5 3
  fails 1 best --metric f1 --where 'params.loss = 9'
  grep -qF "no run that succeeded and fits --where has a number for 'f1'" "$ERR"
  fails 1 best --metric f1 --all --where 'params.loss = 9'
  grep -qF "no run that fits --where has a number for 'f1'" "$ERR"
  fails 2 runs --sort losss
  [ "$(head -n 1 "$ERR")" = "mlops: no run has a column 'losss' (did you mean 'loss'?)" ] || tell line
}

@test "f1 is that of the positive class where built-in evaluations have several" {
  printf 'label,score\n0,0.1\n0,0.6\n1,0.4\n1,0.8\n' >p.csv
  pipeline <<<'stages: {judge: {kind: evaluate, predictions: p.csv, task: binary}}'
  succeeds run
  [ "$(values f1)" = "0.5" ]
  succeeds best --metric f1 --json
  holds 'r["metric"] == "binary.f1"'
  succeeds runs --sort metrics.recall --columns f1 --filter 'metrics.f1 > 0.4'
}

@test "a standard error goes by the level of the interval" {
  pipeline <<'END'
stages:
  train:
    cmd: cp params.yaml metrics.yaml
    params: [f1, intervals]
    metrics: [metrics.yaml]
END
  printf 'f1: 0.5\nintervals: {f1: {low: 0.3, high: 0.7, level: 0.6826894921370859}}\n' >params.yaml
  succeeds run
  succeeds best f1 --json
  holds 'abs(r["runs"][0]["standard_error"] - 0.2) < 1e-9'
}
