# mlops status: what is not up to date.
load helper

@test "status lists stages with something to do, and only those" {
  two_stages
  ran executed=2
  succeeds status
  says "up to date: 2 stages of pipeline.yaml"
  echo 'lr: 2' >params.yaml
  succeeds status
  says "train: to run"
  says "params.yaml:lr changed from 1 to 2"
  says_not prepare
}

@test "--exit-code is 1 when there is something to do, 0 when not; --quiet says nothing" {
  two_stages
  fails 1 status --exit-code --quiet
  [ ! -s "$OUT" ] && [ ! -s "$ERR" ]
  ran executed=2
  succeeds status --exit-code -q
  rm model.txt
  fails 1 status --exit-code
  says "train: to restore"
  succeeds status
}

@test "status --json says is_up_to_date" {
  two_stages
  ran executed=2
  succeeds status --json
  holds 'r["is_up_to_date"] is True and r["pipeline"] == "pipeline.yaml"'
  counts unchanged=2
  echo other >raw.txt
  succeeds status --json
  holds 'r["is_up_to_date"] is False'
}

@test "status of one target" {
  two_stages
  ran executed=2
  rm model.txt
  succeeds status prepare --exit-code
  fails 1 status train --exit-code
}

@test "a hand-edited output is seen" {
  two_stages
  ran executed=2
  echo mine >model.txt
  fails 1 status --exit-code
  says "model.txt"
}

@test "status in a fresh clone does not ask for .mlops" {
  two_stages
  succeeds status
  says "prepare: to run"
  [ ! -e .mlops ]
}

@test "--quiet is 1 when there is something to do" {
  two_stages
  fails 1 status -q
  ran executed=2
  succeeds status -q
}

@test "what is missing is a reason, no error" {
  two_stages
  ran executed=2
  rm raw.txt
  echo 'other: 1' >params.yaml
  succeeds status
  says "raw.txt is missing"
  fails 3 plan
  echo raw >raw.txt
  succeeds status
  says "parameter params.yaml:lr is missing"
  fails 3 plan
}
