# mlops add, checkout, move, remove, ls, du: data that pointers track.
load helper

raw() {
  mkdir -p data/raw/sub data/raw/empty
  for i in 1 2 3; do
    echo "$i" >data/raw/f$i
    echo "s$i" >data/raw/sub/s$i
  done
}

@test "add writes a pointer and an ignore line, and leaves the file the inode it is" {
  git_init
  raw
  before=$(stat -c '%i %Y %a' data/raw/f1)
  succeeds add data/raw/
  says "added     data/raw  6 files"
  [ "$(stat -c '%i %Y %a' data/raw/f1)" = "$before" ]
  grep -qx 'kind: tree' data/raw.mlops
  grep -qx '/raw' data/.gitignore
  commit_all
  [ -z "$(git status --short)" ]
  [ "$(git ls-files data)" = $'data/.gitignore\ndata/raw.mlops' ]
}

@test "added again, only the file that changed is read" {
  raw
  succeeds add data/raw
  echo changed >data/raw/sub/s2
  succeeds add data/raw --json
  holds 'r["counts"]["hashed_files"] == 1 and r["counts"]["stored_files"] == 1'
  holds 'r["data"][0]["status"] == "updated" and r["data"][0]["changes"]["changed"] == 1'
  succeeds add data/raw --json
  holds 'r["counts"]["hashed_files"] == 0 and r["data"][0]["status"] == "unchanged"'
}

@test "what is told of an update does not depend on how names sort beside directories" {
  mkdir -p data/raw/train data/raw/train-x
  echo 1 | tee data/raw/train/a data/raw/train-x/b >data/raw/train.csv
  succeeds add data/raw
  echo 2 >data/raw/train/c
  succeeds add data/raw --json
  holds 'r["data"][0]["changes"]["named"] == [{"sign": "+", "path": "data/raw/train/c"}]'
}

@test "several paths and quoted globs get a pointer each" {
  mkdir d
  echo 1 >d/a.bin
  echo 2 >d/b.bin
  echo 3 >d/c.txt
  echo 4 >one
  succeeds add 'd/*.bin' one --desc 'for people' --json
  holds '[d["path"] for d in r["data"]] == ["d/a.bin", "d/b.bin", "one"]'
  grep -q 'desc: for people' one.mlops
  fails 3 add 'd/*.png'
  says "no file matches"
}

@test "a file in a tracked directory updates that part, even if the rest is not here" {
  raw
  succeeds add data/raw
  rm -r data/raw/sub data/raw/f2
  echo new >data/raw/new
  succeeds add data/raw/new
  says "updated   data/raw  7 files"
  rm -r data/raw
  succeeds checkout
  [ "$(cat data/raw/new data/raw/sub/s2 data/raw/f2)" = $'new\ns2\n2' ]
  [ -d data/raw/empty ]
}

@test "many files of a tracked directory update it at once, as adding all of it would" {
  raw
  succeeds add data/raw
  mkdir -p data/raw/sub.d data/raw/new/deep data/raw/sub/leer
  echo n | tee data/raw/n1 data/raw/sub/n2 data/raw/sub.d/n3 data/raw/new/deep/n4 >/dev/null
  echo changed >data/raw/sub/s1
  rmdir data/raw/empty
  echo file >data/raw/empty
  succeeds add data/raw/new 'data/raw/**/n[1-4]' data/raw/sub data/raw/sub.d data/raw/empty --json
  holds 'len(r["data"]) == 1 and r["data"][0]["changes"]["added"] == 5'
  holds 'r["data"][0]["changes"]["changed"] == 1'
  cp data/raw.mlops ../parts
  succeeds add data/raw --json
  holds 'r["data"][0]["status"] == "unchanged"'
  cmp data/raw.mlops ../parts
}

@test "a path in a directory that is added, too, comes with it" {
  raw
  succeeds add data/raw/f1 data/raw 'data/raw/sub/*' --json
  holds 'len(r["data"]) == 1 and r["data"][0]["files"] == 6'
  [ ! -e data/raw/f1.mlops ]
  succeeds add data/raw data/raw/f1 --json
  holds 'len(r["data"]) == 1 and r["data"][0]["status"] == "unchanged"'
}

