# diff: the line that says whether it is better, and why
load helper

# A project whose metric follows from all that may change: a parameter, data, code.
scored() {
  git_init
  cat >train.sh <<'END'
lr=$(sed 's/lr: //' params.yaml)
rows=$(wc -l <train.csv)
echo "{\"f1\": 0.8$rows$lr}" >metrics.json
END
  echo 'lr: 1' >params.yaml
  printf 'a\n1\n' >train.csv
  pipeline <<'END'
stages:
  train:
    cmd: sh train.sh
    deps: [train.csv, train.sh]
    params: [lr]
    metrics: [{metrics.json: {cache: false}}]
END
  ran executed=1
  commit_all one
}

# verdict KIND TEXT: of HEAD against what there is now; the other way round it is mirrored.
verdict() {
  local mirrored=$1
  case $1 in
  better) mirrored=worse ;;
  worse) mirrored=better ;;
  esac
  succeeds diff HEAD workspace --json
  holds 'r["verdict"]["kind"] == "'"$1"'"'
  holds 'r["verdict"]["text"] == """'"$2"'"""'
  succeeds diff workspace HEAD --json
  holds 'r["verdict"]["kind"] == "'"$mirrored"'"'
  succeeds diff HEAD
  [ "$(head -n 1 "$OUT")" = "$2" ] || tell "verdict $2"
}

matches() {
  grep -qE -- "$1" "$OUT" || tell "does not match: $1"
}

@test "nothing changed" {
  scored
  verdict unchanged 'unchanged: nothing differs'
  succeeds diff HEAD --exit-code
}

@test "after a run that was stopped it is that run that is compared" {
  pipeline <<'END'
stages:
  make: {cmd: 'cp a made', deps: [a], outs: [made]}
  check: {cmd: 'grep -q good made && cp made checked', deps: [made], outs: [checked]}
  use: {cmd: 'cp checked used', deps: [checked], outs: [used]}
END
  echo good >a
  ran executed=3
  echo evil >a
  fails 1 run
  succeeds diff
  says 'only the data a changed'
  not grep -q 'workspace\|not run' "$OUT"
  echo worse >a
  succeeds diff
  says 'only the data a changed; not run with that yet'
}

@test "only a parameter changed" {
  scored
  echo 'lr: 3' >params.yaml
  verdict other 'only the parameter lr changed; not run with that yet'
  ran executed=1
  verdict better 'better: f1 0.821 -> 0.823 (+0.002); only the parameter lr changed'
  fails 1 diff HEAD --exit-code
}

# A command that templates are in, and a file of its output.
templated() {
  git_init
  printf 'train: {lr: 1, depth: 3}\n' >params.yaml
  # shellcheck disable=SC2016 # of the pipeline
  pipeline <<'END'
stages:
  train:
    cmd: 'echo "{\"f1\": 0.8${train.lr}}" >metrics.json; : ${train.depth}'
    metrics: [{metrics.json: {cache: false}}]
END
  ran executed=1
  commit_all one
}

@test "only a parameter that a template took changed" {
  templated
  printf 'train: {lr: 2, depth: 3}\n' >params.yaml
  verdict other 'only the parameter train.lr changed; not run with that yet'
  ran executed=1
  verdict better 'better: f1 0.81 -> 0.82 (+0.01); only the parameter train.lr changed'
  succeeds diff --json
  holds '[(p["key"], p["before"], p["after"]) for p in r["params"]] == [("train.lr", "1", "2")]'
  succeeds params --json
  holds 'r["runs"][0]["params"]["params.yaml:train.lr"] == "2"'
  succeeds runs --filter 'params.train.lr < 2' --json
  holds 'len(r["runs"]) == 1'
}

@test "only a parameter that a template took changed: in a fresh clone" {
  templated
  printf 'train: {lr: 2, depth: 3}\n' >params.yaml
  ran executed=1
  commit_all two
  git clone -q . "$BATS_TEST_TMPDIR/clone"
  cd "$BATS_TEST_TMPDIR/clone"
  succeeds diff HEAD~1
  [ "$(head -n 1 "$OUT")" = 'better: f1 0.81 -> 0.82 (+0.01); only the parameter train.lr changed' ] || tell verdict
  printf 'train: {lr: 3, depth: 3}\n' >params.yaml && git commit -qam "not run"
  succeeds diff HEAD HEAD~1
  says_not 'lr changed'
}

