# mlops plan: what a run would do, and nothing else.
load helper

@test "a fresh project: the first stage runs, what follows is unknown, nothing is made" {
  two_stages
  planned executed=1
  holds 's["prepare"]["status"] == "would_run" and s["train"]["status"] == "unknown"'
  holds 'why("train") == ["upstream:prepare"]'
  [ ! -e .mlops ] && [ ! -e pipeline.lock ]
  did
  succeeds plan
  says "unknown until 'prepare' has run"
}

@test "after a run there is nothing to do" {
  two_stages
  ran executed=2
  planned unchanged=2
  holds 'c["hashed_files"] == 0'
}

@test "plan says for each stage why: which file, which parameter, both values" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  planned executed=1 unchanged=1
  holds 'why("train") == ["param:params.yaml:lr"]'
  succeeds plan
  says "params.yaml:lr changed from 1 to 2"
  ran executed=1 unchanged=1
}

@test "plan writes nothing: no stat cache, no database, no lock, no file" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  rm clean.txt
  find . -type f ! -name '*.db-*' -printf '%p %T@ %i\n' | sort >../before
  succeeds plan
  succeeds status
  succeeds why train
  find . -type f ! -name '*.db-*' -printf '%p %T@ %i\n' | sort >../after
  diff ../before ../after
}

@test "what would be restored is known, and what follows is decided by it" {
  two_stages
  ran executed=2
  rm clean.txt model.txt
  planned restored=2
  echo 'lr: 2' >params.yaml
  planned restored=1 executed=1
  ran restored=1 executed=1
}

@test "a file in a directory that would be restored is known, what a pattern finds there is not" {
  pipeline <<'END'
stages:
  tree: {cmd: mkdir tree; touch tree/a tree/b, outs: [tree]}
  part: {cmd: cp tree/a part, deps: [tree/a], outs: [part]}
  whole: {cmd: ls tree > whole, deps: [tree], outs: [whole]}
  glob: {cmd: ls tree > glob, deps: ['tree/*'], outs: [glob]}
END
  ran executed=4
  planned unchanged=4
  rm -r tree
  succeeds plan --json
  holds 's["tree"]["status"] == "would_restore" and s["part"]["status"] == "unchanged"'
  holds 's["whole"]["status"] == "unchanged" and s["glob"]["status"] == "unknown"'
  ran restored=1 unchanged=3
}

@test "parameters in a file that would be restored or made are not known, never an error" {
  pipeline <<'END'
stages:
  tune: {cmd: 'cp in tuned.yaml', deps: [in], outs: [tuned.yaml]}
  fit: {cmd: 'touch fit', params: [{tuned.yaml: [lr]}], outs: [fit]}
END
  echo 'lr: 1' >in
  planned executed=1
  ran executed=2
  rm tuned.yaml
  planned restored=1
  holds 's["fit"]["status"] == "unknown"'
}

@test "behind a stage that would run the answer is unknown, not a guess" {
  two_stages
  ran executed=2
  echo RAW >raw.txt
  planned executed=1
  holds 's["train"]["status"] == "unknown"'
  ran executed=1 unchanged=1
}

@test "--force, --no-restore, --only, --downstream and targets as run takes them" {
  two_stages
  ran executed=2
  succeeds plan --json --force
  holds 's["prepare"]["status"] == "would_run"'
  rm model.txt
  planned executed=1 unchanged=1 -- --no-restore
  planned restored=1 -- --only train
  planned unchanged=1 -- prepare
  planned unchanged=1 restored=1 -- --downstream prepare
  succeeds run --dry-run --json --only train
  counts restored=1
}

@test "plan exits with 0 whatever there is to do, and with 3 if the pipeline is wrong" {
  two_stages
  succeeds plan
  echo "  x: 1" >>pipeline.yaml
  fails 3 plan
}

@test "plan works in a project that may not be written" {
  two_stages
  ran executed=2
  chmod -R a-w .
  mlops plan --json
  chmod -R u+w .
  [ "$status" -eq 0 ]
  counts unchanged=2
}

@test "plan as csv and markdown" {
  two_stages
  succeeds plan --format csv
  [ "$(head -n 1 "$OUT")" = "stage,status,why" ]
  [ "$(wc -l <"$OUT")" -eq 3 ]
  succeeds plan --format md
  says "| prepare | run"
}

@test "plan --minimal restores only what is asked for or needed" {
  two_stages
  ran executed=2
  rm clean.txt
  planned restored=1 unchanged=1
  planned unchanged=2 -- --minimal
  succeeds run --dry-run --minimal --json
  counts unchanged=2
}

@test "a file that is read in a directory that would be restored is known from the store's list of it" {
  git_init
  pipeline <<'END'
stages:
  split:
    cmd: |
      mkdir -p p/deep/more
      echo 1 > p/a; echo 2 > p/deep/b; echo 3 > p/run.sh
      chmod +x p/run.sh; ln -s deep/b p/link
    outs: [p]
  file:
    cmd: cat p/a p/run.sh > file.txt
    deps: [p/a, p/run.sh]
    outs: [file.txt]
  directory:
    cmd: ls -R p/deep > directory.txt
    deps: [p/deep]
    outs: [directory.txt]
  link:
    cmd: cat p/link > link.txt
    deps: [p/link]
    outs: [link.txt]
END
  ran executed=4
  rm -r p file.txt
  succeeds plan --json
  holds '[s["status"] for s in r["stages"]] == ["would_restore", "would_restore", "unknown", "unknown"]'
  ran restored=1 unchanged=1 -- --minimal file
  [ "$(cat file.txt)" = $'1\n3' ]
  [ ! -e p ]
  sed -i 's/cat p.a/cat p\/deep\/b p\/a/' pipeline.yaml
  ran executed=1 restored=1 -- --minimal file
  [ "$(cat file.txt)" = $'2\n1\n3' ]
  rm -r p
  ran restored=1 unchanged=2 -- --minimal directory link
}
