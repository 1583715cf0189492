#!/usr/bin/env bats
# What a sweep tries: keys of all kinds, in every form of a sweep file, and the same again.

load helper

two_files() {
  printf 'train:\n  lr: 0.5 # as in the paper\n  layers: [1, 2, 3]\n  flag: true\n' >params.yaml
  echo 'seed: 1' >other.yaml
  pipeline <<'END'
stages:
  train:
    cmd: cat params.yaml other.yaml > seen.txt; sed -n 's/.*lr:[^0-9]*\([0-9.]*\).*/{"f1":\1}/p' params.yaml > metrics.json
    params: [train, {other.yaml: [seed]}]
    outs: [seen.txt]
    metrics: [metrics.json]
END
  succeeds init
}

# What the newest sweep gave its trials, "key=value key=value" a line, in the order of the trials.
tried() {
  succeeds sweep show --json
  "$PYTHON" -I -S -c '
import json, sys
for trial in sorted(json.load(open(sys.argv[1]))["trials"], key=lambda x: x["trial"]):
    print(*(p["key"] + "=" + (p["value"] or "~") for p in trial["params"]))
' "$OUT"
}

# tries LINE...: and nothing else.
tries() {
  diff <(tried) <(printf '%s\n' "$@") || tell "wanted: $*"
}