@test "only a parameter with blanks that a template took changed" {
  git_init
  echo 'name: my model' >params.yaml
  # shellcheck disable=SC2016 # of the pipeline
  pipeline <<<'stages: {a: {cmd: "echo ${name} >a", outs: [a]}}'
  ran executed=1
  commit_all one
  for name in "your model" "my other model" "my" "model" "my model my model"; do
    echo "name: $name" >params.yaml
    verdict other 'only the parameter name changed; not run with that yet'
  done
}

@test "a template whose text changed as well is told beside the parameter" {
  templated
  printf 'train: {lr: 2, depth: 3}\n' >params.yaml
  sed -i 's/: \${train.depth}/true &/' pipeline.yaml
  verdict other 'changed: params train.lr, definition of train; not run with that yet'
}

@test "only data changed" {
  scored
  printf 'a\n1\n2\n' >train.csv
  ran executed=1
  verdict better 'better: f1 0.821 -> 0.831 (+0.010); only the data train.csv changed'
  succeeds diff HEAD --json
  holds '[(d["path"], d["role"]) for d in r["data"]] == [("train.csv", "input"), ("metrics.json", "output")]'
  holds 'not r["params"] and not r["code"]["of_stages"] and r["code"]["other_count"] == 0'
}

@test "only code changed" {
  scored
  sed -i 's/0.8/0.7/' train.sh
  ran executed=1
  verdict worse 'worse: f1 0.821 -> 0.721 (-0.100); only the code in train.sh changed'
  succeeds diff HEAD --patch
  matches '^-echo .*0[.]8'
  matches '^[+]echo .*0[.]7'
  says_not 'diff --git a/params.yaml'
  commit_all two
  succeeds diff HEAD~1 HEAD --patch --json
  holds '[c["path"] for c in r["code"]["of_stages"]] == ["train.sh"] and r["code"]["commit_count"] == 1'
  holds 'r["code"]["commits"][0]["subject"] == "two" and "0.7" in r["code"]["patch"]'
  succeeds diff HEAD HEAD~1 --json
  holds 'r["code"]["commit_count"] == 0 and r["code"]["lost"][0]["subject"] == "two"'
}

@test "code that makes no difference to the metrics" {
  scored
  echo '# a remark' >>train.sh
  ran executed=1
  verdict same 'metrics the same; only the code in train.sh changed'
}

@test "only a file that no stage depends on changed" {
  scored
  echo hello >README
  commit_all two
  succeeds diff HEAD~1 HEAD
  [ "$(head -n 1 "$OUT")" = 'metrics the same; only README changed, which no stage depends on' ]
  says '1 changed file that no stage depends on'
  fails 2 diff # the newest run is what the workspace holds, and there is no other one
  says 'only one run'
}

