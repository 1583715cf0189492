# gc, verify
load helper

@test "gc removes nothing that is needed, and by default nothing at all" {
  two_stages
  ran executed=2
  succeeds gc --grace 0 --json
  holds 'r["dry_run"] and r["freed_bytes"] == 0'
  succeeds gc --grace 0 --yes
  rm clean.txt model.txt
  ran restored=2
}

@test "gc --yes removes what was listed" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  succeeds config set keep.runs 0
  succeeds config set keep.age 0s
  succeeds gc --grace 0 --json
  "$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["freed_bytes"])' "$OUT" >before
  [ "$(cat before)" -gt 0 ]
  succeeds gc --grace 0 --yes --json
  holds "not r['dry_run'] and r['freed_bytes'] == $(cat before)"
  succeeds gc --grace 0 --json
  holds 'r["freed_bytes"] == 0'
  rm clean.txt model.txt
  ran restored=2
}

@test "verify finds a damaged object, says what to do, and the next run makes it again" {
  two_stages
  ran executed=2
  succeeds verify --json
  holds 'r["faults"] == [] and r["objects"] > 0'
  object=$(find .mlops/cache/obj -type f | head -1)
  chmod u+w "$object" && echo damage >>"$object" && chmod a-w "$object"
  fails 5 verify --json
  holds 'len(r["faults"]) >= 1 and all(f["repair"] for f in r["faults"])'
  ran unchanged=2
}

@test "gc evicts what the cache has no room for, and a run makes it again" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  succeeds config set cache.size 1
  succeeds gc --grace 0 --json
  holds 'r["evicted_count"] == 1 and r["freed_bytes"] > 0 and r["over_bytes"] > 0'
  holds 'r["items"][0]["label"].startswith("train in run ")'
  holds 'r["items"][0]["why"].startswith("over cache.size: costs ")'
  holds 'r["held_by"][0]["what"] == "lock files of the work tree"'
  succeeds gc --grace 0 --yes
  grep -q "over cache.size by" "$OUT"
  ran unchanged=2
  rm clean.txt model.txt
  ran restored=2
  echo 'lr: 1' >params.yaml
  ran executed=1 unchanged=1
  succeeds runs
}

@test "gc says what the objects were that it lists" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  succeeds gc --grace 0 --json
  succeeds config set keep.runs 0
  succeeds config set keep.age 0s
  succeeds gc --grace 0 --json
  holds 'any(i["what"] == "object" and i["label"].startswith("model.txt of train in run ") for i in r["items"])'
}

@test "a project that is gone stops gc until it is forgotten" {
  export MLOPS_CACHE_DIR=$BATS_TEST_TMPDIR/cache
  mkdir ../other
  (cd ../other && two_stages && "$MLOPS" run -q)
  two_stages
  ran executed=2
  id=$(sed -n "s/^project: *'\(.*\)'/\1/p" ../other/.mlops/config.yaml)
  fails 2 gc --forget "$id"
  rm -r ../other
  fails 4 gc
  grep -q "gc --forget $id" "$ERR"
  succeeds gc --forget "$id" --grace 0
  succeeds gc --grace 0
}

@test "gc --remote and verify --remote look at a remote and change nothing unasked" {
  two_stages
  ran executed=2
  mkdir "$BATS_TEST_TMPDIR/remote"
  printf 'mlops remote 1\n' >"$BATS_TEST_TMPDIR/remote/format"
  succeeds remote add origin "$BATS_TEST_TMPDIR/remote"
  succeeds gc --remote --json
  holds 'r["dry_run"] and r["condemned_packs"] == 0 and r["items"] == []'
  succeeds gc --remote origin
  succeeds verify --remote --json
  holds 'r["packs"] == 0 and r["faults"] == []'
  fails 2 gc origin
  fails 2 verify origin
}

