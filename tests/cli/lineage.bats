load helper

@test "lineage tells what made a file, from its sources on" {
  two_stages
  ran executed=2
  succeeds lineage model.txt --json
  holds 'r["artifacts"][0]["origins"]["stage"] == "train"'
  holds '[c.get("path", c.get("name")) for c in r["artifacts"][0]["origins"]["children"]] == ["clean.txt", "params.yaml:lr"]'
  holds 'r["artifacts"][0]["origins"]["children"][0]["children"][0]["path"] == "raw.txt"'
  succeeds lineage model.txt
  says 'made from'
  says 'params.yaml:lr = 1'
}

@test "lineage tells what came of a file" {
  two_stages
  ran executed=2
  succeeds lineage raw.txt --json
  holds 'r["artifacts"][0]["uses"]["children"][0]["stage"] == "prepare"'
  holds 'r["artifacts"][0]["uses"]["children"][0]["children"][0]["children"][0]["stage"] == "train"'
}

@test "lineage by digest and by run" {
  two_stages
  ran executed=2
  succeeds lineage "$(sha256sum clean.txt | cut -c 1-64)" --json
  holds 'r["artifacts"][0]["origins"]["path"] == "clean.txt"'
  succeeds lineage @ --json
  holds '[a["origins"]["path"] for a in r["artifacts"]] == ["model.txt"]'
  fails 2 lineage nothing.txt
}

@test "a file inside a directory that a stage made leads to that stage" {
  pipeline <<'END'
stages:
  split: {cmd: 'mkdir -p parts && echo a > parts/a.txt && echo b > parts/b.txt', outs: [parts]}
  use: {cmd: 'cat parts/a.txt > used.txt', deps: [parts/a.txt], outs: [used.txt]}
END
  ran executed=2
  succeeds lineage used.txt --json
  holds 'r["artifacts"][0]["origins"]["children"][0]["path"] == "parts/a.txt"'
  holds 'r["artifacts"][0]["origins"]["children"][0]["stage"] == "split"'
}

@test "what is older than a rebuild keeps its own sources" {
  two_stages
  ran executed=2
  old=$(sha256sum model.txt | cut -c 1-64)
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  succeeds lineage "$old" --json
  holds '"1" in [c.get("value") for c in r["artifacts"][0]["origins"]["children"]]'
}

@test "who used a part of a directory used the directory, and the other way round" {
  pipeline <<'END'
stages:
  split: {cmd: 'mkdir -p parts && cp raw.txt parts/a.txt', deps: [raw.txt], outs: [parts]}
  one: {cmd: 'cat parts/a.txt > one.txt', deps: [parts/a.txt], outs: [one.txt]}
  all: {cmd: 'cat parts/* > all.txt', deps: [parts], outs: [all.txt]}
END
  echo 1 >raw.txt
  ran executed=3
  succeeds lineage raw.txt --json
  holds 'sorted(u["stage"] for u in r["artifacts"][0]["uses"]["children"][0]["children"][0]["children"]) == ["all", "one"]'
  succeeds lineage parts --json
  holds '{u["stage"]: u.get("path") for u in r["artifacts"][0]["uses"]["children"]} == {"all": None, "one": "parts/a.txt"}'
  succeeds lineage parts/a.txt --json
  holds '{u["stage"]: u.get("path") for u in r["artifacts"][0]["uses"]["children"]} == {"all": "parts", "one": None}'
  succeeds lineage @ --json
  holds 'sorted(a["origins"]["path"] for a in r["artifacts"]) == ["all.txt", "one.txt"]'
  echo 2 >raw.txt
  ran executed=3
  succeeds lineage parts --json # the new version: not what used the old one
  holds 'len(r["artifacts"][0]["uses"]["children"]) == 2'
}

@test "several processes that meet a history of before bring it up to date once, and all go on" {
  two_stages
  succeeds run
  "$PYTHON" -c '
import sqlite3
history = sqlite3.connect(".mlops/lineage.db")
history.executescript("DROP TABLE report; DROP TABLE trial_run; DROP TABLE trial; DROP TABLE sweep; DROP TABLE course; DROP TABLE quantity; DROP TABLE lane; PRAGMA user_version = 2;")
'
  cp .mlops/lineage.db ../before.db
  for _ in 1 2 3; do
    rm -f .mlops/lineage.db*
    cp ../before.db .mlops/lineage.db
    for left in lineage.db.v2 lineage.db.v2-journal lineage.db.turn; do # by a crash
      echo "half of it" >".mlops/$left"
    done
    local pids=()
    for name in a b c d e f; do
      "$MLOPS" tag @ "$name" 2>>../told &
      pids+=($!)
    done
    for pid in "${pids[@]}"; do
      wait "$pid" || tell "one failed: $(cat ../told)"
    done
    "$PYTHON" -c '
import sqlite3
version = "PRAGMA user_version"
assert sqlite3.connect(".mlops/lineage.db.v2").execute(version).fetchone() == (2,)
assert sqlite3.connect(".mlops/lineage.db").execute("SELECT count(*) FROM tag").fetchone() == (6,)
'
    [ ! -e .mlops/lineage.db.turn ] && [ ! -e .mlops/lineage.db.v2-journal ]
  done
}
