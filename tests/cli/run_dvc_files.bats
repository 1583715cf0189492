# A DVC project of several dvc.yaml and .dvc files is one graph.
load helper

# prep (root) -> train (sub) -> report (root), eval (sub/deep); other (sub) stands alone.
three_files() {
  mkdir -p .dvc data sub/deep
  echo raw >data/raw.csv
  pipeline dvc.yaml <<'END'
stages:
  prep:
    cmd: echo prep >> "$DID"; cat data/raw.csv > clean.csv
    deps: [data/raw.csv]
    outs: [clean.csv]
  report:
    cmd: echo report >> "$DID"; cat sub/model.txt > report.txt
    deps: [sub/model.txt]
    outs: [report.txt]
END
  pipeline sub/dvc.yaml <<'END'
stages:
  train:
    cmd: echo train >> "$DID"; cat ../clean.csv > model.txt
    deps: [../clean.csv]
    outs: [model.txt]
  other:
    cmd: echo other >> "$DID"; echo other > other.txt
    outs: [other.txt]
END
  pipeline sub/deep/dvc.yaml <<'END'
stages:
  eval:
    cmd: echo eval >> "$DID"; cat ../model.txt > eval.txt
    deps: [../model.txt]
    outs: [eval.txt]
END
}

# track PATH: writes PATH.dvc as DVC does.
track() {
  cat >"$1.dvc" <<END
outs:
- md5: $(md5sum "$1" | cut -c 1-32)
  size: $(stat -c %s "$1")
  hash: md5
  path: ${1##*/}
END
}

@test "a run takes the stages of its file and what they need in others; each file has its lock" {
  three_files
  ran executed=3
  did prep train report
  [ -e dvc.mlops.lock ] && [ -e sub/dvc.mlops.lock ] && [ ! -e sub/deep/dvc.mlops.lock ]
  grep -q '^  train:' sub/dvc.mlops.lock
  not grep -q train dvc.mlops.lock
  ran unchanged=3
}

@test "in a directory below its dvc.yaml is the one, with the graph of the project" {
  three_files
  (
    cd sub
    ran executed=3
    holds 'set(s) == {"dvc.yaml:prep", "train", "other"}'
  )
  ran unchanged=2 executed=1
  did prep train other report
}

@test "the file that is named makes no difference to what is known" {
  three_files
  ran executed=5 -- -P
  before=$(cat dvc.mlops.lock sub/dvc.mlops.lock sub/deep/dvc.mlops.lock)
  for file in dvc.yaml sub/dvc.yaml sub/deep/dvc.yaml; do
    ran unchanged=5 -- "$file" -P
  done
  [ "$before" = "$(cat dvc.mlops.lock sub/dvc.mlops.lock sub/deep/dvc.mlops.lock)" ]
}

@test "targets name stages of other files, files, and what they make, from any directory" {
  three_files
  succeeds plan --json sub/deep/dvc.yaml:eval
  holds 'set(s) == {"prep", "sub/dvc.yaml:train", "sub/deep/dvc.yaml:eval"}'
  cd sub
  succeeds plan --json deep/dvc.yaml:eval
  holds 'set(s) == {"dvc.yaml:prep", "train", "sub/deep/dvc.yaml:eval"}'
  succeeds plan --json ../dvc.yaml:prep :other
  holds 'set(s) == {"dvc.yaml:prep", "other"}'
  succeeds plan --json ../report.txt
  holds 'set(s) == {"dvc.yaml:prep", "train", "dvc.yaml:report"}'
  succeeds plan --json dvc.yaml deep/dvc.yaml
  holds 'set(s) == {"dvc.yaml:prep", "train", "other", "sub/deep/dvc.yaml:eval"}'
  fails 2 plan eval
  says "did you mean 'sub/deep/dvc.yaml:eval'"
  fails 2 plan ohter
  says "did you mean 'other'"
}

@test "a target that names its file needs no other pipeline" {
  three_files
  rm dvc.yaml
  touch clean.csv
  ran executed=2 -- sub/deep/dvc.yaml:eval
  holds 'set(s) == {"eval", "sub/dvc.yaml:train"}'
}

@test "all files run from a directory that has none" {
  three_files
  rm dvc.yaml
  touch clean.csv
  ran executed=3 -- -P
  did train other eval
  ran unchanged=3 -- -R sub
}

@test "whole pipelines, all of them, those of a directory, and patterns" {
  three_files
  succeeds plan --json -p report
  holds 'set(s) == {"prep", "report", "sub/dvc.yaml:train", "sub/deep/dvc.yaml:eval"}'
  succeeds plan --json --all-pipelines
  holds 'len(s) == 5'
  fails 2 plan -P report
  says "no targets"
  succeeds plan --json -R sub
  holds 'set(s) == {"prep", "sub/dvc.yaml:train", "sub/dvc.yaml:other", "sub/deep/dvc.yaml:eval"}'
  fails 2 plan -R data
  says "no pipeline"
  succeeds plan --json --glob 'p*'
  holds 'set(s) == {"prep"}'
  succeeds plan --json --glob sub/dvc.yaml:o*
  holds 'set(s) == {"sub/dvc.yaml:other"}'
  fails 2 plan --glob 'x*'
  says "no stage matches"
}

@test "instances of a matrix are targets, alone and together, and one node of the graph" {
  mkdir .dvc
  pipeline dvc.yaml <<'END'
stages:
  fit:
    matrix:
      model: [a, b, c]
    cmd: echo ${item.model} > ${item.model}.txt
    outs: ["${item.model}.txt"]
  join:
    cmd: cat a.txt b.txt c.txt > all.txt
    deps: [a.txt, b.txt, c.txt]
    outs: [all.txt]
END
  succeeds plan --json fit@b
  holds 'set(s) == {"fit@b"}'
  succeeds plan --json fit
  holds 'set(s) == {"fit@a", "fit@b", "fit@c"}'
  succeeds dag
  says 'fit (3)'
  [ "$(wc -l <"$OUT")" -eq 2 ]
  succeeds dag --dot
  says '"fit (3)" -> "join";'
  succeeds dag --instances
  says 'fit@b'
  succeeds dag --json
  holds 's["fit@b"]["written"] == {"file": "dvc.yaml", "name": "fit@b", "group": "fit"}'
}

@test "stale entries go only from the lock of a file that ran whole" {
  three_files
  ran executed=5 -- -P
  sed -i 's/  other:$/  renamed:/' sub/dvc.yaml
  ran unchanged=3
  grep -q '^  other:' sub/dvc.mlops.lock
  ran unchanged=3 -- sub/dvc.yaml
  not grep -q '^  other:' sub/dvc.mlops.lock
}

@test "a mistake in another dvc.yaml stops the project; ignored files are no part of it" {
  three_files
  echo 'stages: {bad: {}}' >sub/deep/dvc.yaml
  fails 3 plan
  says 'sub/deep/dvc.yaml:1'
  (cd sub && fails 3 plan && says 'deep/dvc.yaml:1')
  echo deep/ >sub/.dvcignore
  succeeds plan
  rm sub/.dvcignore
  git_init
  echo /sub/deep >.gitignore
  succeeds plan
}

@test "dag shows what .dvc files track and the edges between files" {
  three_files
  track data/raw.csv
  succeeds dag --dot
  says '"data/raw.csv.dvc" -> "prep";'
  says '"prep" -> "sub/dvc.yaml:train";'
  succeeds dag --mermaid
  says 's0[("data/raw.csv.dvc")]'
  succeeds dag --json
  holds 's["prep"]["tracked"] == ["data/raw.csv.dvc"]'
}

@test "tracked data that are missing come back from DVC's cache, or are asked for" {
  three_files
  track data/raw.csv
  sum=$(md5sum <data/raw.csv | cut -c 1-32)
  mkdir -p ".dvc/cache/files/md5/${sum:0:2}"
  mv data/raw.csv ".dvc/cache/files/md5/${sum:0:2}/${sum:2}"
  ran executed=3
  holds_text data/raw.csv raw
  rm -r data/raw.csv .dvc/cache
  ran unchanged=3
  holds_text data/raw.csv raw
  rm -r data/raw.csv .mlops
  fails 3 run
  says data/raw.csv.dvc
  says 'dvc pull'
}

@test "tracked data that differ are told and used" {
  three_files
  track data/raw.csv
  ran executed=3
  says_not differs
  echo new >data/raw.csv
  succeeds status
  says "'data/raw.csv' differs from what data/raw.csv.dvc records"
  ran executed=3
  says "'data/raw.csv' differs from what data/raw.csv.dvc records"
  fails 2 plan data/raw.csv
  says 'no stage makes what data/raw.csv.dvc tracks'
}

@test "a revision is compared by all its lock files, also where nothing else is known" {
  three_files
  git_init
  ran executed=3
  commit_all
  rm -rf .mlops
  echo new >data/raw.csv
  succeeds diff HEAD workspace
  says 'data data/raw.csv'
  says_not 'sub/dvc.yaml:train' # the revision knows it
}

@test "two files are two targets" {
  mkdir -p prep
  printf 'stages:\n  base: {cmd: echo b > b, outs: [b]}\n' >dvc.yaml
  printf 'stages:\n  p: {cmd: echo p > p, outs: [p]}\n' >prep/dvc.yaml
  ran executed=2 -- dvc.yaml prep/dvc.yaml
}

@test "where every dvc.yaml lies below, the message says how to go on" {
  mkdir -p prep .dvc
  printf 'stages:\n  p: {cmd: echo p > p, outs: [p]}\n' >prep/dvc.yaml
  fails 3 run
  says 'mlops run -P'
  says 'prep/dvc.yaml'
}

@test "commands of DVC that are none here are answered with what to do" {
  fails 2 freeze
  says "frozen: true"
}
