# The frame: words that are understood, and what a user is told when they are not.
load helper

@test "version prints one line, as does --version" {
  succeeds version
  grep -qE '^mlops [0-9]+\.[0-9]+\.[0-9]+$' "$OUT"
  succeeds --version
  grep -qE '^mlops [0-9]+\.[0-9]+\.[0-9]+$' "$OUT"
  succeeds version --json
  holds 'r["schema_version"] == 1 and r["version"]'
}

@test "version looks at no file of the project" {
  echo 'stages: [' >pipeline.yaml
  mkdir .mlops && echo broken >.mlops/lineage.db
  succeeds version
}

@test "without a command: the list of commands and status 2" {
  fails 2
  says 'usage: mlops COMMAND'
  says 'which command?'
}

@test "an unknown command or option is status 2 and suggests the nearest" {
  fails 2 verison
  says "did you mean 'version'?"
  fails 2 version --jsno
  says "did you mean '--json'?"
  fails 2 version surplus
  says 'takes fewer words'
}

@test "options stand in front of the command or behind it" {
  succeeds --json version
  holds 'r["version"]'
  succeeds version --format=json
  holds 'r["version"]'
  fails 2 version --format=xml
  says 'none of table, json, csv, md'
}

@test "-C runs as if started elsewhere" {
  mkdir sub
  two_stages
  mv pipeline.yaml raw.txt params.yaml sub
  succeeds -C sub lint
  fails 2 -C absent version
  says "cannot enter 'absent'"
}

@test "output that cannot be written is status 4" {
  [ -w /dev/full ] || skip 'no /dev/full here'
  status=0
  "$MLOPS" version >/dev/full 2>"$ERR" || status=$?
  [ "$status" -eq 4 ]
  grep -q 'standard output' "$ERR"
  status=0
  "$MLOPS" version >&- 2>"$ERR" || status=$?
  [ "$status" -eq 4 ]
}

@test "a reader that goes away is no error message" {
  { "$MLOPS" help limits 2>"$ERR"; echo $? >code; } | true
  [ ! -s "$ERR" ]
}
