#!/bin/sh
# reproduce.sh [TARGET...]: brings the experiment of this checkout up to date and reports on it.
#
#   report/report.md, report/report_files/   the report and its charts
#   report/report.html                       the same as one page
#   report/comment.md                        for a comment on a merge request: no pictures
#   $GITHUB_STEP_SUMMARY                      the report, on GitHub
#
# $BASELINE: what to compare with (a branch, a commit); empty: what the pipeline's gates name. The exit status is that
# of `mlops run`: 0 all is well, 1 a stage failed or a gate said no, more: something else went wrong
# (`mlops help exit-status`). The report is made in any case.
set -u
folder=${REPORT:-report}

# Restores what a remote has; what it lacks is made by the run. Without a remote all is made anew.
if [ -n "$(mlops remote list 2>/dev/null)" ]; then
  mlops pull || echo "reproduce: not everything could be pulled; what is missing is made anew" >&2
fi

status=0
mlops run "$@" || status=$?

# A baseline that can't be had (a shallow clone, a branch without a lock file) is no reason for no report.
report() {
  if [ -n "${BASELINE:-}" ]; then
    mlops report --against "$BASELINE" "$@" && return
    echo "reproduce: the report is without '$BASELINE'" >&2
    BASELINE=
  fi
  mlops report "$@"
}
mkdir -p "$folder"
report -o "$folder/report.md" || echo "reproduce: there is no report" >&2
# The summary of the step holds the report by now.
unset GITHUB_STEP_SUMMARY
report --html -o "$folder/report.html" || true
report --max-bytes 65000 >"$folder/comment.md" || true # GitHub takes 65,536 characters
exit "$status"
