# Outputs that come back from the cache, and what is never destroyed.
load helper

@test "deleted outputs come back without running anything" {
  two_stages
  ran executed=2
  rm clean.txt model.txt
  did prepare train
  ran restored=2
  did
  holds_text clean.txt RAW
  holds 'why("train") == ["output:model.txt"]'
  ran unchanged=2
}

@test "another branch and back: outputs are restored, not made again" {
  git_init
  two_stages
  ran executed=2
  commit_all one
  git checkout -q -b other
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  commit_all two
  git checkout -q main
  did prepare train train
  ran restored=1 unchanged=1
  grep -q 'lr: 1' model.txt
  git checkout -q other
  ran restored=1 unchanged=1
  grep -q 'lr: 2' model.txt
  did
  [ -z "$(git status --porcelain)" ]
}

@test "without the lock file everything is still known" {
  two_stages
  ran executed=2
  rm pipeline.lock
  ran unchanged=2
  did prepare train
  [ -e pipeline.lock ]
  rm pipeline.lock model.txt
  ran restored=1 unchanged=1
  did
}

@test "without the stat cache files are hashed again, and nothing runs" {
  two_stages
  ran executed=2
  rm -f .mlops/index.db*
  ran unchanged=2
  holds 'c["hashed_files"] == 3'
}

@test "without the lineage database the cache still holds" {
  two_stages
  ran executed=2
  rm -f .mlops/lineage.db*
  ran unchanged=2
  rm model.txt
  ran restored=1 unchanged=1
}

@test "a clone in CI runs every stage once, then none: plain lines, no colour, no question" {
  git_init
  two_stages
  succeeds run
  commit_all
  git clone -q . ../clone
  cd ../clone
  rm "$DID"
  CI=true mlops run
  [ "$status" -eq 0 ]
  did prepare train
  says "[1/2] prepare ran"
  says "[2/2] train ran"
  not grep -q $'\x1b' "$OUT" "$ERR"
  CI=true ran unchanged=2
  did
  [ -z "$(git status --porcelain)" ]
}

@test "a clone that brings uncached outputs and the lock has nothing to do" {
  git_init
  two_stages
  sed -i 's/outs: \[\(.*\)\]/outs: [{\1: {cache: false}}]/' pipeline.yaml
  ran executed=2
  commit_all
  git clone -q . ../clone
  cd ../clone
  rm "$DID"
  ran unchanged=2
  did
}

@test "a plain output with cache: false is found unchanged, but not restored" {
  pipeline <<'END'
stages:
  a:
    cmd: echo a >> "$DID"; echo a > a.txt
    outs: [{a.txt: {cache: false}}]
END
  ran executed=1
  ran unchanged=1
  rm a.txt
  ran executed=1
  did a a
  holds '"output:a.txt" in why("a")'
}

@test "uncached metrics and plots can be restored" {
  pipeline <<'END'
stages:
  a:
    cmd: 'echo a >> "$DID"; echo "{\"x\": 1}" > m.json; echo "x,y" > p.csv'
    metrics: [{m.json: {cache: false}}]
    plots: [{p.csv: {cache: false}}]
END
  ran executed=1
  rm m.json p.csv
  ran restored=1
  did a
  [ -e m.json ] && [ -e p.csv ]
}