@test "two commands that add a directory and a file in it do not both succeed" {
  raw
  succeeds add data/raw/f1
  mv data/raw/f1.mlops ../f1.mlops
  exec 9>.mlops/locks/data
  flock 9
  "$MLOPS" add data/raw >../first 2>&1 9>&- &
  until grep -q waiting ../first; do sleep 0.05; done
  cp ../f1.mlops data/raw/ # as the other command does under the lock
  exec 9>&-
  wait $! || status=$?
  [ "$status" -eq 3 ]
  grep -q "holds 'data/raw/f1'" ../first
  [ ! -e data/raw.mlops ]
}

@test "what can't be tracked is refused, all of it at once, and nothing is written" {
  git_init
  echo 1 >tracked && git add tracked
  mkfifo fifo
  ln -s /etc/passwd link
  mkdir outer && echo 1 >outer/x && mkdir other && ln -s ../outer other/way
  echo 2 >fine
  fails 3 add tracked fifo link other/way/x fine .git absent ..
  says "git rm --cached 'tracked'"
  says "is a FIFO"
  says "leads out of the project"
  says "mlops add outer/x"
  says "there is no 'absent'"
  says "outside of the project"
  [ ! -e fine.mlops ]
  succeeds add outer/x
  fails 3 add outer
  says "mlops remove outer/x"
  fails 3 add outer/x.mlops
  says "is a pointer itself"
  fails 3 add .
}

@test "an output of a stage is not added, and a tracked path is no output" {
  two_stages
  ran executed=2
  fails 3 add model.txt
  says "is an output of stage 'train'"
  cp model.txt other.txt
  succeeds add other.txt
  sed -i 's/\[model.txt\]/[other.txt]/' pipeline.yaml
  succeeds lint
  says "tracked-output"
  fails 3 run
  says "mlops remove other.txt"
}

@test "names of any bytes are tracked, those that are too long say so" {
  mkdir d
  touch "d/$(printf 'new\nline')" "d/$(printf 'n%.0s' {1..255})"
  name=$(printf 'not\377utf8')
  echo 1 >"$name"
  succeeds add d "$name"
  grep -q 'hex:' "$name.mlops"
  rm -r d "$name"
  succeeds checkout
  [ -e "$name" ] && [ -e "d/$(printf 'new\nline')" ]
  long=$(printf 'n%.0s' {1..252})
  echo 1 >"$long"
  fails 3 add "$long"
  says "at most 249 bytes"
  echo 1 >"$(printf 'a\nb')"
  fails 3 add "$(printf 'a\nb')"
}

@test "checkout brings back a file, a part, a glob, and moves what only the work tree held" {
  raw
  succeeds add data/raw
  rm -r data/raw
  succeeds checkout data/raw/sub 'data/raw/f[12]' --json
  holds 'r["counts"]["restored_files"] == 5'
  [ "$(ls data/raw)" = $'f1\nf2\nsub' ]
  echo edited >data/raw/f1
  succeeds checkout
  [ "$(cat data/raw/f1)" = 1 ]
  says "1 file or directory that only the work tree held moved"
  grep -rqx edited .mlops/displaced
  succeeds checkout --json
  holds 'r["unchanged"] == 1 and r["restored"] == []'
  fails 3 checkout data/raw/nothing
}

@test "checkout --dry-run writes nothing" {
  raw
  succeeds add data/raw
  rm -r data/raw
  succeeds checkout -n
  says "would restore data/raw"
  [ ! -e data/raw ]
}

@test "checkout of a revision writes pointers and data" {
  git_init
  raw
  succeeds add data/raw
  commit_all
  echo second >data/raw/f1
  rm data/raw/f2
  succeeds add data/raw
  commit_all second
  git branch data
  succeeds checkout HEAD~1
  [ "$(cat data/raw/f1 data/raw/f2)" = $'1\n2' ]
  [ "$(git status --short)" = " M data/raw.mlops" ]
  fails 2 checkout data
  says "is a path and a git revision"
  succeeds checkout data --
  [ "$(cat data/raw/f1)" = second ]
  [ -z "$(git status --short)" ]
  rm -r data/raw
  succeeds checkout -- data
  [ "$(cat data/raw/f1)" = second ]
  succeeds checkout HEAD~1 data/raw/f2
  [ -z "$(git status --short)" ]
}

