#!/bin/sh
# clang_tidy.sh BUILD: clang-tidy over src/ with the commands of a build that clang made. Writes TAP:
# one line a check that found something, its findings below. Those of clang_tidy_known.txt are passed
# over.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
found=$(mktemp)
trap 'rm -f "$found"' EXIT
cd "$root"
find src -name '*.c' | sort |
  xargs -d '\n' -P "$(nproc)" -n 8 clang-tidy-14 --quiet -p "$1" 2>/dev/null |
  grep -E ' (warning|error): .*\[[a-z0-9.,A-Z-]+\]$' | sed "s|^$root/||" | sort -u |
  awk 'NR == FNR { if ($1 !~ /^#/) known[$1 " " $2] = 1; next }
    {
      file = $1; sub(/:.*/, "", file)
      check = $0; sub(/.*\[/, "", check); sub(/[],].*/, "", check)
      if (!((file " " check) in known)) print
    }' tests/tidy/clang_tidy_known.txt - >"$found" || true
if [ ! -s "$found" ]; then
  echo "ok 1 clang-tidy finds nothing"
  exit 0
fi
sed 's/.*\[\([^],]*\).*\]$/\1/' "$found" | sort | uniq -c | sort -rn | awk '
  { print "not ok " NR " " $2 ": " $1 " findings" }'
sed 's/^/#   /' "$found"
exit 1
