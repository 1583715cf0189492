#!/bin/sh
# run.sh [--quick | --full] [--no-install]: builds mlops and runs its tests.
#   --quick        unit and command line tests only, in one build
#   --full         also every crash point, a build by clang with clang-tidy, and valgrind
#   --no-install   never call apt
# Builds into $MLOPS_BUILD (default: build). Conformance data of others is found through
# $MLOPS_CONFORMANCE; where it is unset those tests are skipped. The last line is
# `N passed, N failed, N skipped`.
set -u
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
root=$(dirname -- "$here")
extent=everyday
installs=yes
for option in "$@"; do
  case $option in
    --quick) extent=quick ;;
    --full) extent=full ;;
    --no-install) installs=no ;;
    *)
      sed -n '2,/^set -u/{/^#/s/^# \{0,1\}//p}' "$0"
      [ "$option" = --help ] && exit 0
      echo "run.sh: unknown option $option" >&2
      exit 2
      ;;
  esac
done

if [ $installs = yes ]; then
  groups="build examples test"
  [ $extent = quick ] || groups="$groups pages servers"
  [ $extent = full ] && groups="$groups full"
  # shellcheck disable=SC2086 # a list of names
  sh "$here/install.sh" $groups || exit 1
fi
# The examples use pandas of the system's own python; another one may stand before it.
if ! python3 -c 'import jsonschema, pandas, sklearn, yaml' 2>/dev/null; then
  PATH=/usr/bin:$PATH
  export PATH
fi

build=${MLOPS_BUILD:-$root/build}
mkdir -p "$build/log" && build=$(cd "$build" && pwd) || exit 1
jobs=$(nproc 2>/dev/null || echo 2)
MLOPS=$build/dev/src/mlops
export MLOPS
cd "$root" || exit 1
passed=0
failed=0
skipped=0

# add PASSED FAILED SKIPPED
add() {
  passed=$((passed + $1))
  failed=$((failed + $2))
  skipped=$((skipped + $3))
}

# tell NAME LOG SECONDS PASSED FAILED SKIPPED
tell() {
  printf '%-28s %4d passed' "$1" "$4"
  [ "$5" -gt 0 ] && printf ', %d FAILED' "$5"
  [ "$6" -gt 0 ] && printf ', %d skipped' "$6"
  printf '  (%d s)\n' "$3"
  add "$4" "$5" "$6"
}