@test "checkout of a revision writes no pointer through a link" {
  git_init
  raw
  succeeds add data/raw
  commit_all first
  rm -r data
  mkdir ../outside
  ln -s ../outside data
  commit_all second
  fails 3 checkout HEAD~1
  says "is a symbolic link"
  [ -z "$(ls ../outside)" ]
  rm data
  succeeds checkout HEAD~1
  [ "$(cat data/raw/sub/s1)" = s1 ]
}

@test "outputs of stages are checked out as the lock file says" {
  two_stages
  ran executed=2
  rm model.txt clean.txt
  succeeds checkout
  [ -e model.txt ] && [ -e clean.txt ]
}

@test "what the store lacks is named, and the rest is done" {
  raw
  echo gone >gone
  succeeds add data/raw gone
  digest=$(sed -n 's/^digest: sha256://p' gone.mlops)
  rm -rf gone data/raw
  rm -f ".mlops/cache/obj/${digest:0:2}/${digest:2}"
  fails 1 checkout
  says "'gone' can't be restored"
  says "mlops pull"
  [ -e data/raw/f1 ]
  succeeds status --json
  holds '[d["state"] for d in r["data"]] == ["unchanged", "not_fetched"]'
}

@test "--relink puts files in place as cache.link says now" {
  raw
  succeeds add data/raw
  inode=$(stat -c %i data/raw/f1)
  succeeds checkout --relink
  [ "$(stat -c %i data/raw/f1)" != "$inode" ]
  [ "$(cat data/raw/f1)" = 1 ]
}

@test "move renames data, pointer and ignore line" {
  git_init
  raw
  succeeds add data/raw
  succeeds move data/raw new/place
  [ -e new/place/f1 ] && [ ! -e data/raw ] && [ ! -e data/raw.mlops ] && [ ! -e data/.gitignore ]
  grep -qx '/place' new/.gitignore
  grep -qx 'path: place' new/place.mlops
  succeeds status --exit-code
  echo 1 >taken
  fails 3 move new/place taken
}

@test "move tells which stages still name the old path" {
  succeeds init
  mkdir d && echo 1 >d/x
  pipeline <<'END'
stages:
  s: {cmd: cat d/x > out.txt, deps: [d/x], outs: [out.txt]}
  t: {cmd: 'true', deps: [pipeline.yaml]}
END
  succeeds add d
  succeeds move d e
  says "pipeline.yaml still names 'd/x' (stage 's')"
  says_not "stage 't'"
  succeeds move e d
  says_not "still names"
  mkdir below
  cd below
  succeeds move ../d ../e
  says "pipeline.yaml still names 'd/x' (stage 's')"
}

@test "remove --data does not remove what a link names" {
  raw
  succeeds add data/raw
  mv data/raw shared
  ln -s ../shared data/raw
  fails 3 remove --data data/raw
  says "is a symbolic link"
  [ -e shared/f1 ] && [ -e data/raw.mlops ]
  succeeds remove data/raw
  [ -e shared/f1 ] && [ -L data/raw ] && [ ! -e data/raw.mlops ]
}

@test "what a run is reading is neither moved nor removed under it" {
  raw
  succeeds add data/raw
  pipeline <<'END'
stages:
  read:
    cmd: touch ../started; until [ -e ../go ]; do sleep 0.05; done; cat data/raw/f1 > out
    deps: [data/raw]
    outs: [out]
END
  "$MLOPS" run >/dev/null 2>&1 &
  until [ -e ../started ]; do sleep 0.05; done
  export MLOPS_LOCK_TIMEOUT=100ms
  fails 4 move data/raw elsewhere
  says "a run has been working on 'data/raw' or 'elsewhere'"
  fails 4 remove --data data/raw
  [ -e data/raw/f1 ] && [ -e data/raw.mlops ] && [ ! -e elsewhere.mlops ]
  touch ../go
  wait $!
  [ "$(cat out)" = 1 ]
  succeeds move data/raw elsewhere
  succeeds remove --data elsewhere
  [ ! -e elsewhere ]
}

