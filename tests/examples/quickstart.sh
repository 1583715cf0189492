#!/bin/sh
# examples/quickstart.sh says and does what a newcomer is promised: the right stages run, and only
# they. $MLOPS_BUILD is where it builds.
set -u
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
out=$scratch/out
status=0
TMPDIR=$scratch HOME=$scratch XDG_CONFIG_HOME=$scratch sh "$root/examples/quickstart.sh" \
  --no-install >"$out" 2>&1 || status=$?

number=0
failed=0
# expect TEXT PATTERN
expect() {
  number=$((number + 1))
  if grep -Eq -- "$2" "$out"; then
    echo "ok $number $1"
  else
    echo "not ok $number $1: no line matches $2"
    failed=1
  fi
}
expect "the first run runs all" '^4 stages: 4 ran '
expect "the second run runs nothing" '^4 stages: 4 unchanged '
expect "the plan names the parameter" '^train +run +.*train.trees changed from 20 to 200'
expect "a parameter runs its stages only" '^4 stages: 2 ran, 2 unchanged '
expect "diff tells the metric's change" 'accuracy +0\.[0-9]+ +0\.[0-9]+ +[+-]0\.[0-9]+'
expect "a known result is restored" '^4 stages: 2 restored, 2 unchanged '
expect "it says how to go on" 'mlops lineage model/penguins.pkl'
[ "$failed" -eq 0 ] || sed 's/^/# /' "$out"
echo "1..$number"
exit "$status"
