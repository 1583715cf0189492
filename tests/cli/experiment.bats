#!/usr/bin/env bats
# `mlops run -P`: one experiment in a directory of its own, told as a run is.

load helper

project() {
  git_init
  two_stages
  cat >train.sh <<'END'
echo train >>"$DID"
cat clean.txt params.yaml >model.txt
echo "{\"f1\": $(awk '/^lr:/ { print $2 }' params.yaml)}" >metrics.json
if grep -q 'lr: 9' params.yaml; then echo bad rate; exit 5; fi
END
  sed -i '/cmd: echo train/s/cmd:.*/cmd: sh train.sh/; s/deps: .clean.txt./deps: [clean.txt, train.sh]/' pipeline.yaml
  sed -i 's/outs: .model.txt./&\n    metrics: [metrics.json]/' pipeline.yaml
  commit_all
  succeeds run
  commit_all
  rm -f "$DID"
}

@test "an experiment leaves the work tree, the lock and the index as they are" {
  project
  git status --porcelain >"$BATS_TEST_TMPDIR/before"
  sha256sum pipeline.lock params.yaml model.txt metrics.json .git/index >"$BATS_TEST_TMPDIR/sums"
  succeeds run -P lr=2
  did train
  grep -q '^\[2/2\] train ran' "$ERR"
  grep -q '1 ran, 1 restored' "$OUT"
  grep -q 'f1 2 (+1)' "$OUT"
  tail -n 1 "$OUT" | grep -Eq '^mlops apply [0-9A-Z]{8}$'
  git status --porcelain | diff "$BATS_TEST_TMPDIR/before" -
  sha256sum --quiet -c "$BATS_TEST_TMPDIR/sums"
  [ -z "$(ls .mlops/work)" ]
}

@test "what it found is known afterwards" {
  project
  succeeds run -P lr=2
  rm -f "$DID"
  echo 'lr: 2' >params.yaml
  ran restored=1 unchanged=1
  did
}

@test "its answer as JSON is that of a run" {
  project
  succeeds run -P lr=2 --json
  counts executed=1 restored=1
  holds 's["train"]["metrics"]["metrics.json:f1"] == 2'
}

@test "a stage that fails is told as in a run" {
  project
  fails 1 run -P lr=9
  grep -q 'train failed' "$ERR"
  grep -q 'bad rate' "$ERR"
  ! grep -q "mlops apply" "$OUT" || false
  [ -z "$(ls .mlops/work)" ]
}

@test "experiments are no sweeps in the list" {
  project
  succeeds run -P lr=2
  succeeds sweep list --json
  holds "r['sweeps'] == []"
  succeeds runs --json
  holds "r['runs'][0]['parent'] == r['runs'][1]['run']"
}

@test "--quiet says nothing" {
  project
  succeeds run -P lr=3 --quiet
  [ ! -s "$OUT" ] && [ ! -s "$ERR" ]
}

@test "an experiment takes what a run takes" {
  two_stages
  cat >>pipeline.yaml <<'END'
  broken: {cmd: 'echo broken >> "$DID"; exit 3', deps: [raw.txt], outs: [never.txt]}
  other: {cmd: 'echo other >> "$DID"; cp raw.txt other.txt', deps: [raw.txt], outs: [other.txt]}
END
  mlops run -k
  : >"$DID"
  fails 1 run -P lr=2 --keep-going --force -j1 --json
  holds 'c["failed"] == 1'
  [ "$(sort "$DID" | tr '\n' ' ')" = "broken other prepare train " ]
  : >"$DID"
  succeeds run train --only -P lr=3 --json
  holds 'list(s) == ["train"]'
  did train
  : >"$DID"
  succeeds run 'tr*' --glob -P lr=4 --lock-timeout 5s
  did train
  : >"$DID"
  succeeds run prepare --downstream -P lr=5 --force
  did prepare train
}

@test "a sweep hands on how its trials are to run" {
  two_stages
  cat >>pipeline.yaml <<'END'
  broken: {cmd: 'exit 3', params: [lr], outs: [never.txt]}
END
  fails 1 sweep -S lr=5,6 -j1 --keep-going
  [ "$(grep -c train "$DID")" -eq 2 ]
  : >"$DID"
  fails 1 sweep -S lr=5,6 -j1 --minimal --force-downstream --lock-timeout 1m --no-dvc-lock --allow-missing
  fails 2 sweep --resume --pull
}

@test "stages of a dvc.yaml run one by one, also in an experiment, unless -j is given" {
  git_init
  echo 'x: 1' >params.yaml
  cat >busy.sh <<'END'
mkdir "$DID.lock" 2>/dev/null || echo overlap >>"$DID"
sleep 0.3
rmdir "$DID.lock" 2>/dev/null || :
echo 1 >$1
END
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: sh busy.sh a, deps: [busy.sh], params: [x], outs: [a]}
  b: {cmd: sh busy.sh b, deps: [busy.sh], params: [x], outs: [b]}
END
  succeeds run -P x=2
  [ ! -e "$DID" ]
  succeeds run -P x=3 -j2
  grep -q overlap "$DID"
}
