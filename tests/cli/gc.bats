# gc, verify
load helper

@test "gc removes nothing that is needed, and by default nothing at all" {
  two_stages
  ran executed=2
  succeeds gc --grace 0 --json
  holds 'r["dry_run"] and r["freed_bytes"] == 0'
  succeeds gc --grace 0 --yes
  rm clean.txt model.txt
  ran restored=2
}

@test "gc --yes removes what was listed" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  succeeds config set keep.runs 0
  succeeds config set keep.age 0s
  succeeds gc --grace 0 --json
  "$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["freed_bytes"])' "$OUT" >before
  [ "$(cat before)" -gt 0 ]
  succeeds gc --grace 0 --yes --json
  holds "not r['dry_run'] and r['freed_bytes'] == $(cat before)"
  succeeds gc --grace 0 --json
  holds 'r["freed_bytes"] == 0'
  rm clean.txt model.txt
  ran restored=2
}

@test "verify finds a damaged object, says what to do, and the next run makes it again" {
  two_stages
  ran executed=2
  succeeds verify --json
  holds 'r["faults"] == [] and r["objects"] > 0'
  object=$(find .mlops/cache/obj -type f | head -1)
  chmod u+w "$object" && echo damage >>"$object" && chmod a-w "$object"
  fails 5 verify --json
  holds 'len(r["faults"]) >= 1 and all(f["repair"] for f in r["faults"])'
  ran unchanged=2
}
