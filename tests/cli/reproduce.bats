# The same once more in a fresh directory: identical, equal within tolerance, or which stage differs.
load helper

# prepare -> train -> score; RECIPE is what train does besides.
three_stages() {
  git_init
  mkdir -p src
  printf 'b\na\n' >raw.txt
  echo 'lr: 1' >params.yaml
  echo "${1:-true}" >src/more.sh
  pipeline <<'END'
stages:
  prepare:
    cmd: echo prepare >> "$DID"; mkdir parts && sort raw.txt > parts/sorted && wc -l < raw.txt > parts/count
    deps: [raw.txt]
    outs: [parts]
  train:
    cmd: 'echo train >> "$DID"; { cat parts/sorted; cat params.yaml; } > model.txt; . ./src/more.sh'
    deps: [parts, src]
    params: [lr]
    outs: [model.txt]
  score:
    cmd: 'echo score >> "$DID"; printf "{\"f1\": 0.%s}\n" "$(cksum < model.txt | cut -c 1-6)" > metrics.json'
    deps: [model.txt]
    metrics: [{metrics.json: {cache: false}}]
END
  ran executed=3
  commit_all
  did prepare train score
}

# The work tree, git and the history are as before.
untouched() {
  [ -z "$(git status --porcelain)" ] || tell "$(git status --porcelain)"
  [ "$(find .mlops/work -mindepth 1 2>&1 | wc -l)" -le 1 ] || tell "$(find .mlops/work)"
}

@test "a deterministic pipeline is identical, every stage having run, and leaves no trace" {
  three_stages
  "$MLOPS" runs --json >"$BATS_TEST_TMPDIR/before"
  succeeds reproduce HEAD --json
  holds 'r["verdict"] == "identical" and r["first"] is None and len(r["stages"]) == 3'
  holds 'all(x["has_same_inputs"] and not x["outputs_differing"] for x in r["stages"])'
  did prepare train score
  untouched
  "$MLOPS" runs --json >"$BATS_TEST_TMPDIR/after"
  cmp "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
  ran unchanged=3
  did
}

@test "the verdict is the first word of the first line" {
  three_stages
  succeeds reproduce HEAD
  head -n 1 "$OUT" | grep -q '^identical: HEAD .* 3 stages'
  succeeds reproduce HEAD --format md
  head -n 1 "$OUT" | grep -q '^\*\*identical\*\*: '
  grep -q '| prepare' "$OUT"
}

@test "a random stage is named, and what is behind it are consequences" {
  three_stages 'head -c 8 /dev/urandom | od -An -tx1 >> model.txt'
  fails 1 reproduce HEAD --json
  holds 'r["verdict"] == "differs" and r["first"] == "train"'
  holds 's["prepare"]["verdict"] == "identical"'
  holds 's["train"]["has_same_inputs"] and not s["train"]["is_consequence"]'
  holds 's["score"]["is_consequence"] and "model.txt" in s["score"]["cause"]'
  holds '[x["path"] for x in s["train"]["outputs_differing"]] == ["model.txt"]'
  fails 1 reproduce HEAD
  head -n 1 "$OUT" | grep -q "^differs: .*'train' is not deterministic: the same inputs gave other outputs"
  untouched
  did prepare train score prepare train score
}

@test "a stage that notes the time is named too" {
  three_stages 'date +%s%N >> model.txt'
  fails 1 reproduce HEAD --json
  holds 'r["first"] == "train"'
}

@test "outputs that differ and metrics that agree are equal within tolerance" {
  git_init
  pipeline <<'END'
stages:
  fit:
    cmd: date +%s%N > model.txt; echo "{\"f1\":0.5$(date +%N)}" | sed 's/0\.5\(...\).*/0.50000000\1}/' > m.json
    outs: [model.txt]
    metrics: [m.json]
END
  ran executed=1
  commit_all
  succeeds reproduce HEAD --json --rtol 1e-3
  holds 'r["verdict"] == "equal within tolerance" and r["first"] == "fit"'
  holds 'r["rtol"] == 0.001 and s["fit"]["metrics"][0]["is_within"]'
  succeeds reproduce HEAD
  head -n 1 "$OUT" | grep -q '^equal within tolerance: .* rtol 1e-06 and atol 1e-09'
  for _ in 1 2 3; do
    fails 1 reproduce HEAD --rtol 0 --atol 0 --json && break # a second of the same nanosecond
  done
  holds 'r["verdict"] == "differs"'
}