@test "keys that are new, removed, items of a list and of another file" {
  two_files
  succeeds sweep -S '+train.decay=1,2' -m f1
  tries train.decay=1 train.decay=2
  succeeds sweep -S 'params.yaml:+train.sub.deep=uniform(0,1)' -S '~train.flag' -n 2 -m f1
  tried | grep -c '^train.flag=~ train.sub.deep=0\.' | grep -x 2
  succeeds sweep -S 'train.layers[1]=8,9' -S other.yaml:seed=4 -m f1
  tries 'seed=4 train.layers.1=8' 'seed=4 train.layers.1=9'
  grep -q ' layers.1=9$' <("$MLOPS" sweep -S 'train.layers[1]=8,9' -m f1 2>&1)
  fails 3 sweep -S '+train.lr=1,2' -m f1
  grep -q "'train.lr' is there already" "$ERR"
  succeeds sweep -S train.lr=0.1 -S '~train.flag' -m f1 --keep-work
  diff .mlops/work/*/params.yaml <(printf 'train:\n  lr: 0.1 # as in the paper\n  layers: [1, 2, 3]\n')
}

@test "a sweep file says it as a mapping, as words, or one by one" {
  two_files
  cat >sweep.yaml <<'END'
params: {train.lr: [0.1, 0.2], train.layers: [[1], [2, 3]]}
fixed: {other.yaml:seed: 5}
metric: {file: metrics.json, key: f1}
direction: min
END
  succeeds sweep --file sweep.yaml
  tries 'seed=5 train.layers=[1] train.lr=0.1' 'seed=5 train.layers=[2, 3] train.lr=0.1' \
    'seed=5 train.layers=[1] train.lr=0.2' 'seed=5 train.layers=[2, 3] train.lr=0.2'
  grep -q 'best f1 0.1: trial 1' <("$MLOPS" sweep --file sweep.yaml 2>&1)
  printf "params: ['+train.decay=1,2', 'train.layers[0]=9']\nmetric: f1\n" >sweep.yaml
  succeeds sweep --file sweep.yaml
  tries 'train.decay=1 train.layers.0=9' 'train.decay=2 train.layers.0=9'
  cat >sweep.yaml <<'END'
list:
  - {train.lr: 0.1, other.yaml:seed: 4}
  - [train.lr=0.2, ~train.flag, +train.decay=1]
  - [{key: seed, file: other.yaml, text: '7'}]
metric: f1
END
  succeeds sweep --file sweep.yaml
  tries 'seed=4 train.lr=0.1' 'train.decay=1 train.flag=~ train.lr=0.2' seed=7
}

@test "the pipeline's own sweep is what is tried if nothing else is said" {
  two_files
  printf 'sweep:\n  params: {train.lr: "uniform(0, 1)"}\n  fixed: {other.yaml:seed: 3}\n  trials: 2\n  metric: f1\n' >>pipeline.yaml
  succeeds sweep
  tried | grep -c '^seed=3 train.lr=0' | grep -x 2
  succeeds sweep -S train.lr=0.1,0.2,0.3
  tries train.lr=0.1 train.lr=0.2 train.lr=0.3
  grep -q 'best f1 0.3' <("$MLOPS" sweep -S train.lr=0.1,0.3 2>&1)
}

@test "the same seed tries the same, also 0 in front of a file that has another" {
  two_files
  printf 'params: {train.lr: "uniform(0, 1)"}\ntrials: 2\nseed: 5\nmetric: f1\n' >sweep.yaml
  succeeds sweep --file sweep.yaml
  tried >of-5
  succeeds sweep -S 'train.lr=uniform(0,1)' -n 2 -m f1 --seed 5
  tried | diff of-5 -
  succeeds sweep -S 'train.lr=uniform(0,1)' -n 2 -m f1
  tried >of-0
  succeeds sweep --file sweep.yaml --seed 0
  tried | diff of-0 -
  not cmp -s of-0 of-5
}

@test "no trials, no time and no repeats are refused" {
  two_files
  fails 2 sweep -S train.lr=1,2 -n 0
  fails 2 sweep -S train.lr=1,2 --max-time 0
  fails 2 sweep -S train.lr=1,2 --repeat 0
  [ ! -e metrics.json ]
}

@test "killed and gone on with, each method tries what it would have tried" {
  two_files
  local method words
  for method in grid random tpe halving; do
    case $method in
    grid) words=(-S 'train.lr=0.1,0.2,0.3' -S 'other.yaml:seed=1,2') ;;
    random) words=(-S 'train.lr=uniform(0,1)' -n 6 --seed 3) ;;
    tpe) words=(-S 'train.lr=uniform(0,1)' -S 'other.yaml:seed=1,2' --method tpe -n 14 --seed 3) ;;
    halving) words=(-S 'train.lr=0.1,0.2,0.3,0.4,0.6,0.7,0.8,0.9' --stop halving --budget other.yaml:seed=1..9) ;;
    esac
    succeeds sweep "${words[@]}" -m f1 -j1
    tried >"$method-whole"
    setsid "$MLOPS" sweep "${words[@]}" -m f1 -j4 --force --name "$method" </dev/null >/dev/null 2>&1 &
    until "$MLOPS" sweep show "$method" --json 2>/dev/null | grep -q '"succeeded"'; do sleep 0.02; done
    kill -9 $!
    wait $! || true
    mlops sweep --resume "$method" -j4 # 3: it was done before the kill
    [ "$status" -eq 0 ] || [ "$status" -eq 3 ] || tell "resume of $method"
    tried | diff "$method-whole" - || tell "$method"
  done
}

@test "a driver that is killed has used up its time" {
  two_files
  sed -i 's/cmd: /cmd: test ! -e slow || sleep 9; /' pipeline.yaml
  touch slow
  setsid "$MLOPS" sweep -S train.lr=1,2 --max-time 2h </dev/null >/dev/null 2>&1 &
  sleep 2.2
  kill -9 $!
  wait $! || true
  succeeds sweep show --json
  holds "1 <= r['spent_s'] < 9"
}

@test "what a driver leaves that is killed meanwhile goes with the last one" {
  two_files
  sed -i 's/cmd: /cmd: test ! -e slow || sleep 0.5; /' pipeline.yaml
  touch slow
  setsid "$MLOPS" sweep -S train.lr=1,2,3,4 -j1 --name left </dev/null >/dev/null 2>&1 &
  until [ -e .mlops/work/left-1 ] || compgen -G ".mlops/work/*-1" >/dev/null; do sleep 0.02; done
  # As if it had been killed between the record of its first trial and the removal of the directory.
  mkdir -p .mlops/work/.mlops-gone-left-1
  wait $!
  [ -z "$(ls -A .mlops/work)" ]
}
