# A run's parameters, code and outputs come into the work tree; a run afterwards executes nothing.
load helper

# prepare -> train -> score, parameters with comments, in git.
experiment() {
  git_init
  mkdir -p src
  printf 'b\na\n' >raw.txt
  printf '# what to try\ntrain:\n  lr: 0.1   # rate\n  depth: 3\nother: 1\n' >params.yaml
  echo 'sed -n "s/^  lr: \([^ ]*\).*/\1/p" params.yaml >> model.txt' >src/train.sh
  pipeline <<'END'
stages:
  prepare:
    cmd: echo prepare >> "$DID"; mkdir parts && sort raw.txt > parts/sorted
    deps: [raw.txt]
    outs: [parts]
  train:
    cmd: 'echo train >> "$DID"; cat parts/sorted > model.txt; . ./src/train.sh'
    deps: [parts, src]
    params: [train.lr]
    outs: [model.txt]
  score:
    cmd: 'echo score >> "$DID"; printf "{\"f1\":0.%s}\n" "$(cksum < model.txt | cut -c 1-6)" > metrics.json'
    deps: [model.txt]
    metrics: [{metrics.json: {cache: false}}]
END
  succeeds run
  commit_all one
  : >"$DID"
}

id_of() {
  "$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["run"])' "$OUT"
}

# A run with another rate and other code, of which nothing is left but the history: $id.
tried() {
  sed -i 's/lr: 0.1 /lr: 0.02/' params.yaml
  echo 'echo more >> model.txt' >>src/train.sh
  echo new >src/new.sh
  succeeds run --json
  id=$(id_of)
  cp model.txt "$BATS_TEST_TMPDIR/model"
  git reset -q --hard
  git clean -qfd
  succeeds run
  : >"$DID"
}

# What git keeps besides the work tree.
git_state() {
  git rev-parse HEAD
  git branch -a
  git stash list
  git ls-files -s
  cat .git/HEAD
}

files_state() {
  find . -path ./.git -prune -o -path ./.mlops -prune -o -type f -print0 | sort -z | xargs -0 sha256sum
}

@test "parameters, code and outputs are the run's, and a run has nothing to do" {
  experiment
  tried
  git_state >"$BATS_TEST_TMPDIR/before"
  succeeds apply "$id" --json
  holds 'not r["is_refused"] and r["displaced"] == 0'
  holds '{x["path"]: x["kind"] for x in r["changes"]} == {"params.yaml": "write", "src/train.sh": "write", "src/new.sh": "write", "model.txt": "restore", "metrics.json": "restore"}'
  holds '[x["what"] for x in r["changes"] if x["path"] == "params.yaml"] == ["train.lr 0.1 -> 0.02"]'
  holds 'r["run"]["counts"]["executed"] == r["run"]["counts"]["restored"] == 0'
  git_state | cmp - "$BATS_TEST_TMPDIR/before"
  cmp model.txt "$BATS_TEST_TMPDIR/model"
  grep -q '^  lr: 0.02 *# rate$' params.yaml
  ran unchanged=3
  did
  succeeds apply "$id"
  grep -q 'the work tree is as run' "$OUT"
}

@test "what a run made that never ran here is left out of git, as after a run" {
  experiment
  git rm -q --cached .gitignore && rm -rf .gitignore model.txt parts metrics.json pipeline.lock
  succeeds run -P train.lr=0.3 --json
  [ ! -e .gitignore ]
  succeeds apply "$(id_of)"
  diff <(sort .gitignore) <(printf '/model.txt\n/parts\n')
  git status --porcelain | cut -c 4- | sort -u | diff - <(printf '.gitignore\nmetrics.json\nparams.yaml\npipeline.lock\n')
}

@test "an experiment of run -P is applied: the file is edited in place" {
  experiment
  succeeds run -P train.lr=0.5 --json
  id=$(id_of)
  grep -q 'lr: 0.1 ' params.yaml
  [ -z "$(git status --porcelain)" ]
  : >"$DID"
  succeeds apply "$id"
  grep -q '^  set     params.yaml  train.lr 0.1 -> 0.5$' "$OUT"
  grep -q '^  lr: 0.5   # rate$' params.yaml
  ran unchanged=3
  did
}

@test "what else was changed in a file of parameters stays" {
  experiment
  tried
  sed -i 's/depth: 3/depth: 4/; s/what to try/my words/' params.yaml
  succeeds apply "$id"
  grep -q 'depth: 4' params.yaml && grep -q '# my words' params.yaml
  grep -q '^  lr: 0.02' params.yaml
  ran unchanged=3
}

