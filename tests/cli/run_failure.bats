# What happens when a stage fails, hangs, is interrupted, or when its inputs change under it.
load helper

@test "a failed stage: exit 1, its tail is shown, what follows is skipped with the reason" {
  two_stages
  sed -i 's/tr a-z A-Z < raw.txt > clean.txt/echo "it hurts"; exit 3/' pipeline.yaml
  fails 1 run
  says "it hurts"
  says "exited with status 3"
  says "because 'prepare' failed"
  fails 1 run --json
  counts failed=1 skipped=1
  holds 's["prepare"]["exit_code"] == 3 and r["status"] == "failed"'
  holds 's["train"]["cause"] == "because '"'prepare'"' failed"'
}

@test "after one failure nothing new starts; --keep-going goes on with what does not depend on it" {
  pipeline <<'END'
stages:
  bad: {cmd: 'echo bad >> "$DID"; exit 1', outs: [bad]}
  user: {cmd: 'echo user >> "$DID"', deps: [bad], outs: [user]}
  other: {cmd: 'echo other >> "$DID"; touch other', outs: [other]}
END
  fails 1 run --json -j 1
  counts failed=1 skipped=2
  did bad
  fails 1 run --json -j 1 --keep-going
  counts failed=1 skipped=1 executed=1
  did bad other
}

@test "what a failed stage made is in .mlops/failed, and earlier outputs are back" {
  two_stages
  ran executed=2
  sed -i 's/tr a-z A-Z < raw.txt > clean.txt/echo half > clean.txt; exit 1/' pipeline.yaml
  fails 1 run
  holds_text clean.txt RAW
  [ "$(find .mlops/failed -name clean.txt -exec cat {} +)" = half ]
  [ -z "$(ls .mlops/aside)" ]
  sed -i 's/echo half > clean.txt; exit 1/tr a-z A-Z < raw.txt > clean.txt/' pipeline.yaml
  ran unchanged=2
}

@test "a failed stage runs again, its result is never reused" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo a >> "$DID"; echo x > a; [ -e ../ok ]', outs: [a]}
END
  fails 1 run
  fails 1 run
  did a a
  touch ../ok
  ran executed=1
  ran unchanged=1
}

@test "a stage that takes longer than its timeout is ended and fails" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo begun; sleep 60', timeout: 200ms}
END
  fails 1 run --json
  counts failed=1
  holds '"timeout" in s["a"]["cause"] and r["duration_s"] < 30'
}

@test "a stage that ignores TERM is killed after the grace" {
  pipeline <<'END'
stages:
  a: {cmd: 'trap "" TERM; while :; do sleep 0.05; done', timeout: 100ms}
END
  MLOPS_GRACE=100ms fails 1 run --json
  counts failed=1
}

@test "what a stage leaves in the background is ended with it" {
  pipeline <<'END'
stages:
  a: {cmd: 'sleep 300 & echo $! > pid; setsid sleep 300 & echo $! > pid2; echo 1 > a', outs: [a]}
END
  ran executed=1
  gone "$(cat pid)"
  gone "$(cat pid2)"
}

@test "retries: again with back-off until it works, all attempts counted" {
  pipeline <<'END'
stages:
  a:
    cmd: 'echo a >> "$DID"; [ ! -e a ]; echo x > a; [ $(wc -l < "$DID") -ge 3 ]'
    retries: {count: 3, backoff: 10ms}
    outs: [a]
END
  ran executed=1
  holds 's["a"]["attempts"] == 3 and "cause" not in s["a"]'
  did a a a
  ran unchanged=1
}

@test "retries end after their count" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo a >> "$DID"; exit 1', retries: 2}
END
  fails 1 run --json
  holds 's["a"]["attempts"] == 3'
  did a a a
}

@test "on_exit: only these exit codes are tried again" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo a >> "$DID"; exit 75', retries: {count: 2, on_exit: [75]}}
  b: {cmd: 'echo b >> "$DID"; exit 1', retries: {count: 2, on_exit: [75]}}
END
  fails 1 run -k
  did a a a b
}

