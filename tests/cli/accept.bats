# mlops accept: the outputs of a stage whose inputs changed while it ran.
load helper

unconfirmed() {
  two_stages
  sed -i 's/tr a-z A-Z < raw.txt > clean.txt/tr a-z A-Z < raw.txt > clean.txt; echo changed > raw.txt/' pipeline.yaml
  fails 1 run
  rm "$DID"
}

@test "accept takes the outputs as made from the inputs before" {
  unconfirmed
  succeeds accept prepare --json
  holds 'r["stage"] == "prepare" and len(r["run"]) == 26'
  echo raw >raw.txt
  ran unchanged=1 executed=1
  did train
  rm clean.txt
  ran restored=1 unchanged=1
}

@test "accept does not take them as made from the inputs after" {
  unconfirmed
  succeeds accept prepare
  succeeds plan --json
  holds 's["prepare"]["status"] == "would_run"'
}

@test "accept works once" {
  unconfirmed
  succeeds accept prepare
  fails 3 accept prepare
  says "no unconfirmed outcome"
}

@test "accept refuses outputs that were edited since" {
  unconfirmed
  echo mine >clean.txt
  fails 1 accept prepare
  says "clean.txt"
}

@test "accept of a stage that is not there suggests one" {
  unconfirmed
  fails 2 accept preprae
  says prepare
}

@test "a later success of the stage leaves nothing to accept" {
  unconfirmed
  sed -i 's/; echo changed > raw.txt//' pipeline.yaml
  ran executed=2
  fails 3 accept prepare
}
