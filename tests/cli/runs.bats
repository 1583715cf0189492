# runs, show, logs, tag
load helper

@test "runs outside of a project is status 3 and says what to do" {
  fails 3 runs
  says "mlops init"
}

@test "a project without runs has none" {
  succeeds init
  succeeds runs --json
  holds 'r["runs"] == []'
  succeeds runs
  [ ! -s "$OUT" ]
}

@test "runs are listed newest first, with filters" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  succeeds runs --json
  holds 'len(r["runs"]) == 2 and r["runs"][0]["counts"]["executed"] == 1'
  succeeds runs -n 1 --json
  holds 'len(r["runs"]) == 1'
  succeeds runs --stage prepare --json
  holds 'len(r["runs"]) == 1 and r["runs"][0]["counts"]["executed"] == 2'
  succeeds runs --status failed --json
  holds 'r["runs"] == []'
  succeeds runs --format csv
  [ "$(wc -l <"$OUT")" -eq 3 ]
}

@test "a failed run is listed as failed" {
  pipeline <<<'stages: {a: {cmd: exit 3, outs: [x]}}'
  fails 1 run
  succeeds runs --status failed --json
  holds 'len(r["runs"]) == 1 and r["runs"][0]["status"] == "failed"'
}

@test "show tells stages with their reasons, parameters and outputs" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  succeeds show --json
  holds 's["train"]["status"] == "executed" and s["prepare"]["status"] == "unchanged"'
  holds 'why("train") == ["param:params.yaml:lr"]'
  holds 's["train"]["params"] == [{"file": "params.yaml", "key": "lr", "value": "2"}]'
  holds 's["prepare"]["outs"][0]["path"] == "clean.txt"'
  succeeds show '@~1'
  says 'run '
}

@test "a run is named by part of its id, by tag, by @" {
  two_stages
  ran executed=2
  succeeds runs --json
  id=$("$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["runs"][0]["run"])' "$OUT")
  for word in "$id" "${id: -8}" "${id:0:12}" @; do
    succeeds show "$word" --json
    holds "r['run'] == '$id'"
  done
  succeeds tag @ baseline
  succeeds show baseline --json
  holds "r['run'] == '$id' and r['tags'] == ['baseline']"
  fails 2 show nosuchrun
  says "'nosuchrun' names no run"
  git_init
  commit_all
  branch=$(git branch --show-current)
  fails 2 diff "${branch}x"
  says "'${branch}x' names no run, tag or git revision (did you mean '$branch'?)"
}

@test "before the first run nothing is said about a word that nobody wrote" {
  fails 2 report
  says 'mlops: no run was recorded here yet'
}

@test "a word that could be two runs lists both" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  fails 2 show 01
  succeeds runs --json
  prefix=$("$PYTHON" -c '
import json, os, sys
print(os.path.commonprefix([r["run"] for r in json.load(open(sys.argv[1]))["runs"]]))' "$OUT")
  fails 2 show "$prefix"
  [ "$(grep -oE 'run [0-9A-Z]{26}' "$ERR" | wc -l)" -eq 2 ]
}

@test "a tag names one run and can be taken away" {
  two_stages
  ran executed=2
  succeeds tag @ best
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  fails 2 tag @ best
  succeeds tag --delete best
  succeeds tag @ best
  fails 2 tag --delete absent
  fails 2 tag @ workspace
}

@test "logs prints what stages printed, control characters and all" {
  pipeline <<'END'
stages:
  one: {cmd: 'printf "first\033[2Jline\n" | tee one.txt', outs: [one.txt]}
  two: {cmd: 'cat one.txt > two.txt; echo second', deps: [one.txt], outs: [two.txt]}
END
  ran executed=2
  succeeds logs @ one
  printf 'first\033[2Jline\n' | cmp - "$OUT"
  succeeds logs
  says '==> one <=='
  says second
  succeeds logs @ two --json
  holds 'r["logs"] == [{"stage": "two", "text": "second\n"}]'
  fails 2 logs @ three
}

@test "a log larger than a row of the database comes from its file, whole" {
  pipeline <<'END'
stages:
  big: {cmd: 'seq 1 20000; echo done > big.txt', outs: [big.txt]}
END
  ran executed=1
  succeeds logs @ big
  seq 1 20000 | cmp - "$OUT"
}
