#!/bin/sh
# comment-github.sh NUMBER [FILE]: posts FILE (report/comment.md) as a comment on pull request NUMBER, or renews the
# comment of before. Needs `gh` and its token (GH_TOKEN), as the workflow gives them; GITHUB_REPOSITORY is GitHub's own.
set -eu
number=${1:?the number of the pull request}
file=${2:-report/comment.md}
most=65000 # GitHub takes 65,536 characters
mark='<!-- mlops report -->'
comments=repos/$GITHUB_REPOSITORY/issues
body=$(mktemp)
trap 'rm -f "$body"' EXIT
echo "$mark" >"$body"
if [ "$(wc -c <"$file")" -gt "$most" ]; then
  # reproduce.sh makes none that is so long. Whole lines only; what is folded is closed.
  head -c "$most" "$file" | sed '$d' >>"$body"
  printf '\n</details>\n\n_The rest is in the summary of the job._\n' >>"$body"
else
  cat "$file" >>"$body"
fi

# Our comment of before, if there is one: by its mark, and not by a person.
ids=$(gh api --paginate "$comments/$number/comments" \
  --jq ".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$mark\"))) | .id")
id=$(echo "$ids" | head -n 1)
if [ -n "$id" ]; then
  gh api --silent --method PATCH "$comments/comments/$id" -F "body=@$body"
else
  gh api --silent --method POST "$comments/$number/comments" -F "body=@$body"
fi
