# Parts of directories that are tracked as one, in a work tree that holds only some of them.
load helper

# A clone of a project whose data/raw (a/1 to a/3, b/1 to b/3, b/deep/x, top) is in the remote only.
partial_clone() {
  git_init
  succeeds init
  mkdir -p data/raw/a data/raw/b/deep data/raw/b/empty
  for i in 1 2 3; do
    echo "a$i" >data/raw/a/$i.csv
    echo "b$i" >data/raw/b/$i.csv
  done
  echo x | tee data/raw/b/deep/x >data/raw/top
  succeeds add data/raw
  succeeds remote add origin "$BATS_TEST_TMPDIR/store" --default
  commit_all
  succeeds push
  git clone -q . "$BATS_TEST_TMPDIR/clone"
  cd "$BATS_TEST_TMPDIR/clone" || return
}

@test "a glob looks only into directories that may hold matches" {
  partial_clone
  succeeds pull 'data/raw/b/*.csv'
  [ "$(cd data/raw && find . -type f | sort | xargs)" = "./b/1.csv ./b/2.csv ./b/3.csv" ]
  succeeds fetch 'data/raw/a/[12].csv'
  succeeds checkout 'data/raw/a/[12].csv'
  [ -e data/raw/a/1.csv ] && [ -e data/raw/a/2.csv ] && [ ! -e data/raw/a/3.csv ]
}

@test "checkout puts in place what the store has, and names the rest" {
  partial_clone
  fails 1 checkout --json
  holds '[m["path"] for m in r["missing"]] == ["data/raw"] and r["restored"] == []'
  succeeds fetch data/raw/a 'data/raw/b/*.csv'
  fails 1 checkout -n --json
  holds '[m["path"] for m in r["missing"]] == ["data/raw/b/deep", "data/raw/top"]'
  holds 'len(r["restored"]) == 4'
  [ ! -e data/raw ]
  fails 1 checkout
  says "'data/raw/top' can't be restored"
  [ "$(cat data/raw/a/3.csv data/raw/b/1.csv)" = $'a3\nb1' ]
  fails 1 checkout 'data/raw/*/*'
  says "'data/raw/b/deep' can't be restored"
  succeeds pull
  [ -d data/raw/b/empty ]
  succeeds status
}

@test "a glob that matches directories brings all of them" {
  partial_clone
  succeeds pull 'data/raw/*'
  diff -r data/raw "$BATS_TEST_TMPDIR/project/data/raw"
}

@test "a part that can be put in place keeps its empty directories" {
  partial_clone
  succeeds fetch data/raw/b
  fails 1 checkout
  [ -d data/raw/b/empty ]
}

@test "ls lists what is known of a directory, and the rest as directories" {
  partial_clone
  succeeds fetch data/raw/a
  succeeds ls data/raw --json
  holds '[d["path"] for d in r["data"]] == ["data/raw/a", "data/raw/b", "data/raw/top"]'
  fails 1 ls -R data/raw --json
  holds '[d["path"] for d in r["data"] if d["kind"] == "tree"] == ["data/raw/b"]'
  holds 'len(r["data"]) == 5'
}

@test "one file or directory is taken out of a tracked directory, the rest is not touched" {
  partial_clone
  succeeds fetch data/raw/a
  fails 5 remove data/raw/b/1.csv
  says "mlops fetch data/raw/b/1.csv"
  succeeds fetch data/raw/b/1.csv
  fails 3 add data/raw/b/1.csv
  says "'mlops remove data/raw/b/1.csv' forgets it"
  succeeds remove data/raw/b/1.csv
  succeeds remove data/raw/a
  fails 3 remove data/raw/a
  says "'data/raw/a' is not tracked"
  fails 3 add data/raw/b/nope
  says "check the name"
  [ ! -e data/raw ]
  succeeds pull
  [ "$(cd data/raw && find . | sort | xargs)" = ". ./b ./b/2.csv ./b/3.csv ./b/deep ./b/deep/x ./b/empty ./top" ]
  succeeds status
}

@test "remove --data of a part takes it away, and what only the work tree held is kept" {
  git_init
  mkdir -p d/sub
  echo 1 | tee d/one d/sub/two >d/three
  succeeds add d
  succeeds remove d/one
  [ -e d/one ]
  rm d/one
  succeeds status
  echo edited >d/sub/two
  succeeds remove --data d/sub/two
  [ "$(cat .mlops/displaced/remove-*/d/sub/two)" = edited ]
  : >d/three.mlops # data, whatever they are called
  succeeds remove --data d/three
  [ ! -e d/three ] && [ -e d/three.mlops ]
  succeeds ls d --json
  holds 'r["data"] == []'
  [ -e d.mlops ]
}

@test "pull over an edit says what it put in place and what it moved away" {
  partial_clone
  succeeds pull
  echo edited >data/raw/top
  succeeds pull
  says "put 1 path in place"
  says "1 file or directory that only the work tree held moved to .mlops/displaced/checkout-"
  says_not "nothing to do"
}

@test "a word that names nothing is an error for push, fetch, pull and status" {
  partial_clone
  for word in 'data/raw/*.nope' data/raw/nope 'data/raw/b/*.nope'; do
    for command in fetch pull push "status -c"; do
      fails 2 $command "$word"
      says "'$word' names nothing that is in 'data/raw'"
    done
  done
  succeeds fetch 'data/raw/*/1.csv'
  echo 1 >data/top.csv
  succeeds add data/top.csv
  succeeds push 'data/**/*p.csv' # whole, though nothing in data/raw matches
}

@test "links between parts of a directory are put in place with the part that holds them" {
  git_init
  mkdir -p d/a d/b
  echo 1 >d/a/x
  echo 2 >d/b/y
  ln -s ../a/x d/b/up
  succeeds add d
  succeeds remote add origin "$BATS_TEST_TMPDIR/store" --default
  commit_all
  succeeds push
  git clone -q . ../clone
  cd ../clone || return
  succeeds pull d/b
  [ "$(readlink d/b/up)" = ../a/x ] && [ -e d/b/y ]
  fails 1 checkout --json
  holds 'r["restored"] == [] and [m["path"] for m in r["missing"]] == ["d/a"]'
  succeeds pull
  succeeds status --exit-code
}

@test "adding a directory that was fetched in part says that the rest counts as removed" {
  partial_clone
  succeeds pull data/raw/a
  succeeds status
  grep -q "modified (3 files here, 8 recorded, some of which are not fetched)" "$OUT"
  rm data/raw/a/1.csv
  succeeds add data/raw/a
  says_not "never fetched"
  succeeds add data/raw
  says "'data/raw' named 7 files, some of which were never fetched: now it names 2"
  git checkout -q data/raw.mlops
  succeeds pull
  rm data/raw/a/2.csv
  succeeds add data/raw
  says_not "never fetched"
}
