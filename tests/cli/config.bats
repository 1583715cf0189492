load helper

@test "config lists each setting, its value and where it comes from" {
  succeeds init
  succeeds config --json
  holds 'any(x["name"] == "jobs" and x["value"] == "0" for x in r["settings"])'
  MLOPS_JOBS=3 succeeds config origin jobs
  says MLOPS_JOBS
}

@test "later layers win: tracked, local, environment" {
  succeeds init
  succeeds config set jobs 2
  succeeds config get jobs
  [ "$(cat "$OUT")" = 2 ]
  succeeds config set --local jobs 3
  succeeds config get jobs
  [ "$(cat "$OUT")" = 3 ]
  MLOPS_JOBS=4 succeeds config get jobs
  [ "$(cat "$OUT")" = 4 ]
  succeeds config unset --local jobs
  succeeds config get jobs
  [ "$(cat "$OUT")" = 2 ]
  grep -q 2 .mlops/config.yaml
}

@test "a name or value that is wrong is refused and changes nothing" {
  succeeds init
  cp .mlops/config.yaml before
  fails 2 config get jobz
  says "did you mean 'jobs'?"
  mlops config set jobs many
  [ "$status" -ne 0 ]
  fails 2 config sett jobs 2
  says "did you mean 'set'?"
  fails 2 config set jobs
  cmp before .mlops/config.yaml
}

@test "settings that are written at the same time are all kept" {
  succeeds init
  local names=(durability=none keep.runs=7 keep.failed=8 gc.grace=9s jobs=2 grace=3s cache.link=copy)
  local round setting
  for round in 1 2 3 4 5; do
    local pids=()
    for setting in "${names[@]}"; do
      "$MLOPS" config set --local "${setting%%=*}" "${setting#*=}" &
      pids+=($!)
    done
    wait "${pids[@]}"
    for setting in "${names[@]}"; do
      succeeds config get "${setting%%=*}"
      [ "$(cat "$OUT")" = "${setting#*=}" ] || tell "$setting is lost in round $round"
    done
    rm .mlops/config.local.yaml
  done
}

@test "who alone could read a file of settings goes on being alone" {
  succeeds init
  succeeds config set --local jobs 2
  chmod 600 .mlops/config.local.yaml
  succeeds config set --local jobs 3
  [ "$(stat -c %a .mlops/config.local.yaml)" = 600 ]
  succeeds remote add a "$BATS_TEST_TMPDIR/remote" --local
  succeeds remote rename a b
  [ "$(stat -c %a .mlops/config.local.yaml)" = 600 ]
}
