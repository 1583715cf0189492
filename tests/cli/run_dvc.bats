# dvc.yaml: DVC's language as it is.
load helper

@test "a dvc.yaml runs; its lock is dvc.mlops.lock, dvc.lock is left alone" {
  echo 'lr: 1' >params.yaml
  echo x >in
  echo 'schema: "2.0"' >dvc.lock
  pipeline dvc.yaml <<'END'
stages:
  a:
    cmd: echo a >> "$DID"; cat in > a
    deps: [in]
    params: [lr]
    outs:
      - a:
          desc: words
    metrics:
      - m.json:
          cache: false
END
  sed -i 's/cat in > a/cat in > a; echo "{}" > m.json/' dvc.yaml
  ran executed=1
  ran unchanged=1
  holds_text dvc.lock 'schema: "2.0"'
  [ -e dvc.mlops.lock ]
}

@test "pipeline.yaml comes before dvc.yaml" {
  pipeline dvc.yaml <<'END'
stages:
  old: {cmd: 'touch old', outs: [old]}
END
  pipeline <<'END'
stages:
  new: {cmd: 'touch new', outs: [new]}
END
  ran executed=1
  holds 'list(s) == ["new"]'
  ran executed=1 -- dvc.yaml
  holds 'list(s) == ["old"]'
}

@test "each line of a command has a shell of its own" {
  pipeline dvc.yaml <<'END'
stages:
  a:
    cmd: |
      cd /tmp
      pwd > a
    outs: [a]
END
  ran executed=1
  holds_text a "$PWD"
}

@test "stages know DVC_ROOT and DVC_STAGE" {
  pipeline dvc.yaml <<'END'
stages:
  a:
    cmd: echo "$DVC_ROOT $DVC_STAGE" > a
    outs: [a]
END
  ran executed=1
  holds_text a "$PWD a"
}

@test "one stage at a time unless -j says otherwise" {
  export PLACE=$BATS_TEST_TMPDIR/place
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'mkdir "$PLACE" && sleep 0.1 && rmdir "$PLACE"', outs: []}
  b: {cmd: 'mkdir "$PLACE" && sleep 0.1 && rmdir "$PLACE"', outs: []}
END
  ran executed=2
}

@test "parents of outputs are not made" {
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'echo 1 > no/such/a', outs: [no/such/a]}
END
  fails 1 run
  [ ! -e no ]
}

@test "keys of ours are refused with the way to get them" {
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'true', timeout: 1h}
END
  fails 3 run
  says "timeout"
  says "rename"
}

@test "a value that no file has is told at its place" {
  pipeline dvc.yaml <<'END'
stages:
  a:
    cmd: python train.py --lr ${lr}
END
  fails 3 run
  says "dvc.yaml:3:"
  says "could not find 'lr'"
}

@test "scalars as DVC reads them: 1_000 is a number in params, 1000 is no change" {
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'touch a', params: [n], outs: [a]}
END
  echo 'n: 1_000' >params.yaml
  ran executed=1
  echo 'n: 1000' >params.yaml
  ran unchanged=1
}

@test "an input that changed while a stage ran is taken as it is after, with a warning" {
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'cat in > a; echo 2 > in', deps: [in], outs: [a]}
END
  echo 1 >in
  ran executed=1
  says "changed while 'a' ran"
  ran unchanged=1
}

@test "persist, always_changed and wdir mean what DVC means" {
  mkdir sub
  pipeline dvc.yaml <<'END'
stages:
  grow:
    cmd: echo x >> log
    wdir: sub
    outs:
      - log:
          persist: true
  hot:
    cmd: touch hot
    always_changed: true
    outs: [hot]
END
  ran executed=2
  ran executed=1 unchanged=1
  holds_text sub/log x
}

@test "a frozen stage never runs: not by force, and not for the first time" {
  echo 1 >in
  pipeline dvc.yaml <<'END'
stages:
  cold:
    cmd: echo cold >> "$DID"; cp in cold
    deps: [in]
    outs: [cold]
END
  sed '/cmd:/i\    frozen: true' dvc.yaml >frozen.yaml
  ran executed=1
  cp dvc.yaml warm.yaml && mv frozen.yaml dvc.yaml
  echo 2 >in
  ran unchanged=1 -- --force
  did cold
  rm dvc.mlops.lock
  fails 3 run
  says "dvc.yaml:3:"
  says "is frozen but has never run"
  succeeds status
}

@test "a broken metrics file fails no stage of a dvc.yaml, and fails a native one that says where its outputs are" {
  printf '#!/bin/sh\necho "{\\"x\\": }" > m.json; echo m > m.bin\n' >make.sh
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: sh make.sh, outs: [m.bin], metrics: [m.json]}
END
  succeeds run dvc.yaml
  says "metrics are left out"
  sed 's,sh make.sh,sh ./make.sh,' dvc.yaml >pipeline.yaml
  rm m.bin m.json dvc.yaml
  fails 3 run
  says ".mlops/failed/"
  [[ -f $(find .mlops/failed -name m.bin) ]]
}

