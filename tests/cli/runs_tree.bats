#!/usr/bin/env bats
# Runs, sweeps and experiments in one list and as a tree.
load helper

# A stage that reports what it was given: quick, and its score is known.
scored() {
  echo raw >raw.txt
  echo 'lr: 0.5' >params.yaml
  pipeline <<'END'
stages:
  train:
    cmd: 'lr=$(sed -n "s/lr: //p" params.yaml); echo "{\"f1\": $lr}" > m.json; cat raw.txt params.yaml > model.txt'
    deps: [raw.txt]
    params: [lr]
    outs: [model.txt]
    metrics: [{m.json: {cache: false}}]
END
}

swept() {
  scored
  succeeds run
  succeeds sweep -S "lr=${1:-0.1,0.3,0.2}" -m f1 --max --name tune
}

# ids of the lines of a CSV of runs, by kind
kinds() {
  "$PYTHON" -c 'import csv, sys
print(*[row["kind"] for row in csv.DictReader(sys.stdin)])'
}

@test "a sweep is one line among runs, its trials are listed when asked for" {
  swept
  succeeds runs --format csv
  [ "$(kinds <"$OUT")" = "sweep run" ]
  grep -q 'sweep: 3 succeeded' "$OUT"
  succeeds runs --all --format csv
  [ "$(kinds <"$OUT")" = "trial trial trial run" ]
  succeeds runs --sweep tune --format csv
  [ "$(kinds <"$OUT")" = "trial trial trial" ]
  succeeds runs --status succeeded --format csv
  [ "$(kinds <"$OUT")" = "trial trial trial run" ]
  succeeds runs --sort metrics.f1:desc --columns name,metrics.f1 --format csv
  [ "$(sed -n 2p "$OUT")" = ",0.5" ]
  [ "$(sed -n 3p "$OUT")" = "tune-2,0.3" ]
}

@test "as many lines as asked for, of runs and sweeps together" {
  swept
  echo changed >raw.txt
  succeeds run
  succeeds runs -n 2 --format csv
  [ "$(kinds <"$OUT")" = "run sweep" ]
  succeeds runs -n 1 --json
  holds "(len(r['runs']), len(r['sweeps'])) == (1, 0)"
  succeeds runs --json
  holds "(len(r['runs']), r['sweeps'][0]['name'], r['sweeps'][0]['trials']['succeeded']) == (2, 'tune', 3)"
}

@test "an experiment is a run like others" {
  scored
  succeeds run
  succeeds run -P lr=0.9
  succeeds runs --json
  holds "[run['trial'] for run in r['runs']] == [1, None]"
  holds "r['sweeps'] == []"
  holds "r['runs'][0]['parent'] == r['runs'][1]['run']"
}

@test "the newest run is one of the project's own, whatever was tried since" {
  swept
  succeeds show --json
  holds "(r['name'], r['experiment']) == (None, None)"
  succeeds diff
  fails 2 show tune
  grep -q "'tune' is a sweep, not a run" "$ERR"
}

@test "a trial says its sweep, number, score and what it changed" {
  swept
  succeeds show tune-2
  grep -Eq '^sweep +[0-9A-Z]{8} tune, trial 2$' "$OUT"
  grep -Eq '^score +f1 0.3$' "$OUT"
  grep -Eq '^set +lr=0.3$' "$OUT"
  succeeds show tune-2 --json
  holds "(r['trial'], r['experiment']['score'], r['experiment']['params'][0]['key']) == (2, 0.3, 'lr')"
}

@test "the tree hangs sweeps and experiments below the run they started from" {
  swept
  succeeds run -P lr=0.9
  succeeds runs --tree
  grep -Eq '^[0-9A-Z]{8} ' "$OUT"
  grep -Eq '^├─ [0-9A-Z]{8} .* lr=0.9 ' "$OUT"
  grep -Eq '^└─ sweep [0-9A-Z]{8} .* tune$' "$OUT"
  grep -Eq '^   ├─ [0-9A-Z]{8} .* 0.3 +lr=0.3 +tune-2$' "$OUT"
  [ "$(grep -c lr= "$OUT")" -eq 4 ]
  succeeds runs --tree --json
  holds "[child['kind'] for child in r['runs'][0]['children']] == ['run', 'sweep']"
  holds "[trial['score'] for trial in r['runs'][0]['children'][1]['children']] == [0.3, 0.2, 0.1]"
  succeeds runs --tree --format csv
  [ "$(kinds <"$OUT")" = "run run sweep trial trial trial" ]
}

@test "of many trials the tree shows the best ten" {
  swept '0.1,0.2,0.3,0.4,0.5,0.6,0.7,0.8,0.9,0.15,0.25,0.35'
  succeeds runs --tree
  grep -q '└─ 2 more' "$OUT"
  grep -q 'tune-9$' "$OUT"
  [ "$(grep -c 'tune-1$' "$OUT")" -eq 0 ]
  succeeds runs --tree --all
  [ "$(grep -c 'lr=' "$OUT")" -eq 12 ]
}

@test "a base older than what is listed is listed, too" {
  swept
  for text in a b c; do
    echo "$text" >raw.txt
    mlops run
  done
  succeeds runs --tree -n 2 --json
  holds "[[child['kind'] for child in run['children']] for run in r['runs']] == [[], [], ['sweep']]"
}
