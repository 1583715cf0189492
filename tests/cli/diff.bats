# diff, metrics, params
load helper

measured() {
  echo raw >raw.txt
  echo 'lr: 1' >params.yaml
  pipeline <<'END'
stages:
  train:
    cmd: |
      lr=$(sed 's/lr: //' params.yaml)
      cat raw.txt > model.txt; echo "$lr" >> model.txt
      printf '{"acc": 0.9%s, "name": "m%s"}\n' "$lr" "$lr" > metrics.json
    deps: [raw.txt]
    params: [lr]
    outs: [model.txt]
    metrics: [{metrics.json: {cache: false}}]
END
}

@test "a run against itself differs in nothing" {
  measured
  ran executed=1
  succeeds diff @ @ --exit-code --json
  holds 'r["is_empty"] and not (r["metrics"] or r["params"] or r["data"] or r["stages"])'
}

@test "diff without words: what the workspace changed, then what the newest run changed" {
  measured
  ran executed=1
  fails 2 diff
  says 'only one run'
  echo 'lr: 2' >params.yaml
  succeeds diff --json
  holds 'r["after"]["title"] == "workspace" and r["params"][0]["after"] == "2"'
  holds 'r["metrics"] == []'
  ran executed=1
  succeeds diff --json
  holds 'r["after"]["title"].startswith("run ")'
  holds 'r["metrics"][0]["key"] == "acc" and abs(r["metrics"][0]["delta"] - 0.01) < 1e-9'
  holds 'r["metrics"][1]["before"] == "m1" and r["metrics"][1]["after"] == "m2"'
  holds '[x["part"] for x in r["stages"][0]["reasons"]] == ["param"]'
}

@test "diff sees data that changed, was added or removed in the workspace" {
  measured
  ran executed=1
  echo other >raw.txt
  fails 1 diff @ workspace --exit-code --json
  holds '[d["path"] for d in r["data"]] == ["raw.txt"] and r["data"][0]["change"] == "changed"'
  rm raw.txt
  fails 1 diff @ --exit-code --json
  holds 'r["data"][0]["path"] == "raw.txt" and r["data"][0]["change"] == "removed"'
}

@test "a git revision means its lock file, also without the ledger" {
  git_init
  measured
  ran executed=1
  commit_all
  echo 'lr: 2' >params.yaml
  ran executed=1
  succeeds diff HEAD @ --json
  holds '"= run" in r["before"]["title"] and r["params"][0]["before"] == "1"'
  rm -rf .mlops
  ran unchanged=1
  succeeds diff HEAD workspace --json
  holds 'r["metrics"][0]["before_value"] == 0.91 and r["metrics"][0]["after_value"] == 0.92'
  holds '"= run" not in r["before"]["title"]'
}

@test "a revision without a lock file says so" {
  git_init
  measured
  commit_all
  ran executed=1
  fails 3 diff HEAD
  says pipeline.lock
}

@test "code between two commits is listed" {
  git_init
  measured
  echo 'x = 1' >lib.py
  ran executed=1
  commit_all one
  echo 'x = 2' >lib.py
  echo 'lr: 2' >params.yaml
  commit_all two
  ran executed=1
  commit_all three
  succeeds diff HEAD~2 HEAD --json
  holds '"M lib.py" in r["code"]["files"] and r["code"]["differs"]'
}

@test "text, Markdown and CSV say the same" {
  measured
  ran executed=1
  echo 'lr: 2' >params.yaml
  ran executed=1
  for format in table md csv; do
    succeeds diff --format $format
    says 0.91
    says 0.92
    says +0.01
  done
  "$PYTHON" -c 'import csv, sys; rows = list(csv.DictReader(open(sys.argv[1]))); assert {"metrics", "params", "data"} <= {r["section"] for r in rows}, rows' "$OUT"
  succeeds diff @ @
  says 'unchanged: nothing differs'
}

@test "metrics and params stand side by side" {
  measured
  ran executed=1
  echo 'lr: 2' >params.yaml
  ran executed=1
  succeeds metrics @ @~1 --json
  holds '[x["metrics"]["metrics.json:acc"] for x in r["runs"]] == [0.92, 0.91]'
  succeeds params @ @~1 workspace --json
  holds '[x["params"]["params.yaml:lr"] for x in r["runs"]] == ["2", "1", "2"]'
  succeeds metrics
  says metrics.json:acc
  succeeds metrics @ @~1 --changed --name name --json
  holds 'list(r["runs"][0]["metrics"]) == ["metrics.json:name"]'
  succeeds params @ @ --changed --format csv
  [ "$(wc -l <"$OUT")" -eq 1 ]
}

