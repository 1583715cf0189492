#!/bin/sh
# The commands of the quickstart under valgrind, on the example without Python: no error, and no leak
# that is definite. valgrind 3.19 does not know pidfd_open and says so; mlops then watches stages by
# a thread. $MLOPS names the program.
set -eu
: "${MLOPS:?name the program}"
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
export HOME="$scratch" XDG_CONFIG_HOME="$scratch"
cp -R "$root/examples/words/." "$scratch/words"
cd "$scratch/words"
git init -q .
number=0
failed=0
# check WORDS...: one command of mlops under valgrind.
check() {
  number=$((number + 1))
  if valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
    --trace-children=no "$MLOPS" "$@" >"$scratch/out" 2>&1; then
    echo "ok $number mlops $*"
  else
    echo "not ok $number mlops $*"
    sed 's/^/# /' "$scratch/out"
    failed=1
  fi
}
check run
check run
rm -r counts words.txt
check run
sed -i 's/Four score/Five score/' text/gettysburg.txt
check plan
check why gettysburg
check status
check run
check diff
check lineage words.txt
check runs
check gc
check verify
echo "1..$number"
exit $failed
