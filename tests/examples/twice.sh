#!/bin/sh
# Each example, in a copy inside a git repository of its own: the first run executes every stage,
# the second executes nothing and reads no file; after the outputs are deleted they come from the
# cache; without the history the lock and the results still answer. $MLOPS names the program.
set -u
: "${MLOPS:?name the program}"
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HOME="$scratch" XDG_CONFIG_HOME="$scratch" XDG_STATE_HOME="$scratch/state"
export GIT_CONFIG_GLOBAL="$scratch/gitconfig" GIT_CONFIG_NOSYSTEM=1
git config --global user.name Tester
git config --global user.email tester@example.org
number=0

# expect TEXT CONDITION...: one line of TAP; the last run's words below a failure.
expect() {
  text=$1
  shift
  number=$((number + 1))
  if [ "$@" ]; then
    echo "ok $number $text"
  else
    echo "not ok $number $text"
    echo "# [ $* ]"
    sed 's/^/# /' run.err; grep -E '"(name|status|text)":' run.json | sed 's/^/# /'
  fi
}

run() {
  status=0
  "$MLOPS" run --json >run.json 2>run.err || status=$?
}

# count NAME: a counter of the last run.
count() {
  sed -n "s/^ *\"$1\": \([0-9]*\),\{0,1\}\$/\1/p" run.json | head -n 1
}

delete_outputs() {
  git clean -qfdx -- . ':!.mlops' ':!run.*' ':!pipeline.lock'
}

for folder in "$root"/examples/*/; do
  [ -e "$folder/pipeline.yaml" ] || continue
  name=$(basename "$folder")
  cp -R "$folder" "$scratch/$name" && cd "$scratch/$name" || exit 1
  git init -q . && git add -A && git commit -q -m start
  run
  stages=$(count stages)
  expect "$name: the first run succeeds" "$status" -eq 0
  expect "$name: the first run executes all stages" "$(count executed)" -eq "$stages"
  run
  expect "$name: the second run executes nothing" "$status $(count executed)" = "0 0"
  expect "$name: the second run finds all stages unchanged" "$(count unchanged)" -eq "$stages"
  expect "$name: the second run reads no file" "$status $(count hashed_files)" = "0 0"
  delete_outputs
  run
  expect "$name: deleted outputs come from the cache" "$status $(count executed)" = "0 0"
  rm -f .mlops/lineage.db* .mlops/index.db*
  run
  expect "$name: without history and index nothing is executed" "$status $(count executed)" = "0 0"
done
echo "1..$number"