@test "diff lists the files inside a directory that differs" {
  pipeline <<'END'
stages:
  split: {cmd: 'mkdir -p parts && cp raw.txt parts/a.txt && echo b > parts/b.txt', deps: [raw.txt], outs: [parts]}
END
  echo 1 >raw.txt
  ran executed=1
  succeeds diff @ @ --all --json
  holds 'r["data"][0]["files"] is None'
  echo new >parts/c.txt
  echo edited >parts/a.txt
  rm parts/b.txt
  succeeds diff --json
  holds '{k: r["data"][0]["files"][k] for k in ("added", "removed", "changed")} == {"added": 1, "removed": 1, "changed": 1}'
  holds '[f["change"] + " " + f["path"] for f in r["data"][0]["files"]["listed"]] == ["changed parts/a.txt", "removed parts/b.txt", "added parts/c.txt"]'
  succeeds diff
  not says 'parts/c.txt' 2>/dev/null
  succeeds diff -v
  says 'A parts/c.txt'
  echo 2 >raw.txt
  ran executed=1
  succeeds diff -v # both sides from the store
  says 'parts/: 0 added, 0 removed, 1 changed'
  chmod +x parts/b.txt
  succeeds diff --json # the bytes are the same
  holds '[f["path"] for f in r["data"][0]["files"]["listed"]] == ["parts/b.txt"]'
}

@test "uncommitted changes of the workspace are a difference of the code" {
  git_init
  measured
  commit_all
  ran executed=1
  succeeds diff @ workspace --json
  holds 'r["is_empty"] and r["after"]["code"]["is_dirty"] is False'
  echo note >README
  succeeds diff @ workspace --json
  holds 'r["code"]["differs"] and r["after"]["code"]["is_dirty"] is True and r["after"]["code"]["patch"]'
}

@test "with two pipelines diff compares runs of one, the newest's or the named" {
  echo 'x: 1' >p.yaml
  for name in pipeline second; do
    pipeline $name.yaml <<END
stages:
  $name: {cmd: cp p.yaml $name.out, params: [{p.yaml: [x]}], outs: [$name.out]}
END
  done
  succeeds run
  succeeds run second.yaml
  echo 'x: 2' >p.yaml
  succeeds run
  succeeds run second.yaml
  succeeds diff --json
  holds '[d["stage"] for d in r["stages"]] == ["second"]'
  succeeds diff -p pipeline.yaml --json
  holds '[d["stage"] for d in r["stages"]] == ["pipeline"]'
}

@test "without a pipeline the workspace is compared with a commit by code and data" {
  git_init
  succeeds init
  echo 1 >d
  succeeds add d
  commit_all
  succeeds diff HEAD --exit-code --json
  holds 'r["is_empty"] and r["after"]["code"]["commit"] == r["before"]["code"]["commit"]'
  echo 2 >d
  fails 1 diff HEAD --exit-code
  says "d"
  says_not "(blank)"
}

@test "in a fresh clone what was not fetched is not removed" {
  git_init
  succeeds init
  mkdir d
  echo 1 >d/x
  echo 1 >e
  pipeline <<'END'
stages:
  s: {cmd: cat d/x > out.txt; echo made >> out.txt, deps: [d], outs: [out.txt]}
END
  succeeds add d e
  succeeds run
  commit_all
  git clone -q . ../clone
  cp -r .mlops/cache ../cache
  cd ../clone
  succeeds diff HEAD --exit-code --json
  holds 'r["is_empty"]'
  succeeds diff HEAD
  says "nothing differs"
  mkdir -p .mlops/cache && cp -r ../cache/. .mlops/cache # here they were, and are no longer
  fails 1 diff HEAD --exit-code
  says "D  d "
}

@test "a state is named by the run that made it, not by one that failed and left it" {
  printf 'stages: {a: {cmd: "cat p.yaml >a; test $(cat p.yaml) -lt 3", deps: [p.yaml], outs: [a]}}\n' >pipeline.yaml
  git_init
  echo 1 >p.yaml
  ran executed=1
  commit_all one
  succeeds runs --json
  made=$("$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["runs"][0]["run"][-8:])' "$OUT")
  echo 7 >p.yaml
  fails 1 run
  echo 2 >p.yaml
  ran executed=1
  succeeds diff
  says "run $made -> run"
  succeeds diff HEAD
  says "= run $made -> workspace"
}

@test "several runs that left the same state are not called one" {
  two_stages
  ran executed=2
  ran unchanged=2
  fails 2 diff
  says 'all 2 runs left the same'
}