@test "a program that is not there fails its stage only" {
  pipeline <<'END'
stages:
  a: {cmd: no-such-program-here}
  b: {cmd: 'touch b', shell: /no/such/shell, outs: [b]}
  c: {cmd: 'touch c', outs: [c]}
END
  fails 1 run --json -k
  counts failed=2 executed=1
}

in_background() { # ARGS...: a job that obeys SIGINT, though bash starts jobs deaf to it
  env --default-signal=INT "$MLOPS" "$@" >"$OUT" 2>"$ERR" </dev/null &
  job=$!
}

wait_for() {
  for _ in $(seq 500); do
    [ -e "$1" ] && return 0
    sleep 0.02
  done
  return 1
}

ended_with() {
  status=0
  wait "$job" || status=$?
  [ "$status" -eq "$1" ] || tell "wanted status $1"
}

@test "an interrupt ends the running stage: 130, recorded as interrupted, earlier outputs back" {
  two_stages
  ran executed=2
  sed -i 's/tr a-z A-Z < raw.txt > clean.txt/echo half > clean.txt; touch ..\/begun; sleep 60/' pipeline.yaml
  in_background run --json
  wait_for ../begun
  kill -INT "$job"
  ended_with 130
  counts interrupted=1 skipped=1
  holds 'r["status"] == "interrupted"'
  holds_text clean.txt RAW
  succeeds runs --json
  holds 'r["runs"][0]["status"] == "interrupted"'
  [ -z "$(ls .mlops/aside)" ]
}

@test "a stage has its grace after the first interrupt, a second one kills" {
  pipeline <<'END'
stages:
  a: {cmd: 'trap "touch ../asked" TERM; touch ../begun; while :; do sleep 0.05 || :; done'}
END
  in_background run --json
  wait_for ../begun
  kill -INT "$job"
  wait_for ../asked
  kill -INT "$job"
  ended_with 130
}

@test "TERM ends a run with 143" {
  pipeline <<'END'
stages:
  a: {cmd: 'touch ../begun; sleep 60'}
END
  in_background run --json
  wait_for ../begun
  kill -TERM "$job"
  ended_with 143
}

@test "after mlops was killed the next run ends its stage and brings earlier outputs back" {
  two_stages
  ran executed=2
  cp pipeline.yaml ../good.yaml
  sed -i 's/tr a-z A-Z < raw.txt > clean.txt/echo half > clean.txt; echo $$ > ..\/pid; touch ..\/begun; sleep 60/' pipeline.yaml
  in_background run
  wait_for ../begun
  kill -KILL "$job"
  ended_with 137
  kill -0 "$(cat ../pid)"
  cp ../good.yaml pipeline.yaml
  ran unchanged=2
  gone "$(cat ../pid)"
  holds_text clean.txt RAW
  grep -q "a run that was killed" "$ERR"
  succeeds runs --json
  holds 'r["runs"][1]["status"] == "crashed"'
}

@test "a run beside a living one does not touch its stages" {
  pipeline one.yaml <<'END'
stages:
  a: {cmd: 'touch ../begun; while [ ! -e ../go ]; do sleep 0.02; done; echo a > a', outs: [a]}
END
  pipeline two.yaml <<'END'
stages:
  b: {cmd: 'echo b > b', outs: [b]}
END
  in_background run one.yaml --json
  wait_for ../begun
  "$MLOPS" run two.yaml
  touch ../go
  ended_with 0
  counts executed=1
  holds_text a a
}

unconfirmed() {
  two_stages
  sed -i 's/tr a-z A-Z < raw.txt > clean.txt/tr a-z A-Z < raw.txt > clean.txt; [ -e ..\/quiet ] || echo changed > raw.txt/' pipeline.yaml
}

@test "an input that changed while the stage ran: unconfirmed, exit 1, named, nothing follows" {
  unconfirmed
  fails 1 run
  says "'raw.txt' changed while the stage ran"
  says "mlops accept prepare"
  did prepare
  holds_text clean.txt RAW # stays in place
  echo raw >raw.txt
  fails 1 run --json
  counts unconfirmed=1 skipped=1
  holds 'r["status"] == "unconfirmed"'
  did prepare
}