@test "remove forgets and keeps the data; --data removes them, but not the only copy" {
  git_init
  echo one >one
  echo two >two
  succeeds add one two
  succeeds remove one
  [ "$(cat one)" = one ] && [ ! -e one.mlops ]
  not grep -q '/one' .gitignore
  echo edited >two
  succeeds remove --data two
  [ ! -e two ] && [ ! -e .gitignore ]
  grep -rqx edited .mlops/displaced
  fails 3 remove two
}

@test "status tells what changed in tracked data, without a pipeline" {
  raw
  echo one >one
  succeeds add data/raw one
  succeeds status --exit-code
  says "up to date: 2 tracked paths"
  echo edited >data/raw/f1
  echo new >data/raw/new
  rm data/raw/sub/s1 one
  fails 1 status --exit-code
  says "data/raw: modified (+1 ~1 -1)"
  says "~ f1"
  says "- sub/s1"
  says "one: deleted"
  succeeds status one --json
  holds 'len(r["data"]) == 1 and r["data"][0]["state"] == "deleted" and not r["is_up_to_date"]'
}

@test "ls and du answer from the store" {
  raw
  succeeds add data/raw
  cp -r data/raw data/copy
  succeeds add data/copy
  rm -r data/raw
  succeeds ls --json
  holds '[(d["path"], d["state"]) for d in r["data"]] == [("data/copy", "unchanged"), ("data/raw", "deleted")]'
  succeeds ls data/raw/sub --json
  holds '[d["path"] for d in r["data"]] == ["data/raw/sub/s1", "data/raw/sub/s2", "data/raw/sub/s3"]'
  succeeds du
  says "all, each content once"
  succeeds du data --json
  holds '[d["worktree_bytes"] for d in r["data"]] == [15, 0]'
}

@test "a stage's missing input is restored: a file, a part of a directory, a glob" {
  raw
  echo x >x.csv
  succeeds add data/raw x.csv
  pipeline <<'END'
stages:
  a:
    cmd: echo a >> "$DID"; cat x.csv data/raw/sub/s2 data/raw/f* > a.txt
    deps: [x.csv, data/raw/sub/s2, 'data/raw/f*']
    outs: [a.txt]
END
  rm -r data/raw x.csv
  succeeds plan
  [ ! -e x.csv ]
  ran executed=1
  [ "$(cat a.txt)" = $'x\ns2\n1\n2\n3' ]
  [ ! -e data/raw/sub/s1 ] # only what is needed
  rm -r data/raw x.csv
  succeeds plan --json
  counts unchanged=1
  succeeds status --json
  counts unchanged=1
  ran unchanged=1
}

@test "an input that the store lacks is told with the pointer; one that differs is used with a warning" {
  echo x >x.csv
  succeeds add x.csv
  pipeline <<'END'
stages:
  a: {cmd: cat x.csv > a.txt, deps: [x.csv], outs: [a.txt]}
END
  echo edited >x.csv
  ran executed=1
  says "differs from what x.csv.mlops records"
  rm -rf x.csv .mlops/cache/obj
  mkdir .mlops/cache/obj
  fails 3 run
  says "the store lacks what x.csv.mlops records"
  says "mlops pull x.csv"
}

@test "a dvc.yaml reads data that a pointer tracks" {
  echo x >x.csv
  succeeds add x.csv
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: cat x.csv > a.txt, deps: [x.csv], outs: [a.txt]}
END
  rm x.csv
  ran executed=1
  [ "$(cat a.txt x.csv)" = $'x\nx' ]
}

@test "gc keeps what pointers of the work tree and of other branches name" {
  git_init
  echo one >one
  succeeds add one
  commit_all
  git checkout -q -b other
  echo two >one
  succeeds add one
  commit_all
  git checkout -q main
  succeeds checkout
  [ "$(cat one)" = one ]
  export MLOPS_GC_GRACE=0s MLOPS_KEEP_AGE=0s MLOPS_KEEP_RUNS=1
  succeeds gc --yes
  git checkout -q other
  succeeds checkout
  [ "$(cat one)" = two ]
  printf 'schema: 1\ndigest: sha256:12\n' >broken.mlops
  fails 3 gc --yes
  says "broken.mlops"
}