@test "only a package changed" {
  local version
  version=$(/usr/bin/python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
  local packages=.venv/lib/python$version/site-packages
  git_init
  mkdir -p "$packages/scikit_learn-1.2.1.dist-info" .venv/bin
  ln -s /usr/bin/python3 .venv/bin/python
  printf 'home = /usr/bin\nversion = %s.0\n' "$version" >.venv/pyvenv.cfg
  printf 'Metadata-Version: 2.1\nName: scikit-learn\nVersion: 1.2.1\n' >"$packages/scikit_learn-1.2.1.dist-info/METADATA"
  echo 'open("m.json", "w").write("{\"f1\": 0.8}")' >train.py
  printf '.venv\n' >.gitignore
  pipeline <<'END'
stages:
  train:
    cmd: .venv/bin/python -I -S train.py
    deps: [train.py]
    metrics: [{m.json: {cache: false}}]
END
  ran executed=1
  commit_all one
  succeeds tag @ before
  mv "$packages/scikit_learn-1.2.1.dist-info" "$packages/scikit_learn-1.3.0.dist-info"
  sed -i 's/1.2.1/1.3.0/' "$packages/scikit_learn-1.3.0.dist-info/METADATA"
  ran executed=1 -- --force
  succeeds diff before @ --json
  holds 'r["verdict"]["text"] == "metrics the same; only the package scikit-learn changed"'
  holds 'r["environment"][0]["stages"] == ["train"]'
  holds '[c for c in r["environment"][0]["changes"] if c["section"] == "packages"] == [{"section": "packages", "name": "scikit-learn", "before": "1.2.1", "after": "1.3.0"}]'
  fails 1 diff before --exit-code
  matches 'packages *scikit-learn *1.2.1 *1.3.0'
}

@test "a stage was added" {
  scored
  cat >>pipeline.yaml <<'END'
  report:
    cmd: cat metrics.json note.csv > report.txt
    deps: [metrics.json, note.csv]
    outs: [report.txt]
END
  echo x >note.csv
  ran executed=1 unchanged=1
  verdict same 'metrics the same; only the stage report was added'
  succeeds diff HEAD --json
  holds '[(s["stage"], s["change"]) for s in r["stages"]] == [("report", "added")]'
  succeeds diff workspace HEAD
  [ "$(head -n 1 "$OUT")" = 'metrics the same; only the stage report was removed' ]
}

@test "the definition of a stage changed" {
  scored
  sed -i 's/sh train.sh/sh -e train.sh/' pipeline.yaml
  ran executed=1
  verdict same 'metrics the same; only the definition of train changed'
  succeeds diff HEAD
  matches 'train *cmd *sh train.sh *sh -e train.sh'
}

@test "several things changed" {
  scored
  echo 'lr: 2' >params.yaml
  printf 'a\n1\n2\n' >train.csv
  ran executed=1
  verdict better 'better: f1 0.821 -> 0.832 (+0.011); changed: params lr, data train.csv'
}

@test "run first, commit afterwards: diff HEAD~1 and diff alone" {
  scored
  echo 'lr: 2' >params.yaml
  ran executed=1
  commit_all two
  succeeds diff HEAD~1
  [ "$(head -n 1 "$OUT")" = 'better: f1 0.821 -> 0.822 (+0.001); only the parameter lr changed' ]
  succeeds diff
  [ "$(head -n 1 "$OUT")" = 'better: f1 0.821 -> 0.822 (+0.001); only the parameter lr changed' ]
}

@test "a fresh clone without a database, and revisions of branches" {
  scored
  git switch -q -c trial
  echo 'lr: 2' >params.yaml
  ran executed=1
  commit_all two
  git clone -q . ../clone
  cd ../clone
  for sides in 'HEAD~1' 'HEAD~1 HEAD' 'origin/main origin/trial'; do
    # shellcheck disable=SC2086
    succeeds diff $sides --json
    holds 'r["verdict"]["text"] == "better: f1 0.821 -> 0.822 (+0.001); only the parameter lr changed"'
  done
}

@test "the metric of the first gate decides" {
  echo 1 >in.txt
  pipeline <<'END'
stages:
  judge:
    kind: evaluate
    cmd: 'x=$(cat in.txt); echo "{\"f1\": 0.$x, \"latency_score\": $x, \"rmse\": $x}" > m.json'
    deps: [in.txt]
    metrics: [{m.json: {cache: false}}]
    gates:
      - {metric: latency_score, max: 9, direction: lower}
END
  ran executed=1
  echo 2 >in.txt
  ran executed=1
  succeeds diff --json
  holds 'r["verdict"]["text"] == "worse: latency_score 1 -> 2 (+1); only the data in.txt changed"'
  holds '{m["key"]: (m["judgement"], m["is_main"]) for m in r["metrics"]} == {"f1": ("better", False), "latency_score": ("worse", True), "rmse": ("worse", False)}'
}

@test "more than two sides give a table" {
  scored
  echo 'lr: 2' >params.yaml
  ran executed=1
  commit_all two
  echo 'lr: 3' >params.yaml
  fails 1 diff HEAD~1 HEAD workspace --exit-code --json
  holds '[m["values"] for m in r["metrics"]] == [[0.821, 0.822, 0.822]]'
  holds '[p["values"] for p in r["params"]] == [["1", "2", "3"]]'
  succeeds diff HEAD~1 HEAD workspace
  matches 'metric.*f1.*0.821.*0.822.*0.822'
  succeeds diff HEAD HEAD HEAD --exit-code
  says 'the same on all 3 sides'
  succeeds diff HEAD HEAD HEAD --all --format csv
  says f1
  fails 2 diff HEAD HEAD HEAD --patch
}

@test "Markdown is short, and the rest can be opened" {
  scored
  echo 'lr: 2' >params.yaml
  ran executed=1
  succeeds diff HEAD --md
  [ "$(head -n 1 "$OUT")" = '**better: f1 0.821 -> 0.822 (+0.001); only the parameter lr changed**' ]
  says '<details><summary>Parameters (1)</summary>'
  [ "$(grep -c '<details>' "$OUT")" -eq "$(grep -c '</details>' "$OUT")" ]
  fails 2 diff HEAD --md --json
}

# A check that allows one digit, a gate, and both say no to some parameters.
refused() {
  git_init
  echo 'lr: 3' >params.yaml
  pipeline <<'END'
stages:
  prepare: {cmd: cp params.yaml data.txt, params: [lr], outs: [data.txt]}
  check: {kind: validate, cmd: "grep -q '[1-5]' data.txt", deps: [data.txt]}
  judge:
    kind: evaluate
    cmd: 'sed "s/lr: \(.*\)/{\"f1\": 0.8\1}/" data.txt >metrics.json'
    deps: [data.txt]
    metrics: [{metrics.json: {cache: false}}]
    gates: [{metric: f1, min: 0.82}]
END
  ran executed=3
  commit_all one
}

@test "after a run that a gate rejected: against the one before, with the gate's verdict" {
  refused
  echo 'lr: 1' >params.yaml
  fails 1 run
  succeeds diff
  [ "$(head -n 1 "$OUT")" = 'worse: f1 0.83 -> 0.81 (-0.02); only the parameter lr changed' ] || tell verdict
  says 'judge: 1 of 1 gates failed'
  says '  f1 0.81 is below 0.82'
  succeeds diff --md
  says '- f1 0.81 is below 0.82'
  succeeds diff --html -
  says '<li>judge: 1 of 1 gates failed</li>'
  succeeds diff --json
  holds 'r["judgements"][0] == "judge: 1 of 1 gates failed"'
}

@test "after a run that failed or was rejected: what was tried, and what became of it" {
  refused
  for _ in 1 2; do
    echo 'lr: 9' >params.yaml
    fails 1 run
    succeeds diff
    matches '^only the parameter lr changed; run ........: check rejected [(]exited with status 1[)]$'
    says_not 'workspace'
  done
  # What is in place was measured before: main is not compared with it.
  succeeds diff HEAD
  says_not 'worse: '
  succeeds diff HEAD --json
  holds 'r["verdict"]["kind"] == "other"'
  echo 'lr: 8' >params.yaml
  succeeds diff
  says 'not run with that yet'
}

@test "metrics in place that were made with other inputs give no verdict" {
  refused
  echo 'lr: 2' >params.yaml
  ran executed=3
  echo 'lr: 5' >params.yaml
  verdict other 'only the parameter lr changed; not run with that yet'
  says 'metrics are of what was run before'
}

@test "a metric that came along is no cause beside one" {
  pipeline <<'END'
stages:
  score: {cmd: 'cp a m.json', deps: [a], metrics: [m.json]}
END
  echo '{"f1": 0.5}' >a
  ran executed=1
  echo '{"f1": 0.6, "extra": 1}' >a
  ran executed=1
  succeeds diff
  says 'better: f1 0.5 -> 0.6 (+0.1); only the data a changed'
}

@test "metrics of one name are told with their files" {
  git_init # without a commit there is none to show
  pipeline <<'END'
stages:
  score: {cmd: 'mkdir -p m && cp a m/a.json && cp a m/b.json', deps: [a], metrics: [m/a.json, m/b.json]}
END
  echo '{"f1": 0.5}' >a
  ran executed=1
  echo '{"f1": 0.6}' >a
  ran executed=1
  succeeds diff
  says 'better: m/a.json:f1 0.5 -> 0.6 (+0.1), m/b.json:f1 0.5 -> 0.6 (+0.1); only the data a changed'
  not grep -q commit "$OUT"
}
