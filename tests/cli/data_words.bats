# The words of the commands about data: mistyped, in other places, twice, pointers for their data.
load helper

# data/raw with two files and 'my data', both tracked and committed.
tracked() {
  git_init
  mkdir -p data/raw/sub 'my data'
  echo 1 >data/raw/a.txt
  echo 2 >data/raw/sub/b.txt
  echo 3 >'my data/c d.txt'
  succeeds add data/raw 'my data'
  commit_all
}

@test "a pointer stands for its data" {
  tracked
  rm -rf data/raw
  fails 1 status --exit-code data/raw.mlops
  says "data/raw: deleted"
  succeeds checkout data/raw.mlops
  [ -f data/raw/a.txt ]
  succeeds status data/raw.mlops
  says "up to date: 1 tracked path"
  succeeds ls data/raw.mlops --json
  holds '[d["path"] for d in r["data"]] == ["data/raw/a.txt", "data/raw/sub"]'
  succeeds du data/raw.mlops
  fails 3 update data/raw.mlops
  says "'data/raw' was added here"
  (cd data && succeeds checkout raw.mlops)
  succeeds remove data/raw.mlops
  [ ! -e data/raw.mlops ] && [ -f data/raw/a.txt ]
}

@test "a word that names nothing says what is called alike" {
  tracked
  for words in 'add data/rwa' 'checkout data/rwa' 'ls data/rwa' 'du data/rwa' 'move data/rwa x' \
    'remove data/rwa' 'update data/rwa' 'push data/rwa'; do
    [ "${words%% *}" != push ] || succeeds remote add lab "$BATS_TEST_TMPDIR/lab"
    # shellcheck disable=SC2086 # words
    mlops $words
    [ "$status" -ne 0 ]
    says "(did you mean 'data/raw'?)"
  done
  fails 3 checkout data/raw/a.tx
  says "(did you mean 'data/raw/a.txt'?)"
  cd data
  fails 3 checkout rwa
  says "(did you mean 'raw'?)"
  fails 3 checkout nothing-like-it
  says_not "did you mean"
}

@test "nothing is removed when one of the words is wrong, and what is named twice counts once" {
  tracked
  fails 3 remove data/raw nope
  [ -e data/raw.mlops ]
  succeeds remove data/raw data/raw/ ./data/../data/raw data/raw.mlops
  [ "$(grep -c 'no longer tracked' "$OUT")" = 1 ]
  [ ! -e data/raw.mlops ]
}

@test "paths are seen from the directory one is in, absolute ones and with slashes behind, too" {
  tracked
  cd data/raw
  succeeds add .
  says "unchanged data/raw"
  succeeds add ../raw/ "$PWD"
  [ "$(grep -c unchanged "$OUT")" = 1 ]
  rm a.txt
  succeeds checkout .
  [ -f a.txt ]
  rm a.txt sub/b.txt
  succeeds checkout a.txt
  [ -f a.txt ] && [ ! -e sub/b.txt ]
  succeeds checkout "$PWD/sub"
  [ -f sub/b.txt ]
  cd "../../my data"
  succeeds status "$PWD/"
  says "up to date: 1 tracked path"
}

@test "names with blanks, with a dash in front and with glob characters are names" {
  git_init
  echo 1 >-x
  echo 2 >'a*b'
  echo 3 >'a b'
  fails 2 add -x
  succeeds add -- -x 'a*b' 'a b'
  rm -- -x 'a*b' 'a b'
  succeeds checkout -- -x
  succeeds checkout 'a*b' 'a b'
  [ -e ./-x ] && [ -e 'a*b' ] && [ -e 'a b' ]
  succeeds move -- -x -y
  succeeds remove ./-y
}