@test "an unconfirmed outcome makes no reusable result" {
  unconfirmed
  fails 1 run
  touch ../quiet
  echo raw >raw.txt
  ran executed=2
}

@test "a parameter that changed while the stage ran is an input that changed" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo a > a; echo "lr: 2" > params.yaml', params: [lr], outs: [a]}
END
  echo 'lr: 1' >params.yaml
  fails 1 run
  says "params.yaml:lr"
}

@test "an input that was only touched while the stage ran has not changed" {
  pipeline <<'END'
stages:
  a: {cmd: 'touch in; cp in a', deps: [in], outs: [a]}
END
  echo 1 >in
  ran executed=1
}

@test "an interrupt between two attempts does not wait for the next one" {
  pipeline <<'END'
stages:
  a: {cmd: 'touch ../begun; exit 1', retries: {count: 1, backoff: 1h}}
END
  in_background run --json
  wait_for ../begun
  sleep 0.2
  kill -INT "$job"
  ended_with 130
  counts interrupted=1
  holds 's["a"]["attempts"] == 1'
}

@test "a failure does not wait for the next attempt of another stage" {
  pipeline <<'END'
stages:
  a: {cmd: 'touch ../begun; exit 1', retries: {count: 1, backoff: 1h}}
  b: {cmd: 'while [ ! -e ../begun ]; do sleep 0.02; done; sleep 0.2; exit 1'}
END
  fails 1 run --json -j 2
  counts failed=2
}

@test "what is displaced or failed outside the project is kept inside .mlops" {
  mkdir ../far
  pipeline <<'END'
stages:
  a:
    cmd: cp in ../far/a; [ ! -s in ] || cp in b; [ -s in ]
    deps: [in]
    outs: [b, {../far/a: {cache: false}}]
END
  echo 1 >in
  echo mine >../far/a
  ran executed=1
  [ "$(find .mlops/displaced -type f -path '*displaced/*/*far/a' -exec cat {} +)" = mine ]
  : >in
  fails 1 run
  holds_text ../far/a 1
  [ -n "$(find .mlops/failed -path '*failed/*/*/*far/a')" ]
}

@test "an input that its maker did not make fails the stage, not those that run beside it" {
  pipeline <<'END'
stages:
  long: {cmd: 'while [ ! -e ../go ]; do sleep 0.02; done; echo 1 > l', outs: [l]}
  a: {cmd: 'mkdir -p d; echo 1 > d/y', outs: [d]}
  b: {cmd: 'cat d/x > b', deps: [d/x], outs: [b]}
END
  in_background run --json -j 2
  wait_for d/y
  sleep 0.1
  touch ../go
  ended_with 3
  counts executed=2 failed=1
  holds '"is not there" in s["b"]["cause"]'
}

@test "an interrupt while a big output is stored is answered at once, and recorded" {
  truncate -s 20G ../big
  pipeline <<'END'
stages:
  other: {cmd: 'sleep 60'}
  a: {cmd: 'mv ../big big; touch ../begun', outs: [big]}
END
  in_background run --json -j 2
  wait_for ../begun
  sleep 0.2
  kill -INT "$job"
  ended_with 130
  counts interrupted=2
  succeeds runs --json
  holds 'r["runs"][0]["status"] == "interrupted"'
  [ -z "$(ls .mlops/aside)" ]
}

@test "a stage that stopped itself still answers TERM" {
  pipeline <<'END'
stages:
  a: {cmd: 'trap "touch ../asked; exit 3" TERM; kill -STOP $$; sleep 60', timeout: 100ms}
END
  MLOPS_GRACE=1h fails 1 run
  [ -e ../asked ]
}

@test "more jobs than descriptors allow: fewer run at once" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo 1 > a', outs: [a]}
END
  for i in $(seq 100); do echo "  s$i: {cmd: 'sleep 0.1; echo 1 > o$i', outs: [o$i]}"; done >>pipeline.yaml
  ulimit -n 400
  ran executed=101 -- -j 1000
}