@test "items of a list are whole scripts; lines of a string that rely on each other are warned about" {
  pipeline dvc.yaml <<'END'
stages:
  a:
    cmd:
      - |
        X=1
        echo "x$X" > a
    outs: [a]
END
  succeeds run
  says_not "shell of its own"
  holds_text a x1
  pipeline dvc.yaml <<'END'
stages:
  a:
    cmd: |
      cd sub
      pwd > a
    outs: [a]
END
  mkdir sub
  succeeds run
  says "each line of the cmd of 'a' is run by a shell of its own"
  says "dvc.yaml:3:"
  succeeds lint
  says "shell of its own"
}

@test "with one job stages run in the order of the plan, depth first" {
  pipeline dvc.yaml <<'END'
stages:
  z: {cmd: 'echo z >> "$DID"; cp b c', deps: [b], outs: [c]}
  a: {cmd: 'echo a >> "$DID"; touch x', outs: [x]}
  m: {cmd: 'echo m >> "$DID"; touch b', outs: [b]}
END
  ran executed=3
  holds_text "$DID" "$(printf 'm\nz\na')"
}

@test "mlops repro takes what 'dvc repro' takes, and refuses the rest with the one thing to do" {
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'echo a >> "$DID"; touch x', outs: [x]}
  b: {cmd: 'echo b >> "$DID"; cp x y', deps: [x], outs: [y]}
END
  succeeds repro --dry
  [ ! -e x ]
  succeeds repro
  did a b
  succeeds repro --force --single-item b
  did b
  succeeds repro --force-downstream
  [ ! -e "$DID" ]
  for option in no-commit ignore-errors interactive queue temp run-all name=x; do
    fails 2 repro --$option
    says "hint:"
  done
  fails 2 exp run -S x=1
  says "'mlops run -S KEY=VALUE'"
  fails 2 queue start
  says "'mlops sweep -S KEY=VALUE,VALUE'"
}

@test "--force-downstream runs what uses a stage that ran, though what that made is as it was" {
  echo 1 >in
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'echo a >> "$DID"; touch x', deps: [in], outs: [x]}
  b: {cmd: 'echo b >> "$DID"; cp x y', deps: [x], outs: [y]}
END
  ran executed=2
  echo 2 >in
  rm "$DID"
  ran executed=2 -- --force-downstream
  did a b
}

@test "a changed value of a template is told as the cause of the changed command" {
  echo 'v: 1' >params.yaml
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'echo ${v} > a', outs: [a]}
END
  ran executed=1
  echo 'v: 2' >params.yaml
  for command in status plan "why a"; do
    # shellcheck disable=SC2086 # words
    succeeds $command
    says "params.yaml:v (in a template) changed from 1 to 2"
  done
  ran executed=1
  ran unchanged=1
}

@test "uncached metrics outside of the project: what changed runs again, and the lock reads back" {
  far=$BATS_TEST_TMPDIR/far
  mkdir -p "$far" && echo '{"v": 1}' >in
  pipeline dvc.yaml <<END
stages:
  a:
    cmd: cp in $far/a.json
    deps: [in]
    metrics: [{$far/a.json: {cache: false}}]
  b:
    cmd: cp in ../b.json
    deps: [in]
    metrics: [{../b.json: {cache: false}}]
END
  ran executed=2
  ran unchanged=2
  rm .mlops/index* # the lock itself is read
  ran unchanged=2
  echo '{"v": 2}' >"$far/a.json" && echo '{"v": 2}' >../b.json
  ran executed=2
  rm "$far/a.json" ../b.json
  ran executed=2
  holds_text "$far/a.json" '{"v": 1}'
  holds_text ../b.json '{"v": 1}'
  echo '{"v": 3}' >in
  ran executed=2
  mv dvc.mlops.lock lock
  ran unchanged=2
}

@test "links inside directories are followed: in dependencies, and out of outputs" {
  mkdir d && echo 1 >d/x && ln -s x d/l && echo far >far
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'cat d/l > a', deps: [d], outs: [a]}
  b: {cmd: 'mkdir o; ln -s ../far o/far', outs: [o]}
END
  ran executed=2
  ran unchanged=2
  rm d/l && cp d/x d/l
  ran unchanged=2
  rm -r o
  ran restored=1 unchanged=1
  holds_text o/far far
}

@test "the summary says what jobs side by side would have saved" {
  [ "$(nproc)" -gt 1 ] || skip "one cpu"
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'sleep 0.4; touch x', outs: [x]}
  b: {cmd: 'sleep 0.4; touch y', outs: [y]}
END
  succeeds run
  says "it would have taken about"
  succeeds run --force -j 1
  says_not "it would have taken about"
}
