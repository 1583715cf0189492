# Help and manual pages come out of the tables of commands.
load helper

@test "help lists the commands by group" {
  succeeds help
  says 'usage: mlops COMMAND'
  grep -q '^look$' "$OUT"
  succeeds --help
  grep -q '^look$' "$OUT"
}

@test "every command explains itself with an example, within 80 columns" {
  succeeds help --commands
  cp "$OUT" names
  [ "$(wc -l <names)" -gt 10 ]
  while read -r name; do
    succeeds "$name" --help
    grep -q "^usage: mlops $name" "$OUT"
    grep -q '^examples$' "$OUT"
    cp "$OUT" long
    awk 'length > 80' long >too_long
    [ ! -s too_long ] || { cat too_long >&2; return 1; }
    succeeds help "$name"
    cmp long "$OUT"
  done <names
}

@test "what a command names under 'see also' exists or is not named" {
  succeeds help --commands
  cp "$OUT" names
  while read -r name; do
    succeeds help "$name"
    for other in $(sed -n 's/^see also: //p' "$OUT" | tr -d ,); do
      grep -qx "$other" names || { echo "$name names $other" >&2; return 1; }
    done
  done <names
}

@test "manual pages are accepted by groff without a warning" {
  command -v groff >/dev/null || skip 'groff is not installed'
  succeeds help --commands
  cp "$OUT" names
  succeeds help --man
  cp "$OUT" page
  groff -man -Tutf8 -ww page >/dev/null 2>warnings
  [ ! -s warnings ] || { cat warnings >&2; return 1; }
  while read -r name; do
    succeeds help --man "$name"
    groff -man -Tutf8 -P-cbou -ww "$OUT" >page 2>warnings
    [ ! -s warnings ] || { cat warnings >&2; return 1; }
    grep -q 'EXIT STATUS' page
  done <names
}

@test "topics: exit statuses, limits, naming runs" {
  succeeds help exit-status
  says '128+n'
  succeeds help limits --json
  holds 'any(x["name"] == "STAGES" and x["value"] == 100000 for x in r["limits"])'
  succeeds help naming-runs
  says workspace
  fails 2 help no-such-thing
}

@test "the language is printed as JSON Schema for editors" {
  succeeds help --schema pipeline
  says '"$schema": "http://json-schema.org/draft-07/schema#"'
  says '"timeout": {'
  succeeds help --schema dvc
  says_not '"timeout": {'
  fails 2 help --schema nothing
}
