# Black-box tests: every test gets an empty project and a home of its own, and asserts on the fields
# of `--json`: a cache is tested by what it did not do. $MLOPS names the program.

MLOPS=${MLOPS:?name the program: MLOPS=/path/to/mlops bats tests/cli}

# A start of python through a version manager's shim costs more than most tests.
setup_file() {
  PYTHON=$(python3 -c 'import sys; print(sys.executable)')
  export PYTHON
}

setup() {
  unset "${!MLOPS_@}" CI NO_COLOR CUDA_VISIBLE_DEVICES
  export HOME=$BATS_TEST_TMPDIR/home TZ=UTC LC_ALL=C.UTF-8 TERM=dumb
  export XDG_CONFIG_HOME=$HOME/.config XDG_STATE_HOME=$HOME/.local/state
  export GIT_CONFIG_GLOBAL=$HOME/gitconfig GIT_CONFIG_NOSYSTEM=1
  export MLOPS_DURABILITY=none # syncing would take most of the time; tests/crash tests it
  export DID=$BATS_TEST_TMPDIR/did # stages append their names: what really ran
  OUT=$BATS_TEST_TMPDIR/out ERR=$BATS_TEST_TMPDIR/err
  mkdir -p "$HOME" "$BATS_TEST_TMPDIR/project"
  cd "$BATS_TEST_TMPDIR/project" || return
}

git_init() {
  git config --file "$GIT_CONFIG_GLOBAL" user.name Tester
  git config --file "$GIT_CONFIG_GLOBAL" user.email tester@example.org
  git config --file "$GIT_CONFIG_GLOBAL" init.defaultBranch main
  git init -q .
}

commit_all() {
  git add -A && git commit -q -m "${1:-state}"
}

# The pipeline on stdin becomes pipeline.yaml (or the named file).
pipeline() {
  cat >"${1:-pipeline.yaml}"
}

# Two stages in a row, each of which says that it ran: prepare makes clean.txt, train model.txt.
two_stages() {
  echo raw >raw.txt
  echo 'lr: 1' >params.yaml
  pipeline <<'END'
stages:
  prepare:
    cmd: echo prepare >> "$DID"; tr a-z A-Z < raw.txt > clean.txt
    deps: [raw.txt]
    outs: [clean.txt]
  train:
    cmd: echo train >> "$DID"; { cat clean.txt; grep lr params.yaml; } > model.txt
    deps: [clean.txt]
    params: [lr]
    outs: [model.txt]
END
}

# mlops ARGS...: never fails; $status, and its output in the files $OUT and $ERR.
mlops() {
  status=0
  "$MLOPS" "$@" >"$OUT" 2>"$ERR" </dev/null || status=$?
}

tell() {
  printf '%s\n' "$@" "status $status" "-- stdout" >&2
  head -c 4000 "$OUT" >&2
  echo "-- stderr" >&2
  head -c 4000 "$ERR" >&2
  return 1
}

succeeds() {
  mlops "$@"
  [ "$status" -eq 0 ] || tell "mlops $*"
}

# fails STATUS ARGS...
fails() {
  local wanted=$1
  shift
  mlops "$@"
  [ "$status" -eq "$wanted" ] || tell "mlops $*: wanted status $wanted"
}

# holds EXPRESSION: about the JSON of the last command: r, its counts c and its stages s by name.
holds() {
  "$PYTHON" -I -S -c '
import json, sys
text = open(sys.argv[1]).read()
r = json.loads(text)
c = r.get("counts", {})
s = {x["name"]: x for x in r.get("stages", []) if "name" in x}
def why(stage):
    """The reasons of a stage as words: part:what."""
    return [x["part"] + ":" + x["what"] for x in s[stage]["reasons"]]
if not eval(sys.argv[2]):
    sys.exit("does not hold: " + sys.argv[2])
' "$OUT" "$1" || tell "holds $1"
}

# counts executed=1 ...: exactly these; those not named are 0.
counts() {
  "$PYTHON" -I -S -c '
import json, sys
c = json.load(open(sys.argv[1]))["counts"]
wanted = dict.fromkeys("executed restored unchanged failed rejected unconfirmed interrupted skipped".split(), 0)
wanted.update((k, int(v)) for k, v in (x.split("=") for x in sys.argv[2:]))
got = {k: c[k] for k in wanted}
if got != wanted:
    sys.exit("counts\n  wanted %s\n  got    %s" % (wanted, got))
' "$OUT" "$@" || tell "counts $*"
}

# ran executed=1 ... [-- ARGS...]: `mlops run --json ARGS` succeeds with exactly these counts.
ran() {
  local wanted=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    wanted+=("$1")
    shift
  done
  [ $# -eq 0 ] || shift
  succeeds run --json "$@" && counts "${wanted[@]}"
}

# planned executed=1 ... [-- ARGS...]: the same of `mlops plan`.
planned() {
  local wanted=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    wanted+=("$1")
    shift
  done
  [ $# -eq 0 ] || shift
  succeeds plan --json "$@" && counts "${wanted[@]}"
}

# did NAMES...: these stages really ran since the last call, each once, in any order.
did() {
  local got
  got=$(sort "$DID" 2>/dev/null | tr '\n' ' ')
  rm -f "$DID"
  [ "$got" = "$(printf '%s\n' "$@" | sort | tr '\n' ' ' | sed 's/^ $//')" ] ||
    tell "wanted to run: $*; ran: $got"
}

# says TEXT: it stands in the output of the last command, stdout or stderr.
says() {
  grep -qF -- "$1" "$OUT" "$ERR" || tell "does not say: $1"
}

says_not() {
  ! grep -qF -- "$1" "$OUT" "$ERR" || tell "says: $1"
}

# holds_text FILE TEXT
holds_text() {
  [ "$(cat "$1")" = "$2" ] || {
    echo "$1 holds '$(cat "$1")', not '$2'" >&2
    return 1
  }
}

# not COMMAND...: it fails. (A plain `!` fails no test.)
not() {
  if "$@"; then
    echo "succeeded, which it should not: $*" >&2
    return 1
  fi
}

# gone PID: no such process, or one that has ended and only waits for its parent's attention.
gone() {
  local state
  state=$(sed -n 's/^State:[[:space:]]*\(.\).*/\1/p' "/proc/$1/status" 2>/dev/null) || true
  [[ -z $state || $state == Z ]] || { echo "process $1 is in state $state" >&2; return 1; }
}