@test "a glob that the shell spreads may be given again, as one in quotes" {
  git_init
  mkdir -p x/dir
  echo 1 >x/a
  echo 2 >x/b
  echo 3 >x/dir/f
  succeeds add x/*
  succeeds add x/*
  [ "$(grep -c unchanged "$OUT")" = 3 ]
  succeeds add 'x/*'
  [ "$(grep -c unchanged "$OUT")" = 2 ]
  fails 3 add x/a.mlops
  says "mlops add x/a"
  fails 3 add x/a.mlops x/b
}

@test "deleted data are not taken for an empty state" {
  tracked
  rm -rf data/raw
  fails 3 add data/raw
  says "'mlops checkout data/raw' brings it back"
  rm -rf 'my data/c d.txt'
  succeeds add 'my data'
  says "(-1)"
}

@test "gc only looks with -n, as without --yes" {
  tracked
  succeeds gc -n
  says "would remove"
  fails 2 gc -n --yes
}

@test "renamed files of a directory are told as such" {
  tracked
  mv data/raw/a.txt data/raw/z.txt
  succeeds diff HEAD -v
  says "1 renamed"
  says "A data/raw/z.txt  (was data/raw/a.txt)"
  succeeds diff HEAD --json
  holds 'r["data"][0]["files"]["renamed"] == 1'
  holds '[f["renamed_from"] for f in r["data"][0]["files"]["listed"]] == [None, "data/raw/a.txt"]'
}

@test "a path where a run or revision belongs is told as one" {
  tracked
  fails 2 diff HEAD HEAD data/raw
  says "'data/raw' is a path"
  says "-v"
}

@test "who reads only the first line ends a command quietly" {
  git_init
  mkdir many
  for i in $(seq 3000); do : >"many/file-$i"; done
  succeeds add -q many
  "$MLOPS" ls -R many 2>"$ERR" | head -1 >"$OUT"
  [ -s "$OUT" ] && [ ! -s "$ERR" ]
}

@test "a listing of thousands of files is whole in every format" {
  git_init
  mkdir many
  for i in $(seq 4200); do : >"many/$i"; done
  : >"many/z-with-a-name-that-is-longer-than-all-the-first-ones"
  succeeds add -q many
  succeeds ls -R many
  [ "$(wc -l <"$OUT")" = 4202 ] && [ "$(grep -c ^PATH "$OUT")" = 1 ]
  says "many/z-with-a-name-that-is-longer-than-all-the-first-ones  file"
  succeeds ls -R many --format csv
  [ "$(wc -l <"$OUT")" = 4202 ] && [ "$(grep -c ^path, "$OUT")" = 1 ]
  succeeds ls -R many --format md
  [ "$(grep -c '^| many/' "$OUT")" = 4201 ]
  succeeds ls -R many --json
  python3 -c 'import json, sys; sys.exit(len(json.load(sys.stdin)["data"]) != 4201)' <"$OUT"
}

@test "quiet commands that succeed say nothing, and their JSON can be read" {
  tracked
  succeeds remote add -q lab "$BATS_TEST_TMPDIR/lab" --default
  for words in status 'add data/raw' checkout push pull fetch resolve update 'move data/raw data/raw2' \
    'move data/raw2 data/raw'; do
    # shellcheck disable=SC2086 # words
    succeeds $words -q
    [ ! -s "$OUT" ] && [ ! -s "$ERR" ] || tell "$words"
  done
  for words in status 'status --remote' 'add data/raw' checkout push pull fetch resolve update ls 'ls -R' du gc \
    remote 'remote check'; do
    # shellcheck disable=SC2086 # words
    succeeds $words --json
    holds 'r["schema_version"] == 1'
  done
}

@test "a directory stands for what is tracked in it, the root for everything" {
  tracked
  echo 4 >data/raw/a.txt
  succeeds status .
  says "data/raw: modified"
  (cd data && succeeds status . && says "raw: modified")
  succeeds status 'my data' --json
  holds '[row["path"] for row in r["data"]] == ["my data"]'
  succeeds status data --json
  holds '[row["path"] for row in r["data"]] == ["data/raw"]'
  mkdir nothing
  fails 3 status nothing
  says "'nothing' is not tracked"
}

@test "a stage goes before a directory of its name" {
  tracked
  printf 'stages:\n  data:\n    cmd: cp data/raw/a.txt o\n    deps: [data/raw]\n    outs: [o]\n' >pipeline.yaml
  succeeds status data
  says "data: to run"
}
