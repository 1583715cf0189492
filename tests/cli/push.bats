load helper

# A project with a tracked directory, a large file and a stage, and an empty remote.
shared_project() {
  git_init
  succeeds init
  mkdir -p data/raw/a
  for i in 1 2 3; do echo "row $i" >"data/raw/a/$i.csv"; done
  echo top >data/raw/top.csv
  "$PYTHON" -c 'import random; random.seed(1); open("data/big.bin", "wb").write(random.randbytes(5000000))'
  pipeline <<'END'
stages:
  count:
    cmd: echo count >> "$DID"; cat data/raw/a/*.csv | wc -l > count.txt
    deps: [data/raw]
    outs: [count.txt]
END
  succeeds add data/raw data/big.bin
  succeeds run
  did count
  succeeds remote add origin "$BATS_TEST_TMPDIR/store" --default
  commit_all
}

fresh_clone() {
  git clone -q "$BATS_TEST_TMPDIR/project" "$BATS_TEST_TMPDIR/${1:-clone}"
  cd "$BATS_TEST_TMPDIR/${1:-clone}" || return
}

@test "after push, clone and pull everything is in place and a run executes nothing" {
  shared_project
  succeeds push --json
  holds 'c["missing"] == 0 and c["objects"] > 5'
  fresh_clone
  succeeds pull --json
  holds 'c["missing"] == 0 and r["restored"] == 3'
  cmp data/big.bin ../project/data/big.bin
  diff -r data/raw ../project/data/raw
  ran unchanged=1
  did
}

@test "what was fetched is restored by a run, without running" {
  shared_project
  succeeds push
  fresh_clone
  succeeds fetch
  [ ! -e data/big.bin ]
  ran restored=1
  did
}

@test "only what is missing travels" {
  shared_project
  succeeds push
  succeeds push --json
  holds 'c["objects"] == 0 and c["sent_bytes"] == 0'
  echo more >data/raw/a/4.csv
  succeeds add data/raw
  succeeds push --json
  holds 'c["sent_bytes"] < 2000'
  printf changed | dd of=data/big.bin bs=1 seek=2500000 conv=notrunc status=none
  succeeds add data/big.bin
  succeeds push --json
  holds 'c["objects"] == 1 and c["sent_bytes"] < 3000000 and c["chunks_shared"] > 2'
}

@test "a part of a directory is fetched alone" {
  shared_project
  succeeds push
  fresh_clone
  succeeds pull data/raw/a/2.csv
  [ -e data/raw/a/2.csv ]
  [ ! -e data/raw/top.csv ]
  [ ! -e data/big.bin ]
  fails 2 pull data/nothing
  says "names nothing"
}

@test "what is nowhere is named, and the rest is done" {
  shared_project
  succeeds push data/raw
  fresh_clone
  fails 1 pull
  says "'data/big.bin' can't be fetched: the remote does not have what data/big.bin.mlops names"
  [ -e data/raw/top.csv ]
}

@test "an output with push: false stays here" {
  shared_project
  sed -i 's/outs: \[count.txt\]/outs: [{count.txt: {push: false}}]/' pipeline.yaml
  succeeds push
  fresh_clone
  fails 1 fetch
  says count.txt
}

@test "without a remote, and with one that holds nothing" {
  git_init
  succeeds init
  echo x >x
  succeeds add x
  fails 3 push
  says "no remote is configured"
  succeeds remote add origin "$BATS_TEST_TMPDIR/store"
  fails 4 pull
  says "is it mounted?"
  says "holds nothing yet"
  succeeds push --dry-run --json
  holds 'r["paths"][0]["place"] == "here"'
  [ ! -e "$BATS_TEST_TMPDIR/store" ]
}

@test "damaged packs are never used: told, and nothing of them is stored" {
  shared_project
  succeeds push
  "$PYTHON" - <<'END'
import glob, os
for p in glob.glob(os.environ["BATS_TEST_TMPDIR"] + "/store/pack/*"):
    b = bytearray(open(p, "rb").read())
    b[20] ^= 1
    open(p, "wb").write(b)
END
  fresh_clone
  fails 1 pull
  says "is damaged and was not used"
  succeeds verify
}

@test "what other branches name travels with --all-branches" {
  shared_project
  git checkout -q -b other
  echo other >data/raw/other.csv
  succeeds add data/raw
  commit_all
  git checkout -q main
  succeeds checkout
  succeeds push --all-branches
  fresh_clone
  git checkout -q other
  succeeds pull data/raw
  [ -e data/raw/other.csv ]
}

@test "status says what is only here, only there and nowhere" {
  shared_project
  succeeds status --remote --json
  holds 'all(x["place"] == "here" for x in r["paths"]) and len(r["paths"]) == 3'
  succeeds push data/raw
  succeeds status --remote --json
  holds '{x["path"]: x["place"] for x in r["paths"]} == {"data/raw": "both", "data/big.bin": "here", "count.txt": "here"}'
  fresh_clone
  succeeds status --remote --json
  holds '{x["path"]: x["place"] for x in r["paths"]} == {"data/raw": "there", "data/big.bin": "nowhere", "count.txt": "nowhere"}'
}

@test "run --pull fetches what the plan lacks, and executes nothing" {
  shared_project
  succeeds push
  fresh_clone
  ran restored=1 -- --pull
  did
  [ -e count.txt ]
  [ ! -e data/big.bin ]
}

@test "run --pull leaves inputs where they are if the result is known" {
  shared_project
  succeeds push
  fresh_clone
  ran restored=1 -- --pull
  [ -e count.txt ] && [ ! -e data/raw ]
  [ "$(find .mlops/cache/obj -type f | wc -l)" -eq 1 ]
  ran unchanged=1 -- --allow-missing
  echo 'x: 1' >>pipeline.yaml
  fails 3 run
  sed -i '$d' pipeline.yaml
  sed -i 's/> count.txt/> count.txt; true/' pipeline.yaml
  ran executed=1 -- --pull
  diff -r data/raw ../project/data/raw
}

@test "run --pull fetches inputs if a known result is lost, and a part of a directory, or a glob" {
  shared_project
  succeeds push data/raw
  fresh_clone
  ran executed=1 -- --pull
  fresh_clone parts
  sed -i 's|deps: .*|deps: ["data/raw/a/*.csv"]|' pipeline.yaml
  ran executed=1 -- --pull
  [ -e data/raw/a/1.csv ] && [ ! -e data/raw/top.csv ]
  fresh_clone directory
  sed -i 's|deps: .*|deps: [data/raw/a]|' pipeline.yaml
  ran executed=1 -- --pull
  [ -e data/raw/a/1.csv ] && [ ! -e data/raw/top.csv ]
}

@test "run --pull fetches what pointers below a directory name, and parameter files" {
  git_init
  mkdir data
  echo 1 >data/a
  echo 2 >data/b
  echo 'x: 1' >params.yaml
  pipeline <<'END'
stages:
  all:
    cmd: cat data/a data/b > out
    deps: [data]
    params: [x]
    outs: [out]
END
  succeeds add data/a data/b params.yaml
  ran executed=1
  mkdir ../store
  succeeds remote add origin ../store --default
  succeeds push
  commit_all
  fresh_clone
  ran restored=1 -- --pull
  [ "$(cat out)" = $'1\n2' ]
}

# All that the work tree names goes to a remote, and the project to git.
send() {
  mkdir ../store
  succeeds remote add origin ../store --default
  succeeds push
  commit_all
}

# three stages in a row, and one beside them, whose outputs are large enough to be seen travelling
staged_project() {
  git_init
  echo 'n: 1' >params.yaml
  pipeline <<'END'
stages:
  raw:
    cmd: head -c 300000 /dev/urandom > raw.bin
    outs: [raw.bin]
  clean:
    cmd: head -c 200000 raw.bin > clean.bin
    deps: [raw.bin]
    outs: [clean.bin]
  side:
    cmd: head -c 100000 raw.bin > side.bin
    deps: [raw.bin]
    outs: [side.bin]
  model:
    cmd: echo "n=1"; wc -c < clean.bin > model.txt
    deps: [clean.bin]
    params: [n]
    outs: [model.txt]
END
  ran executed=4
  send
}

@test "run --pull TARGET fetches and writes what the target is, not what it was made of" {
  staged_project
  fresh_clone
  ran restored=1 unchanged=2 -- --pull model
  [ "$(cat model.txt)" = 200000 ]
  [ ! -e raw.bin ] && [ ! -e clean.bin ] && [ ! -e side.bin ]
  [ "$(find .mlops/cache/obj -type f -size +50k | wc -l)" -eq 0 ]
  ran unchanged=3 -- --pull model
  [ ! -e clean.bin ]
}

@test "run --pull TARGET fetches what a stage reads that executes, and nothing before that" {
  staged_project
  fresh_clone
  echo 'n: 2' >params.yaml
  ran executed=1 restored=1 unchanged=1 -- --pull model
  [ "$(cat model.txt)" = 200000 ]
  [ -e clean.bin ] && [ ! -e raw.bin ] && [ ! -e side.bin ]
  fresh_clone two
  ran restored=2 unchanged=1 -- --pull model clean
  [ -e model.txt ] && [ -e clean.bin ] && [ ! -e raw.bin ]
}

@test "run --pull TARGET makes what the remote has lost, from what it still has" {
  staged_project
  fresh_clone
  rm -r ../store
  ( cd ../project && rm -rf .mlops/remotes && succeeds push raw )
  sed -i 's/n: 1/n: 2/' params.yaml
  ran executed=2 restored=1 -- --pull model
  [ "$(cat model.txt)" = 200000 ]
  cmp raw.bin ../project/raw.bin
}

# what reads a file in a directory that a stage made is known when that directory is here
parted_project() {
  git_init
  echo 'n: 1' >params.yaml
  pipeline <<'END'
stages:
  split:
    cmd: echo s >>../count; mkdir -p parts && echo 1 > parts/a && echo 2 > parts/b
    outs: [parts]
  fit:
    cmd: echo f >>../count; cat parts/a parts/a > fit.txt
    deps: [parts/a]
    params: [n]
    outs: [fit.txt]
  judge:
    cmd: echo j >>../count; cat parts/b fit.txt > judged.txt
    deps: [parts/b, fit.txt]
    outs: [judged.txt]
END
  ran executed=3
  send
}

@test "run --pull TARGET executes nothing where stages read files in directories of others" {
  parted_project
  fresh_clone
  : >../count
  succeeds run --pull judge
  [ "$(cat judged.txt)" = $'2\n1\n1' ]
  [ ! -s ../count ]
  fresh_clone two
  succeeds run --pull fit
  [ "$(cat fit.txt)" = $'1\n1' ]
  [ ! -s ../count ]
}

@test "run --pull TARGET executes what changed where stages read files in directories of others" {
  parted_project
  fresh_clone
  : >../count
  sed -i 's/n: 1/n: 2/' params.yaml
  succeeds run --pull judge
  [ "$(cat ../count)" = f ]
  [ "$(cat judged.txt)" = $'2\n1\n1' ]
}

@test "run --pull TARGET makes what is lost where stages read files in directories of others" {
  parted_project
  fresh_clone
  : >../count
  rm -r ../store
  ( cd ../project && rm -rf .mlops/remotes && succeeds push split )
  succeeds run --pull judge
  [ "$(cat ../count)" = $'f\nj' ]
  [ "$(cat judged.txt)" = $'2\n1\n1' ]
}

@test "status --allow-missing needs the list of a directory of which single files are read" {
  parted_project
  fresh_clone
  fails 1 status --quiet --allow-missing
  succeeds fetch parts/a
  succeeds status --quiet --allow-missing
  [ ! -e parts ]
  sed -i 's/n: 1/n: 2/' params.yaml
  fails 1 status --quiet --allow-missing
}

@test "run --pull without a target brings all of it" {
  staged_project
  fresh_clone
  ran restored=4 -- --pull
  [ -e raw.bin ] && [ -e side.bin ]
  [ "$(find .mlops/cache/obj -type f -size +50k | wc -l)" -eq 3 ]
}

@test "run --pull --force TARGET fetches what is read and makes the rest" {
  shared_project
  succeeds push
  fresh_clone
  ran executed=1 -- --pull --force count
  did count
}

@test "--allow-missing takes pointers for the data, and names what a stage lacks that must run" {
  shared_project
  rm -r data/raw
  ran unchanged=1 -- --allow-missing
  [ ! -e data/raw ]
  succeeds plan --allow-missing --json
  holds 'c["unchanged"] == 1'
  sed -i 's/> count.txt/> count.txt; true/' pipeline.yaml
  ran executed=1 -- --allow-missing
  [ -e data/raw/top.csv ]
  rm -r data/raw .mlops/cache
  sed -i 's/; true/; true; true/' pipeline.yaml
  fails 1 run --allow-missing
  says "mlops pull data/raw"
}

@test "status --allow-missing asks in a fresh clone only whether what is recorded fits" {
  shared_project
  fresh_clone
  fails 1 status --quiet
  succeeds status --quiet --allow-missing
  succeeds status --allow-missing --json
  holds 'r["is_up_to_date"] and r["data"] == []'
  succeeds status --quiet --allow-missing data/raw
  succeeds status --quiet --allow-missing count
  sed -i 's/> count.txt/> count.txt; true/' pipeline.yaml
  fails 1 status --quiet --allow-missing
  succeeds status --allow-missing
  grep -q "count: to run" "$OUT"
  git checkout -q pipeline.yaml
  echo 7 >count.txt
  fails 1 status --quiet --allow-missing
  rm count.txt
  mkdir -p data/raw
  echo other >data/raw/top.csv
  fails 1 status --quiet --allow-missing
  rm -r data/raw
  sed -i 's/"sha256:..../"sha256:0000/; s/sha256:..../sha256:0000/' data/raw.mlops
  fails 1 status --quiet --allow-missing
  [ ! -e .mlops/cache ] || [ "$(find .mlops/cache/obj -type f | wc -l)" -eq 0 ]
}

@test "outputs travel to and from the remote that they or their pipeline name" {
  shared_project
  mkdir ../lab ../deep
  succeeds remote add lab ../lab
  succeeds remote add deep ../deep
  sed -i '1i remote: lab' pipeline.yaml
  sed -i 's/outs: \[count.txt\]/outs: [count.txt, {side.txt: {remote: deep}}]/; s/> count.txt/> count.txt; echo side > side.txt/' pipeline.yaml
  ran executed=1
  commit_all remotes
  succeeds push
  [ -e ../lab/format ] && [ -e ../deep/format ]
  fresh_clone
  succeeds pull
  ran unchanged=1
  fresh_clone again
  ran restored=1 -- --pull
  [ "$(cat side.txt)" = side ]
  fresh_clone third
  echo 'stages: [' >pipeline.yaml
  fails 1 pull
  says "count.txt"
}

@test "results of others count only where the remote is trusted" {
  shared_project
  succeeds push
  fresh_clone
  rm pipeline.lock
  ran executed=1 -- --pull
  did count
  fresh_clone again
  rm pipeline.lock
  succeeds config set --local remote.origin.trust true
  ran restored=1 -- --pull
  did
}

@test "a result of others counts where the lock file names an older one" {
  shared_project
  succeeds config set remote.origin.trust true
  commit_all trust
  succeeds push
  fresh_clone older
  cd ../project || return
  echo more >>data/raw/a/1.csv
  succeeds add data/raw
  succeeds run
  did count
  succeeds push
  cd ../older || return
  succeeds pull
  echo more >>data/raw/a/1.csv
  succeeds add data/raw
  ran restored=1 -- --pull
  did
}

@test "run --pull comes to an end where a stage always runs and a trusted remote knows results" {
  git_init
  succeeds init
  cat >dvc.yaml <<'END'
stages:
  now:
    cmd: echo now > now.txt
    outs: [now.txt]
    always_changed: true
END
  succeeds run
  succeeds remote add origin "$BATS_TEST_TMPDIR/store" trust=true --default
  commit_all
  succeeds push
  fresh_clone
  run timeout 20 "$MLOPS" run --pull
  [ "$status" -eq 0 ]
}

@test "results are taken from a trusted remote only; they are named as in the cache" {
  shared_project
  succeeds push --json
  holds 'c["results"] == 1'
  [ "$(find ../store/res -name '0*-*' | wc -l)" -eq 1 ]
  succeeds push --json
  holds 'c["results"] == 0'
  fresh_clone
  succeeds pull --json
  holds 'c["results"] == 0'
  cd ../project || return
  succeeds config set remote.origin.trust true
  commit_all trust
  fresh_clone trusting
  succeeds pull --json
  holds 'c["results"] == 1'
  rm pipeline.lock
  ran unchanged=1
  did
}

# key NAME: a private key NAME.pem and its public half NAME.pub.
key() {
  openssl genpkey -algorithm ed25519 -out "$1.pem" 2>/dev/null
  openssl pkey -in "$1.pem" -pubout -out "$1.pub"
}

@test "results that a known key has signed are used without trust in the remote" {
  shared_project
  key ../ci
  key ../stranger
  succeeds config set --local remote.origin.sign_key ../stranger.pem
  succeeds push
  cat ../ci.pub ../ci.pub >keys.pem
  succeeds config set remote.origin.trusted_keys keys.pem
  commit_all keys
  fresh_clone
  rm pipeline.lock
  ran executed=1 -- --pull
  did count
  cd ../project || return
  succeeds config set --local remote.origin.sign_key ../ci.pem
  succeeds push --json
  holds 'c["results"] == 0'
  [ "$(find ../store/sig -type f | wc -l)" -eq 2 ]
  fresh_clone again
  succeeds pull --json
  holds 'c["results"] == 1'
  rm pipeline.lock
  ran unchanged=1
  did
  fresh_clone third
  rm pipeline.lock
  ran restored=1 -- --pull
}

@test "a signature of another result, or a changed one, lets nothing in" {
  shared_project
  key ../ci
  succeeds config set --local remote.origin.sign_key ../ci.pem
  cp ../ci.pub keys.pem
  succeeds config set remote.origin.trusted_keys keys.pem
  succeeds push
  commit_all keys
  sig=$(find ../store/sig -type f)
  chmod u+w "$sig"
  printf x | dd of="$sig" conv=notrunc status=none
  fresh_clone
  succeeds pull --json
  holds 'c["results"] == 0'
  rm pipeline.lock
  ran executed=1 -- --pull
}

@test "keys that can't be read are named, and nothing is sent or taken" {
  shared_project
  succeeds config set --local remote.origin.sign_key ../missing.pem
  fails 3 push
  says "missing.pem"
  echo text >keys.pem
  succeeds config unset --local remote.origin.sign_key
  succeeds push
  succeeds config set remote.origin.trusted_keys keys.pem
  fails 3 pull
  says "public Ed25519 keys"
  fails 3 config set remote.origin.sign_key ../ci.pem
}

@test "a result is sent only with the outputs that it names" {
  shared_project
  echo other >data/raw/x.csv
  sed -i 's/outs: \[count.txt\]/outs: [count.txt, {side.txt: {push: false}}]/; s/> count.txt/> count.txt; echo > side.txt/' pipeline.yaml
  succeeds add data/raw
  ran executed=1
  did count
  succeeds push --json
  holds 'c["results"] == 0'
}

@test "two pushes at once and what they sent" {
  shared_project
  git clone -q . ../second
  cp -r .mlops/cache ../second/.mlops/cache
  for i in $(seq 60); do echo "$i" >"data/raw/first-$i"; done
  succeeds add data/raw
  cd ../second || return
  succeeds checkout
  for i in $(seq 60); do echo "other $i" >"data/raw/second-$i"; done
  succeeds add data/raw
  ("$MLOPS" -C ../project push >"$BATS_TEST_TMPDIR/first" 2>&1; echo $? >"$BATS_TEST_TMPDIR/status") &
  succeeds push
  wait
  [ "$(cat "$BATS_TEST_TMPDIR/status")" -eq 0 ]
  commit_all second
  [ "$(find ../store/pack -type f -printf '%f\n' | sort)" = "$(cat ../store/list/packs)" ]
  git clone -q ../second ../third
  cd ../third || return
  succeeds pull
  diff -r data ../second/data
  git -C ../project add -A
  git -C ../project commit -q -m first
  git fetch -q ../project main
  git checkout -q FETCH_HEAD
  succeeds pull
  diff -r data/raw ../project/data/raw
}

@test "the steps of docs/remotes.md for continuous integration" {
  shared_project
  succeeds push
  fresh_clone
  fails 3 run
  says "data/raw"
  succeeds pull
  ran unchanged=1
  did
  succeeds diff HEAD workspace --format=md
  succeeds status --quiet
}

@test "gc --remote removes results that nothing needs, with their signatures" {
  shared_project
  key ../ci
  succeeds config set --local remote.origin.sign_key ../ci.pem
  succeeds push
  fresh_clone
  succeeds pull
  succeeds config set --local remote.origin.sign_key ../ci.pem
  sed -i 's/> count.txt/> count.txt; true/' pipeline.yaml
  ran executed=1
  succeeds push
  [ "$(find ../store/res ../store/sig -type f | wc -l)" -eq 4 ]
  cd ../project || return
  succeeds gc --remote --yes --grace 0s
  says signature
  [ "$(find ../store/res -type f | wc -l)" -eq 1 ]
  [ "$(find ../store/sig -type f | wc -l)" -eq 1 ]
}

@test "a remote that is empty all of a sudden is not filled anew" {
  shared_project
  succeeds push
  mv ../store ../away
  fails 4 push
  says "is it mounted?"
  fails 4 pull
  says "is it mounted?"
  mkdir ../store
  fails 4 push
  [ -z "$(ls -A ../store)" ]
  rm -r .mlops/remotes/origin-*
  succeeds push
  [ -e ../store/format ]
}

@test "what a directory that is only at the remote holds is counted" {
  shared_project
  succeeds push
  fresh_clone
  succeeds status --remote --json
  holds '{x["path"]: x["there_bytes"] for x in r["paths"]}["data/raw"] == 22'
}

@test "a remote where a path belongs is told how it is named" {
  shared_project
  fails 2 push origin
  says "'origin' is a remote, and words are paths"
  says "hint: -r origin"
  fails 2 pull origin
  says "hint: -r origin"
}
