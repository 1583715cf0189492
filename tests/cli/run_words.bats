# What a run says, where, and how much.
load helper

@test "the answer is on stdout, the story on stderr" {
  two_stages
  succeeds run
  grep -q "2 stages: 2 ran" "$OUT"
  grep -q "\[1/2\] prepare ran" "$ERR"
  ! grep -q "2 stages" "$ERR"
}

@test "the summary of a run that had nothing to do" {
  two_stages
  succeeds run
  succeeds run
  grep -q "^2 stages: 2 unchanged" "$OUT"
  [ ! -s "$ERR" ]
}

@test "--json prints one object and nothing else on stdout" {
  two_stages
  succeeds run --json
  holds 'set(r) >= {"schema_version", "run", "status", "counts", "stages"}'
  holds 'set(c) >= {"stages", "executed", "restored", "unchanged", "failed", "skipped", "hashed_files", "hashed_bytes"}'
  holds 'all({"name", "status", "reasons", "duration_s"} <= set(x) for x in r["stages"])'
}

@test "--progress=json: one event a line, in a sensible order" {
  two_stages
  succeeds run --progress=json
  "$PYTHON" - "$ERR" <<'END'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1]) if line.startswith("{")]
kinds = [e["event"] for e in events]
assert kinds[:2] == ["notice", "run_started"] and kinds[-1] == "run_finished", kinds
of = lambda kind: [e["stage"] for e in events if e["event"] == kind]
assert of("stage_started") == ["prepare", "train"], events
assert of("stage_finished") == ["prepare", "train"], events
last = [e for e in events if e["event"] == "stage_finished"][-1]
assert last["status"] == "executed" and last["finished"] == 2 and last["total"] == 2, last
END
  [ "$(grep -cv '^{' "$ERR")" -eq 0 ]
}

@test "--quiet says nothing when all is well, and what failed when not" {
  two_stages
  succeeds run -q
  [ ! -s "$OUT" ] && [ ! -s "$ERR" ]
  sed -i 's/grep lr params.yaml/grep nothing params.yaml/' pipeline.yaml
  fails 1 run -q
  says "train failed"
}

@test "-v shows output live behind the stage's name, and reasons" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo one; echo two >&2; printf three', outs: [], deps: [in]}
END
  echo 1 >in
  succeeds run -v
  says "a | one"
  says "a | two"
  says "a | three"
  says "because never run"
}

@test "control characters of a stage's output do not reach the terminal" {
  pipeline <<'END'
stages:
  a: {cmd: 'printf "\033[31mred\033[0m\n"; exit 1'}
END
  fails 1 run
  not grep -q $'\x1b' "$OUT" "$ERR"
  says red
}

@test "a long log is kept in a file, its tail is shown on failure" {
  pipeline <<'END'
stages:
  a: {cmd: 'seq 20000; echo the end; exit 1'}
END
  fails 1 run
  says "the end"
  says 19999
  says_not 17777
  succeeds logs @ a
  [ "$(wc -l <"$OUT")" -eq 20001 ]
  [ -n "$(find .mlops/logs -type f)" ]
}

@test "a short log is in the database" {
  two_stages
  sed -i 's/echo prepare >>/echo hello; echo prepare >>/' pipeline.yaml
  succeeds run
  succeeds logs @ prepare
  holds_text "$OUT" hello
  [ -z "$(find .mlops/logs -type f 2>/dev/null)" ]
}

@test "a stage that prints a lot and fast loses nothing" {
  pipeline <<'END'
stages:
  a: {cmd: 'head -c 5000000 /dev/zero | tr "\0" x; echo; echo end', outs: []}
END
  ran executed=1
  succeeds logs @ a
  [ "$(wc -c <"$OUT")" -eq 5000005 ]
}

@test "the first word is a pipeline if it ends in .yaml, a missing one is told" {
  two_stages
  fails 3 run other.yaml
  says "other.yaml"
  mv pipeline.yaml nightly.yaml
  ran executed=2 -- nightly.yaml
  fails 3 run
  says "no pipeline.yaml or dvc.yaml"
}

@test "two words that are pipelines, and a wrong option, are usage errors" {
  two_stages
  fails 2 run --jobs 0
  fails 2 run --no-such-option
  fails 2 run --progress=loud
}

@test "no colour when stderr is no terminal, none with NO_COLOR on one" {
  two_stages
  succeeds run
  not grep -q $'\x1b' "$ERR"
  rm -r .mlops pipeline.lock
  script -qec "env TERM=xterm NO_COLOR=1 '$MLOPS' run --progress=plain" /dev/null >"$OUT" 2>&1 </dev/null
  says "prepare ran"
  ! grep -q $'\x1b\[3' "$OUT"
}

@test "on a terminal there is a live block that is gone in the end" {
  two_stages
  sed -i 's/cmd: echo/cmd: sleep 0.3; echo/' pipeline.yaml
  script -qec "env TERM=xterm '$MLOPS' run" /dev/null >"$OUT" 2>&1 </dev/null
  says "1 running"
  says "2 stages: 2 ran"
}
