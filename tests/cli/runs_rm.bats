#!/usr/bin/env bats
# Runs that are taken out of the history.
load helper

scored() {
  echo raw >raw.txt
  echo 'lr: 0.5' >params.yaml
  pipeline <<'END'
stages:
  train:
    cmd: 'echo train >> "$DID"; lr=$(sed -n "s/lr: //p" params.yaml); echo "{\"f1\": $lr}" > m.json; cat raw.txt params.yaml > model.txt'
    deps: [raw.txt]
    params: [lr]
    outs: [model.txt]
    metrics: [{m.json: {cache: false}}]
END
}

run_of() {
  succeeds runs -n 1 --json
  "$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))["runs"][0]["run"])' "$OUT"
}

count_runs() {
  succeeds runs --all -n 0 --json
  "$PYTHON" -c 'import json, sys; print(len(json.load(open(sys.argv[1]))["runs"]))' "$OUT"
}

@test "a run goes with all that belongs to it, others stay" {
  scored
  succeeds run
  old=$(run_of)
  echo more >raw.txt
  succeeds run
  new=$(run_of)
  succeeds runs rm "$old"
  [ "$(cat "$OUT")" = "removed 1 run" ]
  [ "$(count_runs)" -eq 1 ]
  fails 2 show "$old"
  succeeds show "$new"
  succeeds verify --rebuild-lineage
  [ "$(count_runs)" -eq 1 ]
  succeeds verify
  succeeds run --json
  holds "r['counts']['executed'] == 0"
}

@test "what would go can be seen beforehand" {
  scored
  succeeds run
  old=$(run_of)
  echo more >raw.txt
  succeeds run
  succeeds runs rm --dry-run "$old" --json
  holds "(r['dry_run'], r['runs'][0]['run'] == '$old') == (True, True)"
  [ "$(count_runs)" -eq 2 ]
}

@test "tagged runs and the one of the lock file are refused by name, and nothing goes" {
  scored
  succeeds run
  succeeds tag @ keep
  old=$(run_of)
  echo more >raw.txt
  succeeds run
  other=$(run_of)
  echo most >raw.txt
  succeeds run
  fails 2 runs rm "$other" keep
  grep -q "run ${old:18} is tagged 'keep'" "$ERR"
  fails 2 runs rm @
  grep -q "wrote the lock file of the work tree" "$ERR"
  [ "$(count_runs)" -eq 3 ]
  succeeds tag --delete keep
  succeeds runs rm "$other" "$old"
  [ "$(count_runs)" -eq 1 ]
}

@test "a sweep goes with its trials, gc frees what they made" {
  scored
  succeeds run
  succeeds sweep -S lr=0.1,0.2,0.3 -m f1 --max --name tune
  succeeds tag tune-2 best
  fails 2 runs rm --sweep tune
  grep -q "is tagged 'best'" "$ERR"
  succeeds tag --delete best
  succeeds runs rm --sweep tune --dry-run --json
  holds "len(r['runs']) == 3"
  succeeds runs rm --sweep tune
  grep -q 'removed 3 runs and sweep' "$OUT"
  [ "$(count_runs)" -eq 1 ]
  fails 2 sweep show tune
  succeeds verify --rebuild-lineage
  fails 2 sweep show tune
  succeeds gc
  grep -q '; not needed but young: .*, 3 results (--grace 0' "$OUT"
  before=$(find .mlops/cache/obj -type f | wc -l)
  succeeds gc --yes --grace 0
  [ "$(find .mlops/cache/obj -type f | wc -l)" -lt "$before" ]
  succeeds run --json
  holds "r['counts']['executed'] == 0"
}

@test "a trial's run goes alone and its sweep does not try it again" {
  scored
  succeeds sweep -S lr=0.1,0.2 -m f1 --max --name tune
  succeeds runs rm tune-1
  : >"$DID"
  succeeds sweep --resume tune
  [ ! -s "$DID" ]
  succeeds sweep show tune --json
  holds "sorted((t['trial'], t['run'] is None) for t in r['trials']) == [(1, True), (2, False)]"
}

@test "an experiment goes with its run" {
  scored
  succeeds run
  succeeds run -P lr=0.9
  succeeds runs rm "$(run_of)"
  [ "$(count_runs)" -eq 1 ]
  succeeds verify --rebuild-lineage
  [ "$(count_runs)" -eq 1 ]
  [ -z "$(ls .mlops/cache/runs/*/sweep-* 2>/dev/null)" ]
}

@test "what is no run is told" {
  scored
  succeeds run
  fails 2 runs rm
  fails 2 runs rm nothing
  fails 2 runs remove
  grep -q "has no action 'remove'" "$ERR"
  fails 2 runs rm --sweep nothing
}
