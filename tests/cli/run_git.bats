# A run beside git: what it ignores, refuses, records.
load helper

setup_git() {
  git_init
  two_stages
  commit_all pipeline
}

@test "cached outputs are ignored by git; only the lock, .gitignore and config are new" {
  setup_git
  ran executed=2
  grep -qx /clean.txt .gitignore
  grep -qx /model.txt .gitignore
  [ "$(git status --porcelain -uall | sort | tr '\n' ' ')" = \
    "?? .gitignore ?? .mlops/.gitignore ?? .mlops/config.yaml ?? pipeline.lock " ]
  commit_all lock
  ran unchanged=2
  [ -z "$(git status --porcelain)" ]
}

@test ".gitignore of the user is added to, each line once, and a missing end of line is made" {
  setup_git
  printf '*.o' >.gitignore
  ran executed=2
  ran executed=2 -- --force
  holds_text .gitignore "*.o
/clean.txt
/model.txt"
}

@test "an output in a directory is ignored there, names with marks are escaped" {
  git_init
  pipeline <<'END'
stages:
  a:
    cmd: cd sub; touch a '[b] c' '!d ' '#e' 'star*'
    outs: [sub/a, 'sub/\[b] c', 'sub/!d ', 'sub/#e', 'sub/star\*']
END
  ran executed=1
  [ ! -e .gitignore ]
  [ -z "$(git status --porcelain -uall sub | grep -v gitignore)" ]
}

@test "uncached outputs are git's: they are not ignored" {
  git_init
  pipeline <<'END'
stages:
  a: {cmd: 'echo "{}" > m.json; echo 1 > r.txt', metrics: [{m.json: {cache: false}}], outs: [{r.txt: {cache: false}}]}
END
  ran executed=1
  [ ! -e .gitignore ]
}

@test "a cached output that git tracks is refused with the line that helps" {
  setup_git
  echo old >model.txt
  git add -f model.txt
  git commit -q -m tracked
  fails 3 run
  says "'model.txt' is tracked by git"
  says "git rm -r --cached 'model.txt'"
  holds_text model.txt old
  did
}

@test "a cached output directory with a tracked file in it is refused" {
  git_init
  mkdir out
  touch out/kept
  pipeline <<'END'
stages:
  a: {cmd: 'touch out/a', outs: [out]}
END
  commit_all
  fails 3 run
  says "git rm -r --cached 'out'"
}

@test "the run records commit and branch; outputs and the lock do not make it dirty" {
  setup_git
  ran executed=2
  ran executed=2 -- --force
  succeeds show @ --json
  grep -q "$(git rev-parse HEAD)" "$OUT"
  holds 'r["run"]["code"]["branch"] == "main" and r["run"]["code"]["is_dirty"] is False' ||
    holds 'r["code"]["branch"] == "main" and r["code"]["is_dirty"] is False'
  echo '# edited' >>pipeline.yaml
  ran executed=2 -- --force
  succeeds show @ --json
  grep -q '"is_dirty": true' "$OUT"
}

@test "a repository without a commit is fine" {
  git_init
  two_stages
  ran executed=2
}

@test "a project in a subdirectory of the repository ignores its outputs there" {
  git_init
  mkdir sub
  cd sub
  mkdir .mlops
  two_stages
  "$MLOPS" init >/dev/null 2>&1
  ran executed=2
  [ -z "$(git status --porcelain -uall . | grep -v -e gitignore -e lock -e .mlops/config -e raw -e pipeline -e params)" ]
}

@test "a merge of two branches' locks needs no run when outputs are known" {
  git_init
  pipeline <<'END'
stages:
  a: {cmd: 'echo a >> "$DID"; cat in.a > a', deps: [in.a], outs: [a]}
  m1: {cmd: 'true', deps: [a]}
  m2: {cmd: 'true', deps: [a]}
  m3: {cmd: 'true', deps: [a]}
  z: {cmd: 'echo z >> "$DID"; cat in.z > z', deps: [in.z], outs: [z]}
END
  echo 1 >in.a
  echo 1 >in.z
  succeeds run
  commit_all base
  git checkout -q -b left
  echo 2 >in.a
  succeeds run
  commit_all left
  git checkout -q main
  echo 2 >in.z
  succeeds run
  commit_all right
  git merge -q left -m merged
  rm -f "$DID"
  succeeds run --json
  holds 'c["executed"] == 0'
  did
  [ -z "$(git status --porcelain)" ]
}

@test "a lock file with conflict marks is told, not overwritten" {
  setup_git
  ran executed=2
  sed -i '3i <<<<<<< HEAD' pipeline.lock
  cp pipeline.lock ../lock
  fails 3 run
  says pipeline.lock
  cmp pipeline.lock ../lock
}

@test "in a fresh clone of an initialised project commands that only read work at once" {
  git_init
  two_stages
  ran executed=2
  commit_all one
  git clone -q . ../clone
  cd ../clone
  succeeds status
  says "prepare"
  succeeds runs
  succeeds gc
  planned executed=1
}
