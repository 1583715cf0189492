# Metrics files of all kinds, and metrics and params as DVC's users know them.
load helper

project() {
  git_init
  cat >make.sh <<'END'
k=$(sed -n 's/^k: //p' params.yaml)
printf 'metric,value\naccuracy,0.%s\nloss,0.2\n' "$k" >m.csv
printf 'step,loss\n1,0.5\n2,0.25\n' >steps.csv
printf '[val]\nf1 = 0.5\n' >m.toml
printf '{"epoch": 1, "loss": 3}\n{"epoch": 2, "loss": NaN}\n' >log.jsonl
printf '{"loss": NaN, "best": Infinity}' >m.json
printf 'nothing, to be, read "as\n metrics' >odd.csv
END
  echo 'k: 9' >params.yaml
  echo '{"extra": 1}' >top.json
  pipeline <<'END'
stages:
  make:
    cmd: sh make.sh
    deps: [make.sh]
    params: [k]
    metrics: [{m.csv: {cache: false}}, steps.csv, m.toml, log.jsonl, m.json, odd.csv]
metrics: [top.json]
END
}

@test "CSV, TOML, JSON Lines and NaN are metrics of a result; odd tables fail nothing" {
  project
  ran executed=1
  succeeds metrics --json
  holds 'r["runs"][0]["metrics"]["m.csv:accuracy"] == 0.9'
  holds 'r["runs"][0]["metrics"]["steps.csv:loss"] == 0.25'
  holds 'r["runs"][0]["metrics"]["m.toml:val.f1"] == 0.5'
  holds 'r["runs"][0]["metrics"]["log.jsonl:epoch"] == 2'
  holds 'r["runs"][0]["metrics"]["m.json:loss"] == "NaN"'
  ran unchanged=1
  rm -rf m.* .mlops/lineage.db*
  ran restored=1
}

