# What runs at the same time, and what never does: jobs, resources, guards, two runs at once.
load helper

# Shell text: meet A B: both must run at the same time to succeed. alone: nobody else may be in it.
words() {
  cat >words.sh <<'END'
meet() {
  touch "$1.here"
  for i in $(seq 500); do
    [ -e "$2.here" ] && return 0
    sleep 0.02
  done
  return 1
}
alone() {
  mkdir "$PLACE" || return 1
  sleep 0.1
  rmdir "$PLACE"
}
END
  export PLACE=$BATS_TEST_TMPDIR/place
}

three_alone() { # $1: more keys of each stage
  words
  pipeline <<END
stages:
  a: {cmd: '. ./words.sh; alone'$1}
  b: {cmd: '. ./words.sh; alone'$1}
  c: {cmd: '. ./words.sh; alone'$1}
END
}

@test "-j 2 runs two stages at the same time" {
  words
  pipeline <<'END'
stages:
  a: {cmd: '. ./words.sh; meet a b'}
  b: {cmd: '. ./words.sh; meet b a'}
END
  ran executed=2 -- -j 2
}

@test "-j 1 runs one stage at a time" {
  three_alone
  ran executed=3 -- -j 1
}

@test "MLOPS_JOBS and the setting jobs give the default" {
  three_alone
  MLOPS_JOBS=1 ran executed=3
}

@test "stages that need all cpus or all memory run alone" {
  three_alone ", resources: {cpus: 1000}"
  ran executed=3 -- -j 3
  three_alone ", resources: {memory: 100TB}"
  ran executed=3 -- -j 3
}

@test "GPUs are leased by id: each stage sees its own" {
  words
  one=one-$$ two=two-$$
  export MLOPS_GPUS=$one,$two
  pipeline <<'END'
stages:
  a: {cmd: 'echo $CUDA_VISIBLE_DEVICES > a; . ./words.sh; meet a b', resources: {gpus: 1}, outs: [a]}
  b: {cmd: 'echo $CUDA_VISIBLE_DEVICES > b; . ./words.sh; meet b a', resources: {gpus: 1}, outs: [b]}
  both: {cmd: 'echo $CUDA_VISIBLE_DEVICES > both', resources: {gpus: 2}, outs: [both]}
END
  ran executed=3 -- -j 3
  [ "$(sort a b | tr '\n' ' ')" = "$one $two " ]
  holds_text both "$one,$two"
}

@test "more GPUs than the machine has is told before anything runs" {
  export MLOPS_GPUS=one-$$
  pipeline <<'END'
stages:
  a: {cmd: 'touch a', outs: [a]}
  b: {cmd: 'true', resources: {gpus: 2}, outs: [b]}
END
  fails 4 run
  says "asks for 2 GPUs"
  [ ! -e a ]
}

@test "stages that want the same GPU wait for each other, in two projects too" {
  export MLOPS_GPUS=only-$$
  three_alone ", resources: {gpus: 1}"
  mkdir ../other
  cp pipeline.yaml words.sh ../other
  "$MLOPS" run -j 3 -C ../other >../other.out 2>&1 &
  ran executed=3 -- -j 3
  wait $!
}

@test "on a machine with GPUs an undeclared stage does not run beside one that declares gpus" {
  words
  export MLOPS_GPUS=one-$$,two-$$
  pipeline <<'END'
stages:
  a: {cmd: '. ./words.sh; alone'}
  b: {cmd: '. ./words.sh; alone', resources: {gpus: 1}}
  c: {cmd: '. ./words.sh; sleep 0.05', resources: {cpus: 1}}
END
  ran executed=3 -- -j 3
}

@test "two runs at once make everything once" {
  two_stages
  sed -i 's/cmd: echo/cmd: sleep 0.2; echo/' pipeline.yaml
  "$MLOPS" run >../other.out 2>&1 &
  succeeds run --json
  wait $!
  did prepare train
  ran unchanged=2
  [ -z "$(ls .mlops/aside)" ]
}

@test "two runs of different pipelines in one project do not wait for each other" {
  words
  pipeline one.yaml <<'END'
stages:
  a: {cmd: '. ./words.sh; meet a b'}
END
  pipeline two.yaml <<'END'
stages:
  b: {cmd: '. ./words.sh; meet b a'}
END
  "$MLOPS" run one.yaml >../other.out 2>&1 &
  ran executed=1 -- two.yaml
  wait $!
}

