#!/usr/bin/env bats
# Trials where places, stages and other drivers are unusual.
load helper

@test "a sweep that a stage starts leaves nothing in the history, and does not go on with its own" {
  two_stages
  sed -i 's/{ cat clean.txt/"$MLOPS" sweep -S lr=7 \&\& exit 9; "$MLOPS" sweep --resume \&\& exit 9; echo refused >>"$DID.refused"; { cat clean.txt/' pipeline.yaml
  export MLOPS
  succeeds sweep -S lr=1,2,3 -j1
  says '3 succeeded'
  [ "$(wc -l <"$DID.refused")" = 3 ]
  succeeds sweep list --json
  holds 'len(r["sweeps"]) == 1 and r["sweeps"][0]["status"] == "done"'
}

@test "the project's path may be made of any bytes" {
  for name in $'a\nb' $'a\tb' $'a\xffb' 'a%0Ab,c:d\' 'x=y,z'; do
    mkdir -p "$BATS_TEST_TMPDIR/odd/$name"
    cd "$BATS_TEST_TMPDIR/odd/$name"
    git_init
    two_stages
    mkdir cache
    echo cache >>.gitignore
    sed -i 's/{ cat clean.txt/echo x > cache\/x; { cat clean.txt/' pipeline.yaml
    for isolation in directory namespace; do
      [ $isolation = directory ] || unshare -m true 2>/dev/null || unshare -rm true 2>/dev/null || continue
      rm -f cache/x
      succeeds sweep -S lr=1,2 -f --isolation $isolation
      says '2 succeeded'
      [ -z "$(ls .mlops/work)" ]
      [ $isolation = directory ] || [ ! -e cache/x ]
    done
  done
}

@test "what is mounted inside of an ignored directory is there, and can't be written" {
  unshare -m true 2>/dev/null || skip "only root can mount"
  git_init
  two_stages
  mkdir -p data/raw 'data/a b'
  echo data >>.gitignore
  sed -i 's/{ cat clean.txt/cat data\/raw\/f "data\/a b\/in\/g" >> "$DID.seen"; touch data\/raw\/new \&\& exit 9; touch data\/new; { cat clean.txt/' pipeline.yaml
  export MLOPS
  unshare -m sh -ec '
    mount -t tmpfs none data/raw; echo one > data/raw/f
    mount -t tmpfs none "data/a b"; mkdir "data/a b/in"; mount -t tmpfs none "data/a b/in"; echo two > "data/a b/in/g"
    "$MLOPS" sweep -S lr=1'
  [ "$(tr '\n' ' ' <"$DID.seen")" = 'one two ' ]
  [ ! -e data/new ]
}

@test "a work directory that can't be removed does not end the sweep" {
  touch it
  chattr +i it 2>/dev/null || skip "no immutable files here"
  chattr -i it
  rm it
  two_stages
  sed -i 's/{ cat clean.txt/touch fixed; chattr +i fixed; { cat clean.txt/' pipeline.yaml
  mlops sweep -S lr=1,2,3 -j1
  chattr -R -i .mlops/work
  [ "$status" = 0 ]
  says '3 succeeded'
  [ "$(grep -c "warning: cannot remove the work directory .*Operation not permitted" "$ERR")" = 3 ] || tell warnings
  sed -i 's/chattr +i fixed; //' pipeline.yaml
  succeeds sweep -S lr=4
  [ -z "$(ls -A .mlops/work)" ]
}

@test "what another driver is about to remove is waited for" {
  two_stages
  sed -i 's/{ cat clean.txt/touch "$DID.begun"; [ -e "$DID.go" ] || sleep 300; { cat clean.txt/' pipeline.yaml
  "$MLOPS" sweep -S lr=1 >"$OUT" 2>"$ERR" &
  driver=$!
  for _ in $(seq 100); do [ -e "$DID.begun" ] && break || sleep 0.1; done
  kill -9 "$driver" $(pgrep -P "$driver")
  touch "$DID.go"
  flock .mlops/work/*-1 sleep 1 &
  sleep 0.2
  succeeds sweep --resume
  says '1 succeeded'
}

@test "outputs that are neither cached nor tracked are each trial's own, also below ignored directories" {
  git_init
  mkdir -p reports/deep big
  echo mine | tee reports/m.yaml reports/deep/n big/o >/dev/null
  echo kept >reports/other
  echo 'lr: 0' >params.yaml
  printf 'reports\nbig\n' >.gitignore
  pipeline <<'END'
stages:
  train:
    cmd: grep -q kept reports/other; mkdir -p reports/deep big; cp params.yaml reports/m.yaml; sleep 0.3; cp params.yaml reports/deep/n; cp params.yaml big/o
    params: [lr]
    outs:
      - reports/deep/n: {cache: false}
      - big: {cache: false}
    metrics:
      - reports/m.yaml: {cache: false}
END
  commit_all
  for isolation in directory namespace; do
    [ $isolation = directory ] || unshare -m true 2>/dev/null || unshare -rm true 2>/dev/null || continue
    succeeds sweep -S lr=1,2,3,4 -m lr --max -j4 -f --isolation $isolation
    says "4 succeeded"
    [ "$(cat reports/m.yaml reports/deep/n big/o reports/other | sort -u | tr '\n' ' ')" = "kept mine " ]
    succeeds sweep show --format csv
    [ "$(ls reports big | tr '\n' ' ')" = "big: o  reports: deep m.yaml other " ]
  done
}

@test "steps of a trial are its own, also below ignored directories" {
  git_init
  mkdir logs
  echo step,lr >logs/steps.csv
  echo 'lr: 0' >params.yaml
  echo logs >.gitignore
  pipeline <<'END'
stages:
  train:
    cmd: echo step,lr > logs/steps.csv; sed 's/lr. /1,/' params.yaml >> logs/steps.csv; cp params.yaml m.yaml
    params: [lr]
    metrics: [m.yaml]
END
  commit_all
  for revision in '' HEAD; do
    succeeds sweep -S lr=1,2 -m lr --max --steps logs/steps.csv -f --isolation directory ${revision:+--rev $revision}
    says "2 succeeded"
    holds_text logs/steps.csv step,lr
  done
}
