# examples/ci: the shell parts of the workflows, in a fresh clone with a remote
load helper

SCRIPTS=$BATS_TEST_DIRNAME/../../examples/ci

scores() {
  "$PYTHON" - "$1" >test.csv <<'END'
import random, sys
luck, noise = random.Random(3), float(sys.argv[1])
print("id,label,score")
for at in range(200):
    label = luck.random() < 0.4
    print(f"{at},{int(label)},{min(0.999, max(0.001, (0.7 if label else 0.3) + luck.gauss(0, noise))):.4f}")
END
}

# Branch main with a model, its results in a remote, and a bare repository to clone from.
shared_project() {
  git_init
  mkdir -p "$BATS_TEST_TMPDIR/bin"
  ln -s "$(realpath "$MLOPS")" "$BATS_TEST_TMPDIR/bin/mlops"
  export PATH=$BATS_TEST_TMPDIR/bin:$PATH
  scores 0.3
  pipeline <<'END'
stages:
  predict: {cmd: 'echo predict >>"$DID"; cp test.csv predictions.csv', deps: [test.csv], outs: [predictions.csv]}
  evaluate:
    kind: evaluate
    predictions: predictions.csv
    task: binary
    metrics: [metrics.json]
    gates:
    - {metric: accuracy, max_drop: 1%, baseline: main}
END
  commit_all start # gates look at main
  succeeds run
  rm -f "$DID"
  succeeds remote add origin "$BATS_TEST_TMPDIR/store" --default
  commit_all one
  succeeds push
  git clone -q --bare . "$BATS_TEST_TMPDIR/origin.git"
  git remote add origin "$BATS_TEST_TMPDIR/origin.git"
}

# A branch whose data have that much noise, as a colleague would push it.
proposal() {
  git checkout -q -b proposal
  scores "$1"
  commit_all proposal
  git push -q origin proposal
}

# What CI does: a checkout of the branch alone, without history of mlops.
checkout_of() {
  git clone -q --branch "$1" "$BATS_TEST_TMPDIR/origin.git" "$BATS_TEST_TMPDIR/checkout"
  cd "$BATS_TEST_TMPDIR/checkout" || return
  export GITHUB_STEP_SUMMARY=$BATS_TEST_TMPDIR/summary.md
}

reproduce() {
  status=0
  sh "$SCRIPTS/reproduce.sh" "$@" >"$OUT" 2>"$ERR" </dev/null || status=$?
}

@test "what was pushed is pulled and nothing runs" {
  shared_project
  checkout_of main
  reproduce
  [ "$status" -eq 0 ] || tell "reproduce"
  did
  cmp predictions.csv ../project/predictions.csv
  grep -q '^# Report of run ' report/report.md
}

@test "a proposal that is better passes, with a report in all places" {
  shared_project
  proposal 0.2
  checkout_of proposal
  BASELINE=origin/main reproduce
  [ "$status" -eq 0 ] || tell "reproduce"
  did predict
  grep -q 'compared with | origin/main (' report/report.md
  grep -q '; better: accuracy' report/report.md
  [ -s report/report_files/evaluate-roc.svg ]
  grep -q '<svg' report/report.html
  [ "$(grep -c '^# Report of run ' "$GITHUB_STEP_SUMMARY")" -eq 1 ]
  grep -q '; better: accuracy' "$GITHUB_STEP_SUMMARY"
  not grep -q '!\[' report/comment.md
  grep -q 'max-bytes 65000' "$SCRIPTS/reproduce.sh"
}

@test "one that is worse fails by its gate, and the report says why" {
  shared_project
  proposal 0.6
  checkout_of proposal
  reproduce
  [ "$status" -eq 1 ] || tell "reproduce"
  says "accuracy"
  grep -q '^\*\*rejected; evaluate: 1 of 1 gates failed' report/report.md
  grep -q 'rejected; evaluate' "$GITHUB_STEP_SUMMARY"
  grep -q 'compared with | main (' report/report.md || grep -q 'compared with | origin/main (' report/report.md
  [ -s report/report.html ]
}

@test "a stage that fails is reported on, too, without gates" {
  shared_project
  git checkout -q -b broken
  sed -i 's/echo predict.*predictions.csv., deps/exit 7'"'"', deps/' pipeline.yaml
  commit_all broken
  git push -q origin broken
  checkout_of broken
  reproduce
  [ "$status" -eq 1 ] || tell "reproduce"
  grep -q '^\*\*failed' report/report.md
}

again() {
  status=0
  sh "$SCRIPTS/again.sh" "$@" >"$OUT" 2>"$ERR" </dev/null || status=$?
}