@test "verify --remote tells damage until a push has put it right, then gc --remote takes it out" {
  two_stages
  ran executed=2
  mkdir "$BATS_TEST_TMPDIR/remote"
  succeeds remote add origin "$BATS_TEST_TMPDIR/remote" --default
  succeeds push
  for pack in "$BATS_TEST_TMPDIR"/remote/pack/*; do
    chmod u+w "$pack"
    printf damaged >"$pack"
  done
  fails 5 verify --remote --json
  holds 'r["faults"] and r["spent_packs"] == 0 and all(f["what"] == "pack" and "push" in f["repair"] for f in r["faults"])'
  succeeds push
  succeeds verify --remote --json
  holds 'r["faults"] == [] and r["spent_packs"] > 0'
  succeeds verify --remote
  grep -q "gc --remote" "$ERR"
  succeeds gc --remote --yes --grace 0
  succeeds gc --remote --yes --grace 0
  succeeds verify --remote --json
  holds 'r["faults"] == [] and r["spent_packs"] == 0'
  run grep -l damaged "$BATS_TEST_TMPDIR"/remote/pack/*
  [ "$status" -eq 1 ]
}

@test "verify names data that were not fetched, and goes on after an interruption" {
  two_stages
  ran executed=2
  echo data >raw.bin
  succeeds add raw.bin
  succeeds verify --json
  holds 'r["pointers"] == 1 and r["not_fetched"] == [] and r["skipped_objects"] == 0'
  [ ! -e .mlops/verified ]
  sed -i 's/sha256:..../sha256:0000/' raw.bin.mlops
  succeeds verify --json
  holds '[p["pointer"] for p in r["not_fetched"]] == ["raw.bin.mlops"]'
  succeeds verify --full
  grep -q "not fetched: raw.bin.mlops" "$OUT"
}

@test "gc --remote removes what was pushed and is needed no more, in two steps" {
  mkdir "$BATS_TEST_TMPDIR/remote"
  succeeds init
  succeeds remote add origin "$BATS_TEST_TMPDIR/remote"
  echo old >data.txt
  succeeds add data.txt
  succeeds push
  echo new >data.txt
  succeeds add data.txt
  succeeds push
  age() { find "$BATS_TEST_TMPDIR/remote" -type f -exec touch -d '30 days ago' {} +; }
  age
  succeeds gc --remote --json
  holds 'r["dry_run"] and r["condemned_packs"] == 1'
  succeeds gc --remote --yes
  age
  succeeds gc --remote --yes --json
  holds 'r["item_count"] >= 1 and r["freed_bytes"] > 0'
  succeeds verify --remote --json
  holds 'r["packs"] == 1 and r["faults"] == []'
  rm -rf .mlops/cache/obj .mlops/cache/pack .mlops/remotes data.txt
  succeeds pull
  [ "$(cat data.txt)" = new ]
}

@test "gc evicts data that a remote has, and pull brings them back" {
  mkdir "$BATS_TEST_TMPDIR/remote"
  succeeds init
  succeeds remote add origin "$BATS_TEST_TMPDIR/remote"
  echo data >data.txt
  succeeds add data.txt
  succeeds config set cache.size 1
  succeeds gc --grace 0 --json
  holds 'r["evicted_count"] == 0 and r["held_by"][0]["what"] == "tracked data that no remote has"'
  succeeds push
  succeeds gc --grace 0 --yes --json
  holds 'r["evicted_count"] == 1 and r["over_bytes"] == 0'
  rm data.txt
  succeeds pull
  [ "$(cat data.txt)" = data ]
}

@test "what was evicted since a remote has it is kept there, though others pushed it" {
  mkdir a b ../store
  for p in a b; do
    cd $p || return
    git_init
    succeeds init
    head -c 300000 /dev/zero | tr '\0' x >f
    succeeds add f
    succeeds remote add origin "$BATS_TEST_TMPDIR/store" --default
    commit_all
    cd ..
  done
  cd a || return
  succeeds push
  cd ../b || return
  succeeds config set --local cache.size 1
  succeeds gc --grace 0 --yes
  rm f
  cd ../a || return
  git rm -q f.mlops
  git commit -q --amend -m gone
  git reflog expire --expire=all --all
  rm -rf .mlops/lineage.db .mlops/cache/runs
  succeeds gc --remote --grace 0 --yes
  succeeds gc --remote --grace 0 --yes
  cd ../b || return
  succeeds pull
  [ "$(wc -c <f)" -eq 300000 ]
}

@test "gc keeps what projects of a shared cache need that only ever added or checked out" {
  export MLOPS_CACHE_DIR=$BATS_TEST_TMPDIR/cache
  succeeds init
  echo ours >f
  succeeds add f
  [ "$(ls "$MLOPS_CACHE_DIR/repos" | wc -l)" -eq 1 ]
  mkdir ../adds ../checks
  (cd ../adds && "$MLOPS" init -q && echo theirs >f && "$MLOPS" add -q f)
  (cd ../checks && "$MLOPS" init -q && cp ../adds/f.mlops f.mlops && "$MLOPS" checkout -q)
  [ "$(ls "$MLOPS_CACHE_DIR/repos" | wc -l)" -eq 3 ]
  succeeds gc --grace 0 --yes --json
  holds 'r["item_count"] == 0'
  rm ../adds/f*
  succeeds gc --grace 0 --yes
  rm ../checks/f
  (cd ../checks && "$MLOPS" checkout -q)
  holds_text ../checks/f theirs
}

@test "nothing is put into a shared cache that can't be told whose it is" {
  export MLOPS_CACHE_DIR=$BATS_TEST_TMPDIR/cache
  succeeds init
  rmdir "$MLOPS_CACHE_DIR/repos"
  echo 'in the way' >"$MLOPS_CACHE_DIR/repos"
  echo data >f
  fails 4 add f
  says "that this project uses it"
  succeeds du
}

@test "gc --all-commits keeps what earlier commits name, and the listing says which names what" {
  git_init
  succeeds init
  for word in one two three; do
    mkdir -p data
    echo "$word" >data/part
    echo "$word alone" >alone
    succeeds add data alone
    commit_all "$word"
  done
  succeeds gc --grace 0 --json -A
  holds 'r["item_count"] == 0'
  succeeds gc --grace 0 --json
  holds 'r["item_count"] == 6'
  first=$(git rev-parse --short=7 HEAD~2)
  holds "{'data of commit $first', 'data/part of commit $first', 'alone of commit $first'} <= {i['label'] for i in r['items']}"
  succeeds gc --grace 0 --yes --all-commits
  git checkout -q HEAD~2
  succeeds checkout
  holds_text data/part one
  git checkout -q main
  succeeds gc --grace 0 --yes --json
  holds 'r["item_count"] == 6'
}

@test "gc --remote --all-commits keeps what earlier commits name" {
  git_init
  mkdir "$BATS_TEST_TMPDIR/remote"
  succeeds init
  succeeds remote add origin "$BATS_TEST_TMPDIR/remote"
  for word in old new; do
    echo "$word" >data.txt
    succeeds add data.txt
    succeeds push
    commit_all "$word"
  done
  find "$BATS_TEST_TMPDIR/remote" -type f -exec touch -d '30 days ago' {} +
  succeeds gc --remote --all-commits --json
  holds 'r["condemned_packs"] == 0'
  succeeds gc --remote --json
  holds 'r["condemned_packs"] == 1 and r["items"][0]["label"].startswith("data.txt of commit ")'
}

@test "gc --remote refuses in a shallow clone, and warns where branches may be missing" {
  git_init
  mkdir "$BATS_TEST_TMPDIR/remote"
  succeeds init
  succeeds remote add store "$BATS_TEST_TMPDIR/remote"
  echo data >data.txt
  succeeds add data.txt
  succeeds push
  commit_all one
  echo two >two && commit_all two
  git branch other
  succeeds gc --remote --yes
  says_not warning
  git clone -q --depth 1 "file://$PWD" ../shallow
  git clone -q "file://$PWD" ../whole
  cd ../shallow
  succeeds gc --remote store
  says "warning: this is a shallow clone"
  says "remote.origin.fetch"
  fails 3 gc --remote store --yes
  says "git fetch --unshallow"
  fails 3 gc --all-commits --yes
  succeeds gc --yes
  git fetch -q --unshallow
  succeeds gc --remote store --yes
  says "warning: this clone does not fetch all branches"
  git remote set-branches origin '*'
  succeeds gc --remote store --yes
  says_not warning
  cd ../whole
  succeeds gc --remote store --yes
  says_not warning
  rm -rf .git
  succeeds gc --remote store --yes
  says "warning: there is no git repository here"
}

@test "a file that is called like a pointer and is none stops gc in the work tree and at a tip" {
  git_init
  succeeds init
  echo data >data
  succeeds add data
  for text in broken '<html>' '[1, 2' 'a: 1' ''; do
    printf '%s' "$text" >data.mlops
    fails 3 gc --grace 0 --yes
    says "can't tell what is still needed"
  done
  git checkout -q -b broken
  echo broken >data.mlops
  commit_all
  git rm -q --cached data.mlops
  rm data.mlops
  succeeds add data
  git checkout -q -b good
  commit_all
  fails 3 gc --grace 0 --yes
  says "data.mlops at $(git rev-parse --short=7 broken)"
  says "--contains $(git rev-parse --short=7 broken)"
  git branch -q -D broken
  succeeds gc --grace 0 --yes
  succeeds gc --grace 0 --yes --all-commits
  grep -c "warning: data.mlops at .* is no pointer: left out" "$ERR" >seen
  holds_text seen 1
  rm data
  succeeds checkout
  sed -i 's/^path/patch/' data.mlops
  commit_all
  git rm -q data.mlops
  commit_all
  succeeds gc --grace 0
  fails 3 gc --all-commits
  says "do without --all-commits"
}

@test "gc needs no room on a full disk, nor does what only looks" {
  mkdir disk
  mount -t tmpfs -o size=4m none disk 2>/dev/null || skip "no file system can be mounted here"
  cd disk || return
  two_stages
  ran executed=2
  for word in one two; do
    head -c 300000 /dev/urandom >f
    succeeds add f
  done
  rm -f .mlops/*-shm
  cat /dev/zero >fill 2>/dev/null || true
  for look in status ls "checkout -n" du runs "gc --grace 0"; do
    mlops $look
    [ "$status" -eq 0 ] || break
  done
  [ "$status" -ne 0 ] || mlops gc --grace 0 --yes --json
  cd ..
  umount -l disk
  [ "$status" -eq 0 ] || tell "$look"
  holds 'r["freed_bytes"] >= 300000'
}

@test "gc --remote --yes removes what pushes that died left longer than the grace period ago" {
  remote=$BATS_TEST_TMPDIR/remote
  mkdir "$remote"
  succeeds init
  succeeds remote add origin "$remote"
  echo data >data.txt
  succeeds add data.txt
  succeeds push
  echo half >"$remote/.tmp/0123456789abcdef"
  echo other >"$remote/.tmp/notes"
  touch -d '2 hours ago' "$remote"/.tmp/*
  succeeds gc --remote --grace 3h --yes --json
  holds 'r["items"] == []'
  succeeds gc --remote --grace 1h --json
  holds '[(i["what"], i["name"]) for i in r["items"]] == [("unfinished file", ".tmp/0123456789abcdef")]'
  [ -e "$remote/.tmp/0123456789abcdef" ]
  succeeds gc --remote --grace 1h --yes --json
  holds 'r["item_count"] == 1 and r["freed_bytes"] == 5'
  [ ! -e "$remote/.tmp/0123456789abcdef" ]
  [ -e "$remote/.tmp/notes" ]
}

@test "gc says what lies in .mlops/displaced, and leaves it there" {
  succeeds init
  echo data >data.txt
  succeeds add data.txt
  succeeds gc --grace 0 --yes
  says_not displaced
  echo edited >data.txt
  succeeds checkout
  succeeds gc --yes
  says_not displaced
  succeeds gc --grace 0 --yes
  says "7 B in 1 folder of .mlops/displaced"
  succeeds gc --grace 0 --json
  holds 'r["displaced_count"] == 1 and r["displaced_bytes"] == 7'
  grep -rqx edited .mlops/displaced
}

@test "gc keeps what a pointer names that lies in .mlops/displaced, as long as it does" {
  git_init
  echo 1 >f
  succeeds add f
  commit_all
  echo 2 >f
  succeeds add f
  succeeds checkout HEAD f
  holds_text f 1
  echo 'no pointer' >.mlops/displaced/notes.mlops # and what is none names nothing
  succeeds gc --grace 0 --yes --json
  holds 'r["item_count"] == 0'
  cp .mlops/displaced/checkout-*/f.mlops f.mlops
  succeeds checkout f
  holds_text f 2
  succeeds checkout HEAD f
  rm -r .mlops/displaced
  succeeds gc --grace 0 --yes --json
  holds 'r["item_count"] == 1'
}

