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
  fails 3 sweep -S '+train.lr=1,2' -m f1
  grep -q "'train.lr' is there already" "$ERR"
  succeeds sweep -S train.lr=0.1 -S '~train.flag' -m f1 --keep-work
  diff .mlops/work/*/params.yaml <(printf 'train:\n  lr: 0.1 # as in the paper\n  layers: [1, 2, 3]\n')
}