@test "a value that is being tried here is no less unsaved than code" {
  experiment
  tried
  sed -i 's/lr: 0.1 /lr: 0.7 /' params.yaml
  files_state >"$BATS_TEST_TMPDIR/before"
  fails 1 apply "$id" --json
  holds 'r["is_refused"] and [x["path"] for x in r["changes"] if x["is_unsaved"]] == ["params.yaml"]'
  files_state | cmp - "$BATS_TEST_TMPDIR/before"
  succeeds apply "$id" --force
  grep -q '^  lr: 0.02' params.yaml
  grep -rq 'lr: 0.7' .mlops/displaced
  ran unchanged=3
}

@test "unsaved changes are all listed and nothing is done; --force keeps them aside" {
  experiment
  tried
  echo 'mine' >src/train.sh
  echo 'mine too' >src/new.sh
  chmod u+w model.txt
  echo 'by hand' >model.txt
  files_state >"$BATS_TEST_TMPDIR/before"
  fails 1 apply "$id"
  [ "$(grep -c '(unsaved changes)$' "$OUT")" -eq 3 ] || tell "three"
  grep -q 'force' "$ERR"
  files_state | cmp - "$BATS_TEST_TMPDIR/before"
  succeeds apply "$id" --force --json
  holds 'r["displaced"] == 3'
  grep -rq 'mine too' .mlops/displaced && grep -rq 'by hand' .mlops/displaced
  grep -rqx 'mine' .mlops/displaced
  cmp model.txt "$BATS_TEST_TMPDIR/model"
  ran unchanged=3
}

@test "what is staged or was stashed is saved" {
  experiment
  tried
  echo 'mine' >src/train.sh
  git add src/train.sh
  succeeds apply "$id"
  [ "$(git show :src/train.sh)" = mine ]
  grep -q more src/train.sh
}

@test "a dry run says it and does nothing" {
  experiment
  tried
  files_state >"$BATS_TEST_TMPDIR/before"
  succeeds apply -n "$id"
  grep -q 'would change' "$OUT" && grep -q 'restore model.txt' "$OUT"
  files_state | cmp - "$BATS_TEST_TMPDIR/before"
}

@test "only the parameters: code and outputs stay" {
  experiment
  tried
  succeeds apply --params-only "$id" --json
  holds '[x["path"] for x in r["changes"]] == ["params.yaml"] and r["run"] is None'
  not grep -q more src/train.sh
  [ ! -e src/new.sh ]
  ran executed=2 unchanged=1
}

@test "a result that gc removed is told before anything is changed" {
  experiment
  tried
  succeeds gc --keep-runs 0 --keep-since 0s --grace 0s --force || succeeds gc --help
  object=$(find .mlops/cache -type f -path "*$(sha256sum "$BATS_TEST_TMPDIR/model" | cut -c 3-64)")
  [ -z "$object" ] || rm -f "$object"
  files_state >"$BATS_TEST_TMPDIR/before"
  fails 1 apply "$id"
  grep -q "'model.txt' of stage 'train' is no more in the store\|gc has removed" "$ERR"
  files_state | cmp - "$BATS_TEST_TMPDIR/before"
}

@test "a file that only the work tree has in a directory that is read goes" {
  experiment
  tried
  echo stray >src/stray.sh
  fails 1 apply "$id"
  grep -q '^  remove  src/stray.sh  (unsaved changes)$' "$OUT"
  succeeds apply --force "$id"
  [ ! -e src/stray.sh ]
  ran unchanged=3
}

@test "a file that the run did without is removed, and comes back with the next apply" {
  experiment
  echo x >src/extra.sh
  commit_all extra
  succeeds run --json
  first=$(id_of)
  rm src/extra.sh
  succeeds run --json
  second=$(id_of)
  succeeds apply "$first"
  [ -e src/extra.sh ]
  succeeds apply "$second"
  [ ! -e src/extra.sh ]
  ran unchanged=3
}

@test "files that the pipeline does not name stay as they are committed" {
  experiment
  succeeds run -P train.lr=0.5 --json
  id=$(id_of)
  echo 'words' >README
  sed -i 's/sort raw/LC_ALL=C sort raw/' pipeline.yaml
  commit_all later
  succeeds apply "$id"
  [ "$(cat README)" = words ]
  grep -q 'made from commit' "$ERR"
  not grep -q LC_ALL pipeline.yaml
  ran unchanged=3
}