@test "gc keeps what the project needs whose own cache another one uses" {
  succeeds init
  echo data >data.txt
  succeeds add data.txt
  mkdir ../guest
  cd ../guest || return
  succeeds init
  succeeds config set --local cache.dir "$BATS_TEST_TMPDIR/project/.mlops/cache"
  echo litter >mine.txt
  succeeds add mine.txt
  rm mine.txt*
  succeeds gc --grace 0 --yes --json
  holds 'r["item_count"] == 1'
  cd ../project || return
  rm data.txt
  succeeds checkout
  holds_text data.txt data
  succeeds gc --grace 0
}

@test "verify names what was damaged earlier and a pointer still needs" {
  echo precious >f
  head -c 100000 /dev/zero >g
  succeeds add f g
  object=$(find .mlops/cache/obj -type f -size +90k)
  chmod u+w "$object"
  printf x | dd of="$object" conv=notrunc status=none
  rm g
  fails 1 checkout
  fails 5 verify
  says "g.mlops names it"
  says "mlops pull g"
  head -c 100000 /dev/zero >g
  succeeds add g
  succeeds verify
}

# Trials report what they were given.
scored() {
  echo raw >raw.txt
  echo 'lr: 0.5' >params.yaml
  pipeline <<'END'
stages:
  train:
    cmd: 'lr=$(sed -n "s/lr: //p" params.yaml); echo "{\"f1\": $lr}" > m.json; cat raw.txt params.yaml > model.txt'
    deps: [raw.txt]
    params: [lr]
    outs: [model.txt]
    metrics: [{m.json: {cache: false}}]
END
}