guarded() {
  echo good >raw.txt
  pipeline <<'END'
stages:
  load:
    cmd: cp raw.txt data.txt
    deps: [raw.txt]
    outs: [data.txt]
  check:
    kind: validate
    cmd: echo check >> "$DID"; cp data.txt report.txt; grep -q good data.txt
    deps: [data.txt]
    outs: [report.txt]
  train:
    cmd: echo train >> "$DID"; cp data.txt model.txt
    deps: [data.txt]
    outs: [model.txt]
  judge:
    cmd: cp model.txt judged.txt
    deps: [model.txt]
    outs: [judged.txt]
  aside:
    cmd: wc -c < raw.txt > size.txt
    deps: [raw.txt]
    outs: [size.txt]
END
}

@test "a validate stage that passes lets what it guards go on, and is cached" {
  guarded
  ran executed=5 -- -j 4
  [ "$(head -n 1 "$DID")" = check ]
  ran unchanged=5
}

@test "a validate stage that rejects blocks what uses the data, directly or not: exit 1" {
  guarded
  echo bad >raw.txt
  fails 1 run --json -k
  counts executed=2 rejected=1 skipped=2
  holds 'r["status"] == "rejected"'
  holds 's["train"]["status"] == "skipped" and "check" in s["train"]["cause"]'
  holds 's["judge"]["status"] == "skipped"'
  [ ! -e model.txt ]
  holds_text report.txt bad # its outputs stay
  did check
}

@test "what is blocked is not restored either" {
  guarded
  ran executed=5
  rm model.txt judged.txt
  sed -i 's/grep -q good/grep -q bad/' pipeline.yaml
  fails 1 run --json -k
  counts rejected=1 skipped=2 unchanged=2
  [ ! -e model.txt ]
}

@test "a rejection is judged again on the next run" {
  guarded
  echo bad >raw.txt
  fails 1 run -k
  did check
  succeeds plan --json
  holds 'why("check") == ["rejected:check"]'
  fails 1 run --json -k
  counts rejected=1 skipped=2 unchanged=2
  did check
  echo good >raw.txt
  ran executed=5
  ran unchanged=5
}

@test "the outputs of a rejection replace earlier ones" {
  guarded
  ran executed=5
  echo bad >raw.txt
  fails 1 run
  holds_text report.txt bad
}

@test "guards name the paths when given" {
  guarded
  sed -i 's/    outs: \[report.txt\]/    outs: [report.txt]\n    guards: [model.txt]/; s/deps: \[data.txt\]\n    outs: \[report/&/' pipeline.yaml
  echo bad >raw.txt
  fails 1 run --json -k
  holds 's["train"]["status"] == "executed" and s["judge"]["status"] == "skipped"'
}

@test "a rejection without its report is a failure" {
  pipeline <<'END'
stages:
  check: {kind: validate, cmd: exit 1, outs: [report.txt]}
END
  fails 1 run --json
  counts failed=1
  holds '"did not make its output" in s["check"]["cause"]'
}

@test "a validate stage that can't be run has not rejected: it failed" {
  pipeline <<'END'
stages:
  check: {kind: validate, cmd: no-such-program-here}
END
  fails 1 run --json
  counts failed=1
}

@test "a train stage names its model" {
  pipeline <<'END'
stages:
  train:
    kind: train
    cmd: echo m > model.txt; echo '{"loss":1}' > m.json
    outs: [model.txt]
    model: model.txt
    metrics: [m.json]
END
  ran executed=1
  succeeds lineage model.txt
  says train
  ran unchanged=1
}

@test "--only does not pass a guard that has not let the data pass" {
  echo good >in
  pipeline <<'END'
stages:
  make: {cmd: cp in d, deps: [in], outs: [d]}
  check: {kind: validate, cmd: grep -q good d, deps: [d]}
  use: {cmd: cp d m, deps: [d], outs: [m]}
END
  ran executed=3
  echo bad >in
  fails 1 run
  fails 1 run --only use
  says "'check' guards"
  holds_text m good
  planned executed=1 unchanged=1
  echo good >in
  ran restored=1 unchanged=2
  ran unchanged=1 -- --only use
}