# Counts of a log in TAP, or of lines like `NAME: N points, N bad`; any other counts as one test, by
# its exit status (77: skipped).
count_tap() {
  awk -v status="$2" '
    /^ok / { if (tolower($0) ~ /# skip/) skipped++; else passed++ }
    /^not ok / { failed++ }
    match($0, /^[a-z0-9 -]+: [0-9]+ points, [0-9]+ bad/) {
      split(substr($0, 1, RLENGTH), words, /: | points, | bad/)
      points += words[2] - words[3]
      bad += words[3]
    }
    END {
      if (points + bad > 0) { passed = points; failed = bad }
      if (passed + failed + skipped == 0)
        if (status == 0) passed = 1; else if (status == 77) skipped = 1; else failed = 1
      else if (status != 0 && failed == 0)
        failed = 1
      print passed + 0, failed + 0, skipped + 0
    }' "$1"
}

# Counts of a log of ctest --verbose: by what cmocka says of each test function, and one for each
# program that is no cmocka test.
count_ctest() {
  awk '
    match($0, /^[0-9]+: /) {
      number = substr($0, 1, RLENGTH - 2)
      if ($0 ~ /^[0-9]+: skipped: /) says_skipped[number] = 1
      else if ($0 ~ /\[ RUN      \]/) says_skipped[number] = 0
      else if ($0 ~ /\[       OK \] / && says_skipped[number]) skip[number]++
      else if ($0 ~ /\[       OK \] /) good[number]++
      else if ($0 ~ /\[  FAILED  \] [^0-9]/) bad[number]++
      else if ($0 ~ /\[  SKIPPED \] [^0-9]/) skip[number]++
    }
    match($0, /Test +#[0-9]+: /) && / sec/ {
      number = substr($0, RSTART, RLENGTH)
      gsub(/[^0-9]/, "", number)
      if ($0 ~ /Passed/) {
        if (good[number] + bad[number] + skip[number] == 0) good[number] = 1
      } else if (bad[number] == 0)
        bad[number] = 1
      seen++
    }
    END {
      for (number in good) passed += good[number]
      for (number in bad) failed += bad[number] > 1 ? bad[number] / 2 : bad[number]
      for (number in skip) skipped += skip[number]
      if (seen == 0) failed = 1
      print passed + 0, int(failed), skipped + 0
    }' "$1"
}

# A test that hangs is one that failed: what it had written is shown, and the others run.
limit=2400
[ $extent = full ] && limit=20000
export limit
running=
trap 'kill $running 2>/dev/null; exit 130' INT TERM

# limited COMMAND...: ends it after $limit seconds, by status 124 or 137.
limited() {
  timeout -k 20 "$limit" "$@" &
  running=$!
  wait "$running"
}

# step NAME COMMAND...: runs a test that writes TAP, or nothing and has an exit status.
step() {
  name=$1
  log=$build/log/$(echo "$name" | tr ' /:' '---').log
  shift
  started=$(date +%s)
  limited "$@" >"$log" 2>&1
  status=$?
  if [ $status -eq 124 ] || [ $status -eq 137 ]; then
    last=$(tail -n 20 "$log" | sed 's/^/  /')
    printf 'not ok %s was still running after %s s and was killed; it had said:\n%s\n' \
      "$name" "$limit" "$last" >>"$log"
  fi
  # shellcheck disable=SC2046 # three numbers
  set -- $(count_tap "$log" $status)
  tell "$name" "$log" $(($(date +%s) - started)) "$@"
  if [ "$2" -gt 0 ]; then
    if grep -q '^not ok ' "$log"; then
      grep -A 30 '^not ok ' "$log" | head -n 150
    else
      tail -n 60 "$log"
    fi
    echo "  (all of it: $log)"
  fi
  grep -iE '^ok .*# skip|^skipped: ' "$log" | sed 's/^/  /' | head -n 20
  return 0
}

# ctest_step NAME MODE [ctest's options]
ctest_step() {
  name=$1
  mode=$2
  log=$build/log/$(echo "$name" | tr ' ' '-').log
  shift 2
  started=$(date +%s)
  $fixed_addresses ctest --test-dir "$build/$mode" -j "$jobs" --timeout 300 --verbose "$@" \
    >"$log" 2>&1
  # shellcheck disable=SC2046 # three numbers
  set -- $(count_ctest "$log")
  tell "$name" "$log" $(($(date +%s) - started)) "$@"
  if [ "$2" -gt 0 ]; then
    grep -E '\[  FAILED  \]|ERROR|error:|Error:|\*\*\*|SUMMARY|WARNING: ThreadSanitizer' "$log" |
      head -n 60
    echo "  (all of it: $log)"
  fi
  grep -iE '^[0-9]+: (.*skipped:|skip:|SKIP)' "$log" | sed 's/^[0-9]*: /  /' | sort -u | head -n 20
  return 0
}

# build MODE TARGET...: configures and builds into $build/MODE; without it nothing else makes sense.
compile() {
  mode=$1
  shift
  log=$build/log/build-$mode.log
  started=$(date +%s)
  if ! { cmake -S "$root" -B "$build/$mode" -G Ninja -DMLOPS_MODE="${mode%-clang}" $compiler &&
    cmake --build "$build/$mode" --target "$@" -- -k 0; } >"$log" 2>&1; then
    grep -E '(error|Error): |undefined reference|multiple definition|^FAILED' "$log" | head -n 40
    echo "run.sh: the $mode build failed: $log"
    add 0 1 0
    finish
  fi
  echo "built $mode ($(($(date +%s) - started)) s)"
}

finish() {
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$failed" -eq 0 ]
  exit
}

# Names of unit test programs in a build whose names match.
unit_targets() {
  ninja -C "$build/$1" -t targets all |
    sed -n "s/^\(unit_[a-z]*_test_\($2\)\(_[a-z_]*\)\{0,1\}\): phony$/\1/p"
}

compiler=
fixed_addresses=
[ -n "${MLOPS_CONFORMANCE:-}" ] ||
  echo "MLOPS_CONFORMANCE is not set: tests against others' conformance data are skipped"

compile dev mlops unit_tests print_reference print_doc print_edit
[ $extent = quick ] && ctest_step "unit" dev
step "command line" bats --jobs "$jobs" --formatter tap tests/cli
[ $extent = quick ] && finish

step "tidy" python3 tests/tidy/tidy.py
step "tidy's own tests" python3 tests/tidy/test_tidy.py
step "reference of the language" python3 tests/tidy/reference.py "$build/dev/tests/print_reference"
step "TOML and Python literals" python3 tests/codec/differential.py "$build/dev/tests/print_doc"
step "edits of files of parameters" python3 tests/codec/edits.py "$build/dev/tests/print_edit"
step "JSON Schema" python3 tests/codec/json_schema.py "$build/dev/tests/print_doc"
step "metrics: scikit-learn, scipy" python3 tests/metrics/live.py "$build/dev/src/mlops"
step "examples twice" sh tests/examples/twice.sh
step "pipelines" python3 tests/examples/pipelines.py
step "transcripts" python3 tests/tidy/transcripts.py README.md docs/tutorial.md
corpus_extent=
[ $extent = full ] && corpus_extent=--all
step "DVC: templates" python3 tests/conformance/resolver.py
step "DVC: behaviour" python3 tests/conformance/behaviour.py
step "DVC: schema examples" python3 tests/conformance/schema_examples.py
step "Table Schema: cases" python3 tests/conformance/tableschema.py
# shellcheck disable=SC2086 # an option or nothing
step "DVC: real projects" python3 tests/conformance/corpus.py $corpus_extent
step "DVC: three projects" python3 tests/conformance/projects.py
step "servers for tests" python3 tests/support/servers/test_servers.py
step "remotes: SSH" python3 tests/remote/test_ssh.py "$build/dev/tests/transport_tool"
step "remotes: rclone" python3 tests/remote/test_rclone.py "$build/dev/tests/transport_tool"
step "remotes: HTTP" python3 tests/remote/test_http.py "$build/dev/tests/transport_tool"
step "remotes: odd web" python3 tests/remote/test_web_odd.py "$build/dev/tests/transport_tool"
step "remotes: S3" python3 tests/remote/test_s3.py "$build/dev/tests/transport_tool"
step "remotes: S3, others" python3 tests/remote/test_s3_second.py "$build/dev/tests/transport_tool"
remote_extent=
[ $extent = full ] && remote_extent=--full
# shellcheck disable=SC2086 # an option or nothing
{
  step "remotes: push to run" python3 tests/remote/basics.py $remote_extent
  step "remotes: faults" python3 tests/remote/faults.py $remote_extent
  step "remotes: damage" python3 tests/remote/damage.py $remote_extent
  step "remotes: of DVC" python3 tests/remote/dvc.py $remote_extent
  step "remotes: TLS" python3 tests/remote/tls.py
  step "remotes: hostile" python3 tests/remote/hostile.py
  step "remotes: data of other projects" python3 tests/remote/registry.py
  step "remotes: disk full" python3 tests/remote/disk_full.py
}
step "comparisons: scipy" python3 tests/metrics/compare.py "$MLOPS"
step "pages in a browser" python3 tests/pages/pages.py
step "quickstart" env MLOPS_BUILD="$build" sh tests/examples/quickstart.sh

# Crash tests wait more than they compute, so as many as there are cpus run at once.
crash_extent=
[ $extent = full ] && crash_extent=--full
started=$(date +%s)
export build crash_extent
# shellcheck disable=SC2016 # for the inner shell
printf '%s\0' tests/crash/*.py | xargs -0 -n 1 -P "$jobs" sh -c '
  log=$build/log/crash-$(basename "$1" .py)
  status=0
  started=$(date +%s)
  timeout -k 20 "$limit" python3 "$1" $crash_extent >"$log.out" 2>&1 || status=$?
  echo $status >"$log.status"
  echo "  $1 ended ($(($(date +%s) - started)) s)"' sh
echo "crash tests ran ($(($(date +%s) - started)) s)"
for script in tests/crash/*.py; do
  log=$build/log/crash-$(basename "$script" .py)
  # shellcheck disable=SC2016 # for the inner shell
  step "crash: $(basename "$script" .py)" sh -c 'cat "$1.out"; exit "$(cat "$1.status")"' sh "$log"
done

compile asan unit_tests
ctest_step "unit and fuzz seeds, ASan" asan

# ThreadSanitizer wants addresses that do not wander too far.
setarch "$(uname -m)" -R true 2>/dev/null && fixed_addresses="setarch $(uname -m) -R"
threaded='pool\|relay\|run\|worktree\|cas\|leaves\|index\|verify\|depot\|table\|profile\|resample'
cmake -S "$root" -B "$build/tsan" -G Ninja -DMLOPS_MODE=tsan >/dev/null 2>&1
# shellcheck disable=SC2046 # a list of names
compile tsan $(unit_targets tsan "$threaded")
ctest_step "threads, TSan" tsan -R '^unit\..*\.test_(pool|relay|run|worktree|cas|leaves|index|verify|depot|table|profile|resample)(_|$)'
fixed_addresses=

if [ $extent = full ]; then
  compiler=-DCMAKE_C_COMPILER=clang-14
  compile dev-clang mlops unit_tests
  ctest_step "unit, clang" dev-clang
  step "clang-tidy" sh tests/tidy/clang_tidy.sh "$build/dev-clang"
  step "commands, valgrind" sh tests/examples/valgrind.sh
fi
finish