@test "a tolerance that is none is refused" {
  three_stages
  fails 2 reproduce HEAD --rtol x
  fails 2 reproduce HEAD --atol=-1
  fails 2 reproduce HEAD --rtol nan
  grep -q -- '--rtol takes a number' "$ERR"
}

@test "a run with uncommitted changes and parameters is made again from its patch" {
  three_stages
  echo 'lr: 2' >params.yaml
  echo 'echo more >> model.txt' >src/more.sh
  echo 'echo new' >src/new.sh
  succeeds run --json
  id=$("$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["run"])' "$OUT")
  git stash -q -u
  succeeds run
  succeeds reproduce "$id" --json
  holds 'r["verdict"] == "identical" and r["run"] == "'"$id"'"'
  grep -q 'lr: 1' params.yaml
  [ "$(git stash list | wc -l)" -eq 1 ]
}

@test "a fresh clone without history fetches what it needs from the remote" {
  git_init
  succeeds init
  mkdir data
  echo 1 >data/a.csv
  echo 2 >data/b.csv
  pipeline <<'END'
stages:
  sum:
    cmd: cat data/*.csv > sum.txt
    deps: [data]
    outs: [sum.txt]
END
  succeeds add data
  ran executed=1
  succeeds remote add origin "$BATS_TEST_TMPDIR/store" --default
  commit_all
  succeeds push
  git clone -q . "$BATS_TEST_TMPDIR/clone"
  cd "$BATS_TEST_TMPDIR/clone" || return
  succeeds reproduce HEAD --json
  holds 'r["verdict"] == "identical" and r["run"] is None and len(r["stages"]) == 1'
  [ ! -e data ] && [ ! -e sum.txt ]
  [ -z "$(git status --porcelain)" ]
}

@test "data that are nowhere are named, with where they should be, and that is no difference" {
  git_init
  succeeds init
  echo 1 >data.csv
  pipeline <<'END'
stages:
  sum: {cmd: cat data.csv > sum.txt, deps: [data.csv], outs: [sum.txt]}
END
  succeeds add data.csv
  ran executed=1
  commit_all
  git clone -q . "$BATS_TEST_TMPDIR/clone"
  cd "$BATS_TEST_TMPDIR/clone" || return
  fails 4 reproduce HEAD
  grep -q "data.csv.*data.csv.mlops" "$ERR" && grep -q 'mlops pull' "$ERR"
  succeeds remote add origin "$BATS_TEST_TMPDIR/store" --default
  mkdir "$BATS_TEST_TMPDIR/store"
  mlops reproduce HEAD
  [ "$status" -ge 3 ] || tell "status of an empty remote"
  grep -q "data.csv" "$ERR"
}

@test "frozen stages are restored, always_changed ones run, persisting ones say what they grew from" {
  git_init
  echo 1 >in
  pipeline <<'END'
stages:
  ice: {cmd: 'echo ice >> "$DID"; date +%N > ice.txt', deps: [in], outs: [ice.txt]}
  always: {cmd: 'echo always >> "$DID"; cat ice.txt > x.txt', deps: [ice.txt], outs: [x.txt], always_changed: true}
  grow: {cmd: 'echo grow >> "$DID"; echo line >> log.txt', deps: [in], outs: [{log.txt: {persist: true}}]}
END
  succeeds run
  sed -i 's/ice.txt\]}$/ice.txt], frozen: true}/' pipeline.yaml
  echo 2 >>in
  succeeds run
  : >"$DID"
  commit_all
  fails 1 reproduce @ --json
  did always grow
  holds 's["ice"]["verdict"] == s["always"]["verdict"] == "identical"'
  holds 'r["first"] == "grow" and "persists" in s["grow"]["cause"]'
}

@test "a stage that fails now is told with its cause" {
  three_stages
  echo 'test -n "$STRANGE" || exit 3' >src/more.sh
  STRANGE=1 succeeds run
  commit_all two
  : >"$DID"
  fails 1 reproduce HEAD --json
  holds 'r["verdict"] == "failed" and r["first"] == "train" and "3" in s["train"]["cause"]'
  holds 's["score"]["is_consequence"]'
}

@test "a directory in the place of outputs, and one more file in it, differ" {
  git_init
  pipeline <<'END'
stages:
  make: {cmd: 'mkdir d; echo 1 > d/a; echo 2 > "d/$(date +%s%N)"', outs: [d]}
END
  ran executed=1
  commit_all
  fails 1 reproduce HEAD --json
  holds 'r["first"] == "make" and s["make"]["outputs_differing"][0]["path"] == "d"'
}

@test "validate and evaluate stages are compared; gates are not asked again" {
  git_init
  printf 'id,y,p\n1,1,1\n2,0,0\n3,1,0\n' >rows.csv
  pipeline <<'END'
stages:
  check:
    kind: validate
    cmd: 'true'
    deps: [rows.csv]
    guards: [rows.csv]
  judge:
    kind: evaluate
    cmd: echo '{"f1":0.7}' > m.json
    deps: [rows.csv]
    metrics: [m.json]
    gates: [{metric: f1, min: 0.5}]
END
  succeeds run
  commit_all
  succeeds reproduce HEAD --json
  holds 'r["verdict"] == "identical" and len(r["stages"]) == 2'
}

@test "outside of git the files of now are taken, and recipes tell whether they are those of then" {
  two_stages
  ran executed=2
  succeeds reproduce @
  grep -q 'outside of git' "$ERR"
  grep -q '^identical' "$OUT"
  echo other >raw.txt
  fails 1 reproduce @ --json
  holds 'r["first"] == "prepare" and not s["prepare"]["has_same_inputs"] and "raw.txt" in s["prepare"]["cause"]'
  holds 's["train"]["is_consequence"]'
}

@test "only what the run had results of is made again" {
  three_stages
  succeeds run prepare
  git rm -q --cached pipeline.lock
  rm -rf .mlops pipeline.lock parts model.txt metrics.json
  succeeds run prepare
  : >"$DID"
  succeeds reproduce @ --json
  did prepare
  holds 'len(r["stages"]) == 1'
}

@test "a word that names nothing, and the workspace" {
  three_stages
  fails 2 reproduce nothing
  fails 2 reproduce workspace
  fails 2 reproduce
}

@test "--keep-work leaves the directory and says where" {
  three_stages
  succeeds reproduce HEAD --keep-work
  dir=$(sed -n 's/.*stays: //p' "$ERR")
  [ -e "$dir/model.txt" ]
}

@test "another pipeline, and one that the work tree no longer has" {
  git_init
  pipeline other.yaml <<'END'
stages:
  a: {cmd: echo a > a.txt, outs: [a.txt]}
END
  succeeds run other.yaml
  commit_all one
  succeeds reproduce other.yaml HEAD --json
  holds 'r["verdict"] == "identical"'
  git rm -q other.yaml
  git commit -q -m gone
  succeeds reproduce @ --json
  holds 'r["verdict"] == "identical"'
}

@test "stopped by a signal it says so by its status and takes the directory away" {
  git_init
  echo fast >mode
  pipeline <<'END'
stages:
  a: {cmd: 'echo a >> "$DID"; test ! -e "$SLOW" || sleep 60; echo 1 > a.txt', deps: [mode], outs: [a.txt]}
END
  succeeds run
  commit_all
  : >"$DID"
  touch "$BATS_TEST_TMPDIR/slow"
  SLOW=$BATS_TEST_TMPDIR/slow "$MLOPS" reproduce HEAD >"$OUT" 2>"$ERR" &
  pid=$!
  for _ in $(seq 100); do
    [ -s "$DID" ] && break
    sleep 0.1
  done
  kill -TERM "$pid"
  status=0
  wait "$pid" || status=$?
  [ "$status" -eq 143 ] || tell "status"
  untouched
}

@test "without a namespace a directory does; an absolute path into the project is refused" {
  three_stages
  succeeds reproduce HEAD --isolation directory --json
  holds 'r["verdict"] == "identical" and r["isolation"] == "directory"'
  sed -i "s|sort raw.txt|sort $PWD/raw.txt|" pipeline.yaml
  succeeds run
  commit_all absolute
  fails 3 reproduce HEAD --isolation directory
  grep -q -- '--allow-shared' "$ERR"
  succeeds reproduce HEAD --isolation directory --allow-shared
  untouched
}

@test "a run that failed is not called identical without a word" {
  three_stages
  echo exit 4 >src/more.sh
  fails 1 run
  succeeds runs -n 1 --json
  run=$("$PYTHON" -c 'import json, sys; print(json.load(open(sys.argv[1]))["runs"][0]["run"])' "$OUT")
  succeeds reproduce "$run"
  says "2 stages of run ${run: -8} came to no result and are not tried"
}
