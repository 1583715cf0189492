# runs --sort, --filter, --columns
load helper

# A project whose stage writes metrics from its parameters; tried with several.
tried() {
  cat >pipeline.yaml <<'END'
stages:
  train:
    cmd: >
      printf '{"f1": %s, "deep": {"loss": %s}, "name": "%s"}' "$(sed -n 's/^x: //p' params.yaml)"
      "$(sed -n 's/^y: //p' params.yaml)" "$(sed -n 's/^model: //p' params.yaml)" >metrics.json
    params: [x, y, model, section]
    metrics: [metrics.json]
END
  attempt 0.5 3 tree
  attempt 0.9 2 forest
  attempt 0.7 1 tree
}

attempt() {
  printf 'x: %s\ny: %s\nmodel: %s\nsection: {lr: %s, deeper: {x y: 1}}\n' "$1" "$2" "$3" "0.0$2" >params.yaml
  succeeds run
}

# history STATEMENTS: on the database; prints what the last one answers.
history() {
  "$PYTHON" - "$1" <<'END'
import sqlite3, sys
database = sqlite3.connect(".mlops/lineage.db")
for statement in sys.argv[1].split(";"):
    for row in database.execute(statement).fetchall():
        print(*row)
database.commit()
END
}

# f1 of the runs that are listed, in their order.
f1s() {
  succeeds runs --columns f1 --json "$@"
  "$PYTHON" -c 'import json,sys; print(*[x["f1"] for x in json.load(open(sys.argv[1]))["runs"]])' "$OUT"
}

@test "runs are sorted by a metric, both ways, those without one last" {
  tried
  pipeline <<<'stages: {other: {cmd: echo 1 >x, outs: [x]}}'
  succeeds run
  [ "$(f1s --sort metrics.f1)" = "0.5 0.7 0.9 None" ]
  [ "$(f1s --sort metrics.f1:desc)" = "0.9 0.7 0.5 None" ]
  [ "$(f1s --sort 'metrics.f1 DESC')" = "0.9 0.7 0.5 None" ]
  [ "$(f1s --sort=-f1 -n 1)" = "0.9" ]
  [ "$(f1s --sort params.model:desc,deep.loss)" = "0.7 0.5 0.9 None" ]
  [ "$(f1s --sort started)" = "0.5 0.9 0.7 None" ]
}

@test "runs are filtered by metrics, parameters and fields" {
  tried
  [ "$(f1s --filter 'metrics.f1 > 0.6')" = "0.7 0.9" ]
  [ "$(f1s --filter 'metrics.f1 > 0.6 and params.model = "tree"')" = "0.7" ]
  [ "$(f1s --filter "params.model == forest or loss >= 3")" = "0.9 0.5" ]
  [ "$(f1s --filter "not (params.model = 'forest')")" = "0.7 0.5" ]
  [ "$(f1s --filter 'metrics.json:f1 = 0.90')" = "0.9" ]
  [ "$(f1s --filter 'metrics.metrics.json:f1 = 0.9')" = "0.9" ]
  [ "$(f1s --filter 'metrics.deep.loss <= 2 and status = succeeded and duration < 5m')" = "0.7 0.9" ]
  [ "$(f1s --filter 'started > 2020-01-01 and started < "2999-01-01 10:00"')" = "0.7 0.9 0.5" ]
  [ "$(f1s --filter 'started < 2020')" = "" ]
  [ "$(f1s --filter 'params.section.lr < 0.02')" = "0.7" ]
  [ "$(f1s --filter 'params.section.deeper.`x y` = 1 and name is null')" = "0.7 0.9 0.5" ]
  [ "$(f1s --filter 'metrics.name like "t%"')" = "0.7 0.5" ]
}

@test "MLflow's names and words are understood" {
  tried
  [ "$(f1s --filter "attributes.status = 'FINISHED' and attributes.start_time > 1577836800000")" = "0.7 0.9 0.5" ]
  [ "$(f1s --filter 'metrics.`f1` > 0.8 AND params."model" LIKE "for%"')" = "0.9" ]
  [ "$(f1s --filter "tags.mlflow.user != 'nobody-at-all'")" = "0.7 0.9 0.5" ]
}

