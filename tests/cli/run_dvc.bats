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

@test "NaN in a metrics file fails no stage of a dvc.yaml, and fails a native one that says where its outputs are" {
  printf '#!/bin/sh\necho "{\\"x\\": NaN}" > m.json; echo m > m.bin\n' >make.sh
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: sh make.sh, outs: [m.bin], metrics: [m.json]}
END
  succeeds run dvc.yaml
  says "NaN"
  sed 's,sh make.sh,sh ./make.sh,' dvc.yaml >pipeline.yaml
  rm m.bin m.json dvc.yaml
  fails 3 run
  says ".mlops/failed/"
  [[ -f $(find .mlops/failed -name m.bin) ]]
}
