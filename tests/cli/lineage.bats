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