@test "columns are what was asked for, also all of them" {
  tried
  succeeds runs --columns 'run,metrics.f1,params.model' --format csv
  [ "$(head -1 "$OUT")" = "run,metrics.f1,params.model" ]
  [ "$(wc -l <"$OUT")" -eq 4 ]
  succeeds runs -n 0 --columns 'metrics.*,params.*' --json
  holds 'sorted(r["runs"][0]) == ["metrics.deep.loss", "metrics.f1", "metrics.name", "params.model",
    "params.section.deeper.x y", "params.section.lr", "params.x", "params.y"]'
  succeeds runs --sort f1 --filter 'params.model != forest' --json
  holds '[x["values"]["f1"] for x in r["runs"]] == [0.5, 0.7] and len(r["runs"][0]["run"]) == 26'
  succeeds runs --columns started,duration,metrics.f1 --format md
  grep -q '| *metrics.f1' "$OUT"
}

@test "what changes nothing keeps the values" {
  tried
  succeeds run
  succeeds run
  [ "$(f1s --filter 'f1 = 0.7')" = "0.7 0.7 0.7" ]
  attempt 0.5 3 tree
  [ "$(f1s)" = "0.5 0.7 0.7 0.7 0.9 0.5" ]
}

@test "a run that failed has the state that it left, which is the one before" {
  tried
  pipeline <<<'stages: {train: {cmd: exit 1, params: [x], metrics: [metrics.json]}}'
  fails 1 run
  [ "$(f1s)" = "0.7 0.7 0.9 0.5" ]
  [ "$(f1s --filter 'status = failed')" = "0.7" ]
  [ "$(f1s --filter 'not f1 > 0.6')" = "0.5" ]
}

@test "mistakes are pointed at, with the nearest name" {
  tried
  fails 2 runs --filter 'status = succeeded and metrics.f2 > 1'
  says "--filter:1:24: no run has the metric 'f2' (did you mean 'metrics.f1'?)"
  fails 2 runs --filter 'branch = main and (f1 > 0.3'
  says "--filter:1:19: this '(' is not closed"
  fails 2 runs --filter 'duration > soon'
  says "--filter:1:12: 'duration' is compared with a time"
  fails 2 runs --sort metrics.nothing
  says "no run has the metric 'nothing'"
  fails 2 runs --columns statsu
  says "did you mean 'status'?"
  fails 2 runs --sort 'f1 up'
  says "',' is expected before 'up'"
}

@test "the same name in two files must be told apart" {
  pipeline <<<'stages: {a: {cmd: "echo f1: 1 >a.yaml; echo f1: 2 >b.yaml", metrics: [a.yaml, b.yaml]}}'
  succeeds run
  fails 2 runs --sort f1
  says "'f1' may mean metrics.a.yaml:f1, metrics.b.yaml:f1"
  succeeds runs --columns 'metrics.b.yaml:f1' --json
  holds 'r["runs"] == [{"metrics.b.yaml:f1": 2}]'
  succeeds runs --columns 'metrics.*' --json
  holds 'r["runs"] == [{"metrics.a.yaml:f1": 1, "metrics.b.yaml:f1": 2}]'
}

@test "a history of an earlier format is read as well, and brought up to date by a run" {
  tried
  history 'DROP TABLE report; DROP TABLE trial_run; DROP TABLE trial; DROP TABLE sweep; DROP TABLE course; DROP TABLE quantity; DROP TABLE lane; PRAGMA user_version = 2'
  [ "$(f1s --sort f1)" = "0.5 0.7 0.9" ]
  [ "$(history 'PRAGMA user_version' | tail -1)" = 2 ]
  attempt 0.6 1 tree
  [ "$(history 'PRAGMA user_version' | tail -1)" = 4 ]
  [ "$(f1s --sort f1)" = "0.5 0.6 0.7 0.9" ]
}

@test "a history that was made anew sorts as before" {
  tried
  succeeds verify --rebuild-lineage
  [ "$(f1s --sort f1:desc)" = "0.9 0.7 0.5" ]
}

@test "a column that is named twice is there once" {
  tried
  succeeds runs --columns 'metrics.f1,metrics.*,f1,run,run' --json
  [ "$(grep -c '"run"' "$OUT")" -eq 3 ]
  [ "$(grep -c 'f1"' "$OUT")" -eq 3 ]
}
