#!/bin/sh
# comment-github.sh NUMBER [FILE]: posts FILE (report/comment.md) as a comment on pull request NUMBER, or renews the
# comment of before. Needs `gh` and its token (GH_TOKEN), as the workflow gives them.
set -eu
number=${1:?the number of the pull request}
file=${2:-report/comment.md}
most=65000 # GitHub takes 65,536 characters
if [ "$(wc -c <"$file")" -gt "$most" ]; then
  short=$(mktemp)
  trap 'rm -f "$short"' EXIT
  # Whole lines only; what is folded is closed.
  head -c "$most" "$file" | sed '$d' >"$short"
  printf '\n</details>\n\n_The rest is in the summary of the job._\n' >>"$short"
  file=$short
fi
gh pr comment "$number" --body-file "$file" --edit-last 2>/dev/null ||
  gh pr comment "$number" --body-file "$file"