@test "a merge conflict in a pointer says what to do" {
  echo one >one
  succeeds add one
  printf 'schema: 1\n<<<<<<< a\npath: one\n=======\npath: one\n>>>>>>> b\n' >one.mlops
  fails 3 checkout
  says "git checkout --ours -- 'one.mlops'"
}

@test "diff tells what changed between revisions and the work tree, without a pipeline" {
  git_init
  raw
  echo one >one
  succeeds add data/raw one
  commit_all
  echo edited >data/raw/f1
  succeeds remove --data one
  succeeds diff HEAD --json
  holds '[(d["path"], d["change"]) for d in r["data"]] == [("data/raw", "changed"), ("one", "removed")]'
  holds 'r["data"][0]["files"]["changed"] == 1'
  succeeds add data/raw
  commit_all second
  succeeds diff HEAD~1 HEAD --json
  holds '[(d["path"], d["change"]) for d in r["data"]] == [("data/raw", "changed"), ("one", "removed")]'
  succeeds diff HEAD workspace --json
  holds 'r["data"] == []'
}

@test "a repository inside a directory is left out, and that is told" {
  raw
  mkdir -p data/raw/sub/.git data/raw/.mlops
  touch data/raw/sub/.git/HEAD
  succeeds add data/raw
  says "'data/raw/.mlops' is left out"
  says "added     data/raw  6 files"
  rm -r data/raw/sub/.git data/raw/.mlops
  succeeds add data/raw
  says_not "left out"
}

@test "ignored files are left out" {
  raw
  echo '*.tmp' >.mlopsignore
  echo t >data/raw/x.tmp
  succeeds add data/raw
  says "6 files"
  succeeds checkout --relink
  [ -e data/raw/x.tmp ]
}

@test "a path that looks like a short hash is no revision" {
  git_init
  mkdir -p c b
  echo 1 >c/x
  echo 2 >b/y
  succeeds add c b
  commit_all
  rm -r c b
  succeeds checkout c
  [ -e c/x ]
  succeeds checkout b/y
  fails 2 checkout c --
  says "no git revision"
  fails 3 checkout fee
  says "no pointer or lock file names 'fee', and it is no git revision"
  fails 3 checkout c fee
  says "no pointer or lock file names 'fee'"
  says_not "revision"
}

@test "what git has to keep is not added" {
  git_init
  pipeline mine.yaml <<'END'
stages:
  a: {cmd: echo 1 > o, outs: [o]}
END
  pipeline <mine.yaml
  succeeds run mine.yaml
  mkdir sub .dvc
  touch .gitattributes .mlopsignore .dvcignore dvc.yaml sub/dvc.lock old.dvc .dvc/config
  for path in .gitignore .gitattributes .mlopsignore .dvcignore pipeline.yaml dvc.yaml sub/dvc.lock \
    mine.lock old.dvc .dvc .dvc/config; do
    fails 3 add $path
    says "git add '$path'"
  done
  fails 3 add .mlops/config.yaml
  says "leave it as it is"
  echo 1 >uv.lock
  succeeds add uv.lock
  fails 3 move uv.lock sub/.gitignore
  [ "$(sort .gitignore | xargs)" = "/o /uv.lock" ]
}

@test "a pointer that can't be read is written anew or forgotten" {
  git_init
  echo 1 >f
  mkdir d
  echo 2 >d/x
  succeeds add f d
  : >f.mlops
  echo 'schema: 1' >d.mlops
  fails 3 status
  says "'mlops add f' writes it anew"
  succeeds add f d
  says "'f.mlops' can't be read: it is written anew"
  succeeds status
  : >f.mlops
  succeeds remove f
  [ ! -e f.mlops ] && [ -e f ]
  [ "$(xargs <.gitignore)" = "/d" ]
  : >f.mlops
  succeeds remove --data f.mlops
  [ ! -e f.mlops ] && [ ! -e f ]
  echo 'schema: 9' >d.mlops
  fails 5 add d
  says "newer version"
  printf '<<<<<<< a\n=======\n>>>>>>> b\n' >d.mlops
  fails 3 add d
  says "mlops resolve d"
  fails 3 remove d
}