@test "a sweep pushes no run out, and of old ones the best trial stays" {
  scored
  succeeds run
  succeeds tag @ base
  echo other >raw.txt
  succeeds run
  succeeds sweep -S lr=0.1,0.9,0.2 -m f1 --max --name tune
  succeeds config set --local keep.age 0s
  succeeds config set --local keep.runs 1
  succeeds gc --grace 0 --yes
  rm model.txt
  ran restored=1
  for run in base tune-2; do
    succeeds get "$run" model.txt -o "../$run.txt" || succeeds show "$run"
  done
  succeeds sweep -S lr=0.9 -m f1 --max --json # what the best one made is there
  [ "$(find .mlops/cache/res -type f | wc -l)" -eq 3 ]
}

@test "the last sweep keeps the files it was made from, also to be given more trials" {
  scored
  succeeds sweep -S lr=0.1,0.2,0.3,0.4 -m f1 --max --name tune --max-trials 2
  echo other >raw.txt
  succeeds config set --local keep.age 0s
  succeeds config set --local keep.runs 1
  succeeds gc --grace 0 --yes
  succeeds sweep --resume tune --max-trials 2
  succeeds sweep show tune --json
  holds '[t["status"] for t in r["trials"]] == ["succeeded"] * 4'
}

@test "work directories of dead trials go" {
  scored
  sed -i 's/cmd: .*/cmd: "echo x >model.txt; echo started >started; sleep 60"/; /metrics/d' pipeline.yaml
  "$MLOPS" sweep -S lr=0.1 --name tune >/dev/null 2>&1 &
  driver=$!
  for _ in $(seq 100); do
    [ -z "$(find .mlops/work -name started 2>/dev/null)" ] || break
    sleep 0.1
  done
  kill -KILL "$driver"
  for _ in $(seq 100); do # the trial ends with its driver
    succeeds gc --yes
    [ -n "$(ls .mlops/work)" ] || break
    sleep 0.1
  done
  [ -z "$(ls .mlops/work)" ]
}