@test "made once more from a fresh clone it is identical, and the summary says so" {
  shared_project
  checkout_of main
  again
  [ "$status" -eq 0 ] || tell "again"
  did predict
  grep -q '^\*\*identical\*\*: ' "$GITHUB_STEP_SUMMARY"
  [ ! -e predictions.csv ]
}

@test "a stage that is not deterministic fails the job, and is named" {
  shared_project
  git checkout -q -b luck
  # Each time it is run the last score is another one, by far more than the tolerance.
  printf 'echo >>%s; sed "\$ s/[0-9.]*\$/0.4$(wc -l <%s)/" test.csv >predictions.csv\n' \
    "$BATS_TEST_TMPDIR/times" "$BATS_TEST_TMPDIR/times" >predict.sh
  sed -i 's/cp test.csv predictions.csv/sh predict.sh/; s/deps: .test.csv./deps: [test.csv, predict.sh]/' pipeline.yaml
  mlops run
  commit_all luck
  succeeds push
  git push -q origin luck
  checkout_of luck
  again
  [ "$status" -eq 1 ] || tell "again"
  grep -q "^\*\*differs\*\*: .*predict.*is not deterministic" report/again.md
  RTOL=1 again
  [ "$status" -eq 0 ] || tell "again, with patience"
}

@test "the comment on GitHub is renewed, or made if there is none; a long one is cut" {
  mkdir -p bin report
  cat >bin/gh <<'END'
#!/bin/sh
case $* in *--jq*) cat "$CALLS.ids"; exit ;; esac
echo "$@" >>"$CALLS"
for word in "$@"; do case $word in body=@*) cp "${word#body=@}" "$CALLS.body" ;; esac; done
END
  chmod +x bin/gh
  export CALLS=$BATS_TEST_TMPDIR/calls PATH=$PWD/bin:$PATH GITHUB_REPOSITORY=some/project
  echo text >report/comment.md
  : >"$CALLS.ids"
  sh "$SCRIPTS/comment-github.sh" 12
  grep -q 'method POST repos/some/project/issues/12/comments ' "$CALLS"
  [ "$(cat "$CALLS.body")" = "<!-- mlops report -->
text" ]
  printf '7\n9\n' >"$CALLS.ids"
  seq 1 20000 >report/comment.md
  sh "$SCRIPTS/comment-github.sh" 12
  grep -q 'method PATCH repos/some/project/issues/comments/7 ' "$CALLS"
  [ "$(wc -c <"$CALLS.body")" -lt 65536 ]
  tail -1 "$CALLS.body" | grep -q 'The rest is in the summary'
}

@test "the note on GitLab is renewed, or made if there is none" {
  mkdir -p bin report
  cat >bin/curl <<'END'
#!/bin/sh
case $* in
  *--request*) echo "$@" >>"$CALLS" ;;
  *) cat "$CALLS.notes" ;;
esac
END
  chmod +x bin/curl
  export CALLS=$BATS_TEST_TMPDIR/calls PATH=$PWD/bin:$PATH GITLAB_TOKEN=token
  export CI_API_V4_URL=https://gitlab.example/api/v4 CI_PROJECT_ID=3 CI_MERGE_REQUEST_IID=12
  echo text >report/comment.md
  echo '[{"id": 5, "body": "by hand"}]' >"$CALLS.notes"
  sh "$SCRIPTS/comment-gitlab.sh"
  grep -q 'request POST .*/projects/3/merge_requests/12/notes$' "$CALLS"
  echo '[{"id": 5, "body": "by hand"}, {"id": 7, "body": "<!-- mlops report -->\ntext"}]' >"$CALLS.notes"
  sh "$SCRIPTS/comment-gitlab.sh"
  grep -q 'request PUT .*/merge_requests/12/notes/7$' "$CALLS"
}