@test "checkout -n foresees what is written and what moves away" {
  git_init
  raw
  echo 1 >one
  succeeds add data/raw one
  succeeds checkout -n --json
  holds 'r["displaced"] == 0 and r["restored"] == []'
  echo edited >data/raw/f1
  echo mine >data/raw/mine
  rm data/raw/sub/s2 one
  mkdir one
  echo stored nowhere >one/a
  echo 3 >one/b # known
  succeeds checkout -n
  says "would restore data/raw  2 files, 5 B"
  says "3 files or directories that only the work tree holds would move to .mlops/displaced"
  succeeds checkout -n --json
  holds 'r["displaced"] == 3 and [p["written_files"] for p in r["restored"]] == [2, 1]'
  [ ! -e .mlops/displaced ]
  cp "$OUT" foreseen
  succeeds checkout --json
  holds 'all(r[k] == json.load(open("foreseen"))[k] for k in ("displaced", "restored", "missing"))'
}

@test "checkout of a revision keeps a pointer that git does not know" {
  git_init
  mkdir sub
  echo 1 >sub/f
  succeeds add sub/f
  commit_all
  echo 2 >sub/f
  succeeds add sub/f
  cp sub/f.mlops "$BATS_TEST_TMPDIR/second"
  succeeds checkout -n HEAD sub/f --json
  holds 'r["displaced"] == 1'
  succeeds checkout HEAD sub/f
  says "'sub/f.mlops' was in no commit"
  holds_text sub/f 1
  cmp .mlops/displaced/checkout-*/sub/f.mlops "$BATS_TEST_TMPDIR/second"
  cp .mlops/displaced/checkout-*/sub/f.mlops sub/f.mlops
  succeeds checkout sub/f
  holds_text sub/f 2
  commit_all
  rm -r .mlops/displaced
  succeeds checkout HEAD~1 sub/f
  succeeds checkout HEAD sub/f
  [ ! -e .mlops/displaced ]
}

@test "status, du and get of what is none say so" {
  git_init
  mkdir d
  echo 1 >d/f
  succeeds add d
  echo x >untracked
  fails 3 status untracked
  says "'untracked' is not tracked"
  succeeds status d
  fails 1 du nope
  says "nothing that is tracked is called 'nope'"
  succeeds du d/f --json
  holds '[(x["path"], x["store_bytes"]) for x in r["data"]] == [("d/f", 2)]'
  fails 3 get nope d
  says "'nope' is no project: there is no such directory"
  fails 4 get https://127.0.0.1:1/x d
  says "can't be read"
  mkdir "$BATS_TEST_TMPDIR/other"
  fails 3 get "$BATS_TEST_TMPDIR/other" d -o here
  says "is no project of mlops"
  fails 3 get . d/f -o new/
  says "mkdir -p"
  fails 3 get "file://$PWD/untracked" -o new/
  [ ! -e new ]
  succeeds get . d -o new/
  [ -e new/f ]
  succeeds get . d/f -o new/g
  [ -e new/g ]
}

@test "a file that another program has open for writing is added with a warning, and again without" {
  mkdir d
  echo whole >d/whole
  echo half >d/log
  exec 9>>d/log
  succeeds add d
  grep -q "'d/log' is open for writing by another program" "$ERR"
  echo rest >&9
  exec 9>&-
  succeeds add d
  says "updated   d"
  [ ! -s "$ERR" ]
}

@test "a file saved as a command that replaced it was killed is found by the next one" {
  mkdir d
  echo stored >d/f
  succeeds add d
  mkdir -p .mlops/tmp/t-00ff/taken
  cp d/f .mlops/tmp/t-00ff/taken/f
  echo saved >.mlops/tmp/t-00ff/taken/g
  ln -s d .mlops/tmp/t-00ff/taken-from
  echo "in the way" >.mlops/displaced
  succeeds gc --yes
  says "looking after what an interrupted command had moved"
  [ -e .mlops/tmp/t-00ff/taken/g ]
  rm .mlops/displaced
  succeeds gc --yes
  says "see .mlops/displaced/interrupted-"
  holds_text .mlops/displaced/interrupted-*/d/g saved
  [ ! -e .mlops/tmp/t-00ff ]
  succeeds gc --yes
  says_not interrupted
}