@test "data that a pointer tracks come with their pointer" {
  git_init
  succeeds init
  mkdir data
  echo 1 >data/a.csv
  pipeline <<'END'
stages:
  sum: {cmd: cat data/*.csv > sum.txt, deps: [data], outs: [sum.txt]}
END
  succeeds add data
  succeeds run --json
  id=$(id_of)
  commit_all one
  succeeds run --json
  id=$(id_of)
  echo 2 >data/b.csv
  succeeds add data
  succeeds run
  commit_all two
  succeeds apply "$id"
  [ ! -e data/b.csv ] && [ "$(cat sum.txt)" = 1 ]
  ran unchanged=1
  git diff --quiet HEAD~1 -- data.mlops
}

@test "an output that is not cached is told; the rest is applied" {
  git_init
  echo 'lr: 1' >params.yaml
  pipeline <<'END'
stages:
  a: {cmd: 'grep lr params.yaml > plain.txt; cp plain.txt kept.txt', params: [lr], outs: [kept.txt, {plain.txt: {cache: false}}]}
END
  succeeds run
  commit_all
  echo 'lr: 2' >params.yaml
  succeeds run --json
  id=$(id_of)
  git checkout -q params.yaml plain.txt
  succeeds run
  succeeds apply "$id"
  grep -q "'plain.txt' is not cached" "$ERR"
  grep -q 2 kept.txt
}

@test "the other result of the same recipe is the run's own" {
  git_init
  pipeline <<'END'
stages:
  dice: {cmd: 'date +%s%N > n.txt', outs: [n.txt]}
END
  succeeds run --json
  first=$(id_of)
  cp n.txt "$BATS_TEST_TMPDIR/n"
  succeeds run --force
  not cmp -s n.txt "$BATS_TEST_TMPDIR/n"
  succeeds apply "$first"
  cmp n.txt "$BATS_TEST_TMPDIR/n"
  ran unchanged=1
}

@test "stages that always run do not keep the others from being applied" {
  git_init
  echo 'lr: 1' >params.yaml
  pipeline <<'END'
stages:
  now: {cmd: 'echo now >> "$DID"; echo 1 > now.txt', outs: [now.txt], always_changed: true}
  a: {cmd: 'cat now.txt params.yaml > a.txt', deps: [now.txt], params: [lr], outs: [a.txt]}
  tell: {cmd: 'echo tell >> "$DID"'}
END
  succeeds run
  commit_all
  echo 'lr: 2' >params.yaml
  succeeds run --json
  id=$(id_of)
  git checkout -q params.yaml
  succeeds run
  : >"$DID"
  succeeds apply "$id"
  did
  grep -q 'lr: 2' a.txt
  ran executed=2 unchanged=1
}

@test "a failed run brings its code and parameters" {
  experiment
  sed -i 's/lr: 0.1 /lr: 0.3/' params.yaml
  echo 'exit 3' >>src/train.sh
  fails 1 run --json
  id=$(id_of)
  git checkout -q .
  succeeds run
  succeeds apply "$id"
  grep -q 'lr: 0.3' params.yaml && grep -q 'exit 3' src/train.sh
  grep -q "'train' is not as the run left it" "$ERR"
}

@test "outside of git a trial is applied too" {
  two_stages
  succeeds run
  succeeds run -P lr=7 --json
  id=$(id_of)
  : >"$DID"
  succeeds apply "$id"
  grep -q 'lr: 7' params.yaml && grep -q 'lr: 7' model.txt
  ran unchanged=2
  did
}

@test "parameters in the place of a link, and a directory in the place of a file" {
  experiment
  tried
  rm -f src/new.sh
  mkdir src/new.sh
  echo precious >src/new.sh/file
  fails 1 apply "$id"
  [ -e src/new.sh/file ]
  succeeds apply --force "$id"
  [ "$(cat src/new.sh)" = new ]
  grep -rq precious .mlops/displaced
  ran unchanged=3
}

@test "a word that names no run" {
  experiment
  fails 2 apply nothing
  fails 2 apply HEAD
  fails 2 apply
}

@test "a directory that came in the place of a file stays" {
  experiment
  echo file >src/part
  commit_all file
  rm src/part
  mkdir src/part
  echo part >src/part/one
  sed -i 's/lr: 0.1 /lr: 0.02/' params.yaml
  succeeds run --json
  id=$(id_of)
  git checkout -q params.yaml
  commit_all directory
  succeeds run
  echo unrelated >src/part/README
  git add src/part/README
  succeeds apply "$id"
  [ "$(cat src/part/one)" = part ]
  ran unchanged=3
}

@test "a file that is too big to be read counts as unsaved" {
  experiment
  tried
  git show HEAD:src/train.sh >/dev/null
  truncate -s 70M src/train.sh
  : >none
  git add none
  fails 1 apply "$id"
  grep -q '^  write   src/train.sh  (unsaved changes)$' "$OUT"
  [ "$(stat -c %s src/train.sh)" -eq 73400320 ]
  succeeds apply --force "$id"
  grep -q more src/train.sh
  [ "$(find .mlops/displaced -size +60M | wc -l)" -eq 1 ]
}

@test "who only looks is told of an apply that was killed; a run completes it" {
  experiment
  tried
  mkdir -p .mlops/exchange/now
  succeeds status
  grep -q "an 'mlops apply' was interrupted" "$ERR"
  [ -d .mlops/exchange/now ]
  succeeds run
  [ ! -e .mlops/exchange/now ]
}

@test "a file in the place of a directory goes, and comes back from git" {
  experiment
  tried
  git rm -rq src
  echo 'a file' >src
  sed -i 's/deps: \[parts, src\]/deps: [parts]/; s/\. \.\/src\/train.sh/:/' pipeline.yaml
  commit_all file
  succeeds apply "$id"
  grep -q '^  remove  src$' "$OUT"
  [ "$(cat src/new.sh)" = new ]
  ran unchanged=3
  git reset -q --hard
  rm -rf src
  echo 'not saved' >src
  fails 1 apply "$id"
  grep -q '^  remove  src  (unsaved changes)$' "$OUT"
  succeeds apply "$id" --force
  grep -rq 'not saved' .mlops/displaced
  ran unchanged=3
}

@test "what can't be written is told before anything is changed" {
  experiment
  tried
  chmod a-w src
  # Root may write everywhere unless that power is taken from it.
  if [ "$(id -u)" = 0 ]; then
    printf '#!/bin/sh\nexec setpriv --bounding-set=-dac_override,-dac_read_search "%s" "$@"\n' "$MLOPS" >"$BATS_TEST_TMPDIR/mlops"
    chmod +x "$BATS_TEST_TMPDIR/mlops"
    MLOPS=$BATS_TEST_TMPDIR/mlops
  fi
  fails 4 apply "$id"
  grep -q "can't be changed" "$ERR"
  [ ! -e .mlops/exchange/now ]
  chmod u+w src
  succeeds apply "$id"
}

@test "values come back as what they were: dates, other bases, not a number" {
  git_init
  printf 'd = 1979-05-27\ni = 1_000\nb = 0b11\nn = nan\nr = 1e-4\n' >p.toml
  printf 'd: 2001-01-01\nm: [1, .inf]\no: 0o17\n' >p.yaml
  printf 'b = 0b11\nt = (1, 2)\n' >p.py
  mkdir after && cp p.* after
  pipeline <<'END'
stages:
  a: {cmd: 'cat p.toml p.yaml p.py > o', params: [p.toml: [d, i, b, n, r], p.yaml: [d, m, o], p.py: [b, t]], outs: [o]}
END
  succeeds run --json
  id=$(id_of)
  commit_all one
  printf 'd = 2000-01-02\ni = 2\nb = 1\nn = 1.5\nr = 1.5\n# mine\n' >p.toml
  printf 'd: 2002-02-02\nm: [2, 2.5]\no: 1\n# mine\n' >p.yaml
  printf 'b = 1\nt = (1, 3)\n# mine\n' >p.py
  succeeds run
  commit_all two
  succeeds apply "$id"
  for file in p.toml p.yaml p.py; do
    grep -v mine "$file" | cmp - "after/$file"
    grep -q mine "$file"
  done
  ran unchanged=1
}

@test "a file of parameters that is a link stays one, in a trial and when it is applied" {
  experiment
  mkdir conf
  git mv params.yaml conf/base.yaml
  ln -s conf/base.yaml params.yaml
  commit_all link
  succeeds run
  succeeds run -P train.lr=0.9 --json
  id=$(id_of)
  grep -q 'lr: 0.1 ' conf/base.yaml
  succeeds apply "$id"
  [ -L params.yaml ]
  grep -q '^  lr: 0.9   # rate$' conf/base.yaml
  [ "$(stat -c %a conf/base.yaml)" = 644 ]
  ran unchanged=3
  rm params.yaml
  cp conf/base.yaml ../outside.yaml
  sed -i 's/0\.9/0.1/' ../outside.yaml
  ln -s ../outside.yaml params.yaml
  fails 3 apply --force "$id"
  grep -q 'outside of the project' "$ERR"
  grep -q 'lr: 0.1 ' ../outside.yaml
}

@test "many values of a big file take no memory that grows with them" {
  ! grep -q __asan_init "$MLOPS" || skip "a sanitizer keeps what is freed"
  git_init
  "$PYTHON" -c 'for i in range(2000): print(f"k{i}: {i}")' >params.yaml
  pipeline <<END
stages:
  a: {cmd: cp params.yaml o, params: [$(seq -s, -f 'k%g' 0 199)], outs: [o]}
END
  succeeds run
  commit_all one
  succeeds run --json
  id=$(id_of)
  sed -i 's/: /: 1/' params.yaml
  echo '# mine' >>params.yaml
  succeeds run
  commit_all two
  "$PYTHON" -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
sys.exit(f"{most} MiB" if most > 100 else 0)' "$MLOPS" apply "$id" --params-only
  grep -qx 'k7: 7' params.yaml && grep -qx 'k1999: 11999' params.yaml
}