@test "a hand-edited output is displaced, not destroyed, and the summary says where" {
  two_stages
  ran executed=2
  echo mine >model.txt
  ran restored=1 unchanged=1
  holds 'r["displaced_files"] == 1'
  id=$("$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["run"])' "$OUT")
  holds_text ".mlops/displaced/$id/model.txt" mine
  echo again >model.txt
  succeeds run
  says ".mlops/displaced/"
}

@test "a hand-edited output in the way of a stage that runs is displaced too" {
  two_stages
  ran executed=2
  echo mine >clean.txt
  echo other >raw.txt
  ran executed=2
  holds 'r["displaced_files"] == 1'
  [ "$(cat .mlops/displaced/*/clean.txt)" = mine ]
}

@test "a file that no run made is displaced when a stage makes it for the first time" {
  two_stages
  echo precious >clean.txt
  ran executed=2
  [ "$(cat .mlops/displaced/*/clean.txt)" = precious ]
  holds_text clean.txt RAW
}

@test "what the store holds is not displaced" {
  two_stages
  ran executed=2
  echo other >raw.txt
  ran executed=2
  echo raw >raw.txt
  ran restored=2
  holds 'r["displaced_files"] == 0'
  [ -z "$(ls .mlops/displaced 2>/dev/null)" ]
}

@test "a stage finds no earlier output of its own in its way" {
  pipeline <<'END'
stages:
  a:
    cmd: ls -d out.txt dir 2>/dev/null > seen.txt || true; cp in.txt out.txt; mkdir dir; cp in.txt dir/x
    deps: [in.txt]
    outs: [out.txt, dir, seen.txt]
END
  echo 1 >in.txt
  ran executed=1
  echo 2 >in.txt
  ran executed=1
  holds_text seen.txt ""
}

@test "a persisting output stays in place and is never restored" {
  pipeline <<'END'
stages:
  grow:
    cmd: echo grow >> "$DID"; cat in.txt >> log.txt
    deps: [in.txt]
    outs: [{log.txt: {persist: true}}]
END
  echo 1 >in.txt
  ran executed=1
  ran unchanged=1
  echo 2 >in.txt
  ran executed=1
  holds_text log.txt "1
2"
  echo 1 >in.txt
  ran executed=1
  did grow grow grow
  holds_text log.txt "1
2
1"
  ran unchanged=1
}

@test "a failing stage gets its persisting output back as it was" {
  pipeline <<'END'
stages:
  grow:
    cmd: echo half >> log.txt; cat in.txt >> log.txt; ! grep -q bad in.txt
    deps: [in.txt]
    outs: [{log.txt: {persist: true}}]
END
  echo 1 >in.txt
  ran executed=1
  echo bad >in.txt
  fails 1 run
  holds_text log.txt "half
1"
}

@test "a damaged object is not restored: the stage runs again" {
  two_stages
  ran executed=2
  rm model.txt
  did prepare train
  find .mlops/cache/obj -type f | while read -r object; do
    grep -q 'lr: 1' "$object" || continue
    chmod u+w "$object"
    sed -i 's/lr: 1/lr: 9/' "$object"
  done
  ran executed=1 unchanged=1
  did train
  grep -q 'lr: 1' model.txt
}

@test "missing objects are put again from the work tree, so that later restores work" {
  two_stages
  ran executed=2
  rm -rf .mlops/cache/obj/*
  rm model.txt
  ran executed=1 unchanged=1
  rm model.txt
  ran restored=1 unchanged=1
}

@test "a shared cache serves a second checkout of the same project" {
  git_init
  two_stages
  export MLOPS_CACHE_DIR=$BATS_TEST_TMPDIR/cache
  ran executed=2
  commit_all
  git clone -q . ../clone
  cd ../clone
  ran restored=2
  did prepare train
}

@test "two projects with the same stages share no results" {
  export MLOPS_CACHE_DIR=$BATS_TEST_TMPDIR/cache
  two_stages
  ran executed=2
  mkdir ../other
  cd ../other
  two_stages
  ran executed=2
}

@test "what an emptied store lacks is put there before a run replaces it" {
  echo 1 >in
  pipeline <<'END'
stages:
  a: {cmd: 'cat in > out; date +%N >> out', deps: [in], outs: [out]}
END
  ran executed=1
  cp out ../first
  rm -rf .mlops/cache
  echo 2 >in
  ran executed=1
  echo 1 >in
  ran restored=1
  cmp out ../first
}

@test "an output that is a link to elsewhere stays one" {
  mkdir scratch
  ln -s scratch out
  echo 1 >in
  pipeline <<'END'
stages:
  a: {cmd: 'cp in out/f', deps: [in], outs: [out]}
END
  ran executed=1
  [[ -L out && -f scratch/f ]]
  echo 2 >in
  ran executed=1
  [[ -L out ]]
  holds_text scratch/f 2
  holds 'r["displaced_files"] == 0'
}