@test "the workflows are YAML that calls scripts that are there" {
  "$PYTHON" - "$SCRIPTS" <<'END'
import os, re, sys, yaml
folder = sys.argv[1]
github = yaml.safe_load(open(folder + "/github.yaml"))
jobs = github["jobs"]
steps = [step for job in jobs.values() for step in job["steps"]]
assert all("run" in step or "uses" in step for step in steps)
assert github[True]["push"]["branches"] == ["main"]  # YAML 1.1 takes 'on' for a truth value
gitlab = yaml.safe_load(open(folder + "/gitlab.yaml"))
job, note = gitlab["reproduce"], gitlab["comment"]
assert job["stage"] in gitlab["stages"] and note["stage"] in gitlab["stages"] and job["artifacts"]["when"] == "always"
lines = [step["run"] for step in steps if "run" in step] + job["before_script"] + job["script"] + note["script"]
called = set(re.findall(r"ci/([a-z-]+\.sh)", "\n".join(lines)))
assert called == {"install.sh", "reproduce.sh", "comment-github.sh", "comment-gitlab.sh"}, called
assert all(os.access(folder + "/" + name, os.X_OK) for name in called)
assert any(".git/info/exclude" in line for line in job["before_script"])  # else each run has uncommitted changes
# No code of an experiment runs where a token may write, and no stranger's lock file is believed.
assert github["permissions"] == {"contents": "read"} and "permissions" not in jobs["reproduce"]
assert not any("reproduce.sh" in step.get("run", "") for step in jobs["comment"]["steps"])
assert all(step["with"]["persist-credentials"] is False for step in steps if "checkout" in step.get("uses", ""))
assert "pull_request_target" not in github[True]
assert "fork && '--force'" in str(jobs["reproduce"]) and "!github.event.pull_request.head.repo.fork" in jobs["comment"]["if"]
assert "--force" in str(job["script"]) and "GITLAB_TOKEN" not in str(job)
END
}

@test "the scripts are plain sh" {
  for script in "$SCRIPTS"/*.sh; do
    sh -n "$script"
  done
  command -v shellcheck >/dev/null || skip "no shellcheck"
  shellcheck "$SCRIPTS"/*.sh
}

@test "a shallow clone fails by its gate that lacks the baseline, and there is a report" {
  shared_project
  proposal 0.6
  git clone -q --depth 1 --branch proposal "file://$BATS_TEST_TMPDIR/origin.git" "$BATS_TEST_TMPDIR/checkout"
  cd "$BATS_TEST_TMPDIR/checkout" || return
  BASELINE=origin/main reproduce
  [ "$status" -eq 4 ] || tell "reproduce"
  says "fetch-depth: 0"
  says "the report is without 'origin/main'"
  says "as this clone is shallow"
  [ -s report/report.md ] && [ -s report/report.html ] && [ -s report/comment.md ]
}

@test "what the lock file of a stranger claims is made anew with --force" {
  git_init
  mkdir -p "$BATS_TEST_TMPDIR/bin"
  ln -s "$(realpath "$MLOPS")" "$BATS_TEST_TMPDIR/bin/mlops"
  export PATH=$BATS_TEST_TMPDIR/bin:$PATH
  pipeline <<'END'
stages:
  measure: {cmd: 'echo "{\"accuracy\": 0.5}" >m.json', metrics: [{m.json: {cache: false}}]}
END
  succeeds run
  before=$(sha256sum m.json | cut -d' ' -f1)
  echo '{"accuracy": 0.9}' >m.json
  sed -i "s/$before/$(sha256sum m.json | cut -d' ' -f1)/; s/0.5/0.9/" pipeline.lock
  commit_all claim
  git clone -q . "$BATS_TEST_TMPDIR/checkout"
  cd "$BATS_TEST_TMPDIR/checkout" || return
  reproduce --force
  [ "$status" -eq 0 ] || tell "reproduce"
  [ "$(cat m.json)" = '{"accuracy": 0.5}' ]
}

@test "mlops is built from the sources that are named, again when they are others" {
  mkdir -p bin sources/tests
  cat >bin/cmake <<'END'
#!/bin/sh
case $1 in --build) mkdir -p "$2/src"; cp "$MLOPS_HOME/source/program" "$2/src/mlops" ;; esac
END
  chmod +x bin/cmake
  for tool in sh git mkdir ln cp rm cat; do ln -s "$(command -v $tool)" bin/$tool; done
  cd sources
  git_init
  echo true >tests/install.sh
  for number in 1 2; do
    printf '#!/bin/sh\necho number %s\n' "$number" >program
    chmod +x program
    git add -A && git commit -q -m "$number" && git tag "v$number"
  done
  cd ..
  export MLOPS_SOURCE=file://$PWD/sources MLOPS_HOME=$PWD/built HOME=$PWD/home
  [ "$(PATH=$PWD/bin MLOPS_REF=v1 sh "$SCRIPTS/install.sh")" = "number 1" ]
  [ "$(PATH=$PWD/bin MLOPS_REF=v2 sh "$SCRIPTS/install.sh")" = "number 2" ]
  [ "$(PATH=$PWD/bin MLOPS_REF=v1 sh "$SCRIPTS/install.sh")" = "number 1" ]
}

@test "an mlops that is there is taken" {
  mkdir bin
  ln -s "$(realpath "$MLOPS")" bin/mlops
  PATH=$PWD/bin:$PATH MLOPS_SOURCE=/nowhere sh "$SCRIPTS/install.sh" | grep -q '^mlops '
}