@test "a clock that was set forward makes nothing old" {
  command -v faketime >/dev/null || skip "faketime is not installed"
  faketime "+0 days" "$MLOPS" version >/dev/null 2>&1 || skip "this build can't be run by faketime"
  succeeds init
  echo old >data.txt
  succeeds add data.txt
  echo new >data.txt
  succeeds add data.txt
  for days in +10 -10 +4000; do
    faketime "$days days" "$MLOPS" gc --yes --json >"$OUT"
    holds 'r["item_count"] == 0 and r["young_objects"] == 1'
  done
  succeeds gc --grace 0 --json
  holds 'r["item_count"] == 1'
}

@test "gc and du say why the cache is so large" {
  succeeds init
  head -c 50000 /dev/urandom >data.bin
  succeeds add data.bin
  head -c 100000 /dev/zero >data.bin
  succeeds add data.bin
  echo damaged >.mlops/cache/quarantine/x
  succeeds gc
  grep -q "97.7 KiB  tracked data" "$OUT"
  grep -q "48.8 KiB  what is in use or within the grace period" "$OUT"
  grep -q "1 file of quarantine/" "$ERR"
  succeeds gc --json
  holds '[h["bytes"] for h in r["held_by"]] == [100000, 50000]'
  holds 'r["quarantine_count"] == 1 and r["left_objects"] == 0'
  succeeds du
  grep -q "146.5 KiB in all, 48.8 KiB of it" "$ERR"
}
