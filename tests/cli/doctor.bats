load helper

@test "doctor examines a project and its store" {
  succeeds init
  succeeds doctor --json
  holds '{"project", "writable", "file system", "reflink", "git", "clock", "machine", "versions"} <= {x["check"] for x in r["checks"]}'
  holds 'all(x["status"] in ("ok", "warn") for x in r["checks"])'
  says libsqlite3
}

@test "doctor works outside of any project, and says what to do" {
  succeeds doctor
  says 'do: '
  [ ! -e .mlops ]
}

@test "damaged history is a failure and status 1" {
  two_stages
  ran executed=2
  rm -f .mlops/lineage.db-wal .mlops/lineage.db-shm
  printf 'this is no database, and long enough to be read as one' >.mlops/lineage.db
  fails 1 doctor --json
  holds 'any(x["check"] == "history" and x["status"] == "fail" for x in r["checks"])'
}

@test "doctor --limits prints every limit with its reason" {
  succeeds doctor --limits --json
  holds 'len(r["limits"]) > 20 and all(x["reason"] for x in r["limits"])'
}
