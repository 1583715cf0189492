#!/bin/sh
# again.sh [REVISION]: makes what the lock file of a revision (HEAD if not given) says once more, from nothing, and
# compares: outputs by digest, metrics within a tolerance.
#
#   report/again.md          the verdict, and which stage is not deterministic
#   $GITHUB_STEP_SUMMARY     the verdict, on GitHub
#
# $RTOL, $ATOL: how far metrics may be off (`mlops help reproduce`). Data that are not in the clone come from the remote.
# The exit status is that of `mlops reproduce`: 0 identical or equal, 1 differs or a stage failed, more: it could not be
# found out.
set -u
folder=${REPORT:-report}
mkdir -p "$folder"
set -- "${1:-HEAD}" ${RTOL:+--rtol "$RTOL"} ${ATOL:+--atol "$ATOL"}

# Every stage runs, so it is asked once.
status=0
mlops reproduce "$@" --format md >"$folder/again.md" || status=$?
cat "$folder/again.md"
if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
  cat "$folder/again.md" >>"$GITHUB_STEP_SUMMARY"
fi
exit "$status"