@test "diff shows HEAD and the workspace, with the change and whether it is better" {
  project
  ran executed=1
  git add -A && git commit -qm one
  echo 'k: 8' >params.yaml
  ran executed=1
  succeeds metrics diff
  [ "$(cat "$OUT")" = "Path   Metric    HEAD  workspace  Change
m.csv  accuracy   0.9        0.8    -0.1" ]
  succeeds metrics diff --json
  holds 'r["metrics"][0]["verdict"] == "worse" and r["metrics"][0]["before"] == 0.9'
  succeeds metrics diff --md --no-path
  says "| Metric | HEAD | workspace | Change |"
  succeeds metrics diff --all --json
  holds 'len(r["metrics"]) > 6'
  succeeds metrics diff @ @~1 --json
  holds 'r["metrics"][0]["verdict"] == "better"'
  succeeds metrics diff --targets m.toml --json
  holds 'r["metrics"] == []'
  succeeds params diff
  says "params.yaml"
  succeeds params diff --json
  holds 'r["params"] == [{"path": "params.yaml", "name": "k", "before": 9, "after": 8, "change": -1, "verdict": None}]'
  fails 2 metrics diff @ @~1 HEAD
}

@test "without git, diff compares with the newest run" {
  project
  rm -rf .git
  ran executed=1
  echo 'k: 7' >params.yaml
  sh make.sh
  succeeds metrics diff --json
  holds '("accuracy", 0.9, 0.7) in [(m["name"], m["before"], m["after"]) for m in r["metrics"]]'
}

@test "metrics of the top level are shown, of the work tree and of commits" {
  project
  ran executed=1
  succeeds metrics --json
  holds 'r["runs"][0]["metrics"]["top.json:extra"] == 1'
  git add -A && git commit -qm one
  echo '{"extra": 2}' >top.json
  succeeds metrics HEAD workspace --json
  holds '[x["metrics"]["top.json:extra"] for x in r["runs"]] == [1, 2]'
  succeeds metrics show top.json workspace --json
  holds 'r["runs"][0]["metrics"] == {"top.json:extra": 2}'
  succeeds metrics workspace --precision 1 --name accuracy
  says "0.9"
}

@test "metrics inside an output directory are found in the store" {
  git_init
  echo 'mkdir -p eval; echo "{\"f1\": 0.$(cat k)}" > eval/m.json' >make.sh
  echo 5 >k
  pipeline dvc.yaml <<'END'
stages:
  e: {cmd: sh make.sh, deps: [make.sh, k], outs: [eval]}
metrics: [eval/m.json]
END
  ran executed=1
  echo 6 >k
  ran executed=1
  succeeds metrics diff @~1 @ --json
  holds '[(m["before"], m["after"], m["verdict"]) for m in r["metrics"]] == [(0.5, 0.6, "better")]'
}

@test "of a built-in evaluation the main metrics come first, and details are asked for" {
  printf 'id,label,score,at\n1,0,0.2,a\n2,1,0.7,a\n3,1,0.4,b\n4,0,0.3,b\n5,1,0.9,b\n' >p.csv
  pipeline <<'END'
stages:
  judge: {kind: evaluate, predictions: p.csv, task: binary, slices: [at], metrics: [m.json]}
END
  ran executed=1
  for command in metrics show; do
    succeeds $command
    says 'm.json:binary.f1'
    says_not 'm.json:slices.'
    says_not 'm.json:trivial.'
    says 'more of classes, slices and the trivial baseline (--all)'
    succeeds $command --all
    says 'm.json:slices.'
    says_not '(--all)'
    succeeds $command --json
    grep -q trivial "$OUT"
  done
  succeeds metrics
  [ "$(sed -n 2p "$OUT" | cut -d' ' -f1)" = m.json:accuracy ]
  [ "$(grep -n 'm.json:roc_auc ' "$OUT" | cut -d: -f1)" -lt "$(grep -n 'm.json:kappa ' "$OUT" | cut -d: -f1)" ]
  succeeds metrics --name slices.at.a
  says 'm.json:slices.at.a.'
  succeeds metrics --format csv
  says 'm.json:classes.'
  succeeds metrics --md
  says '(--all)'
}

@test "a mistyped action is told" {
  two_stages
  ran executed=2
  fails 2 metrics dif
  says "'dif' is no action and no run (did you mean 'mlops metrics diff'?)"
  git_init
  commit_all
  git branch dif
  succeeds metrics dif
}

@test "an output that becomes a metrics file has its values read, in place or restored" {
  echo '{"f1": 0.5}' >in.json
  pipeline <<'END'
stages:
  make:
    cmd: cp in.json m.json
    deps: [in.json]
    outs: [m.json]
END
  ran executed=1
  cp -r . ../other
  sed -i 's/outs:/metrics:/' pipeline.yaml
  ran unchanged=1
  succeeds metrics --json
  holds 'r["runs"][0]["metrics"] == {"m.json:f1": 0.5}'
  succeeds runs --filter 'metrics.f1 = 0.5' --json
  holds 'len(r["runs"]) == 1'
  cd ../other
  sed -i 's/outs:/metrics:/' pipeline.yaml
  rm m.json
  ran restored=1
  succeeds metrics --json
  holds 'r["runs"][0]["metrics"] == {"m.json:f1": 0.5}'
}

@test "a gate on an output that becomes a metrics file judges its value" {
  echo '{"f1": 0.5}' >in.json
  pipeline <<'END'
stages:
  make:
    kind: evaluate
    cmd: cp in.json m.json
    deps: [in.json]
    outs: [m.json]
END
  ran executed=1
  sed -i 's/outs:/metrics:/' pipeline.yaml
  echo '    gates: [{metric: f1, min: 0.6}]' >>pipeline.yaml
  fails 1 run
  says 'f1 0.5 is below 0.6'
}

@test "a clone that has run nothing shows what the files hold, and diffs and reports HEAD" {
  project
  ran executed=1
  commit_all
  git clone -q . ../clone
  cd ../clone
  succeeds metrics --json
  holds 'r["runs"][0]["metrics"]["m.csv:accuracy"] == 0.9'
  succeeds params --json
  holds 'list(r["runs"][0]["params"].values()) == ["9"]'
  succeeds diff --json
  holds 'r["before"]["title"].startswith("HEAD")'
  succeeds report
  says '# Report of HEAD'
}

@test "params of revisions that no lock file tells of are those of git's files" {
  git_init
  pipeline dvc.yaml <<'END'
stages:
  make:
    cmd: cp params.yaml out
    params: [lr, net]
    outs: [out]
END
  printf 'lr: 0.1\nnet: {sizes: [1, 2]}\n' >params.yaml
  commit_all before
  sed -i 's/0.1/0.3/' params.yaml
  ran executed=1
  succeeds params diff HEAD --json
  holds '[(p["name"], p["before"], p["after"]) for p in r["params"]] == [("lr", 0.1, 0.3)]'
}
