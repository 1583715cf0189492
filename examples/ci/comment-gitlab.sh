#!/bin/sh
# comment-gitlab.sh [FILE]: posts FILE (report/comment.md) as a note on the merge request of this pipeline, or renews
# the note of before. $GITLAB_TOKEN: a project access token with the scope `api`; the other variables are GitLab's own.
set -eu
file=${1:-report/comment.md}
: "${GITLAB_TOKEN:?a project access token with the scope api}"
notes=$CI_API_V4_URL/projects/$CI_PROJECT_ID/merge_requests/$CI_MERGE_REQUEST_IID/notes
mark='<!-- mlops report -->'
body=$(mktemp)
trap 'rm -f "$body"' EXIT
{ echo "$mark" && head -c 900000 "$file"; } >"$body" # GitLab takes 1,000,000 characters

# The note that has our mark, if there is one.
id=$(curl --silent --show-error --fail --header "PRIVATE-TOKEN: $GITLAB_TOKEN" "$notes?per_page=100" |
  python3 -c '
import json, sys
print(next((str(n["id"]) for n in json.load(sys.stdin) if n["body"].startswith(sys.argv[1])), ""))' "$mark")
if [ -n "$id" ]; then
  method=PUT notes=$notes/$id
else
  method=POST
fi
curl --silent --show-error --fail --output /dev/null --request "$method" \
  --header "PRIVATE-TOKEN: $GITLAB_TOKEN" --data-urlencode "body@$body" "$notes"
