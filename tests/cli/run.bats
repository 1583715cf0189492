# What runs, what is left alone, and what a change touches.
load helper

@test "the first run executes every stage, the second none and hashes nothing" {
  two_stages
  ran executed=2
  did prepare train
  ran unchanged=2
  did
  holds 'c["stages"] == 2 and c["hashed_files"] == 0 and c["hashed_bytes"] == 0'
  holds 'r["status"] == "succeeded" and r["schema_version"] >= 1 and len(r["run"]) == 26'
}

@test "the first run makes .mlops and says so" {
  two_stages
  succeeds run
  says "made .mlops/"
  [ -d .mlops ]
  succeeds run
  says_not "made .mlops/"
}

@test "a changed parameter runs only the stages that name it" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  did prepare train
  ran executed=1 unchanged=1
  did train
  holds 'why("train") == ["param:params.yaml:lr"]'
  holds 's["train"]["reasons"][0]["before"] == "1" and s["train"]["reasons"][0]["after"] == "2"'
}

@test "a parameter that no stage names runs nothing" {
  two_stages
  ran executed=2
  echo 'other: 5' >>params.yaml
  ran unchanged=2
}

@test "1 to 1.0 is no change, 1 to true and 1 to '1' are" {
  two_stages
  ran executed=2
  echo 'lr: 1.0' >params.yaml
  ran unchanged=2
  echo 'lr: true' >params.yaml
  ran executed=1 unchanged=1
  echo "lr: '1'" >params.yaml
  ran executed=1 unchanged=1
}

@test "a changed comment in code that a dependency names runs the stage, and only it" {
  two_stages
  sed -i 's/deps: \[raw.txt\]/deps: [raw.txt, code.py]/' pipeline.yaml
  echo 'x = 1' >code.py
  ran executed=2
  echo '# a comment' >>code.py
  ran executed=1 unchanged=1
  holds 'why("prepare") == ["dep:code.py"]'
}

@test "a stage that runs again and makes the same leaves what follows alone" {
  two_stages
  ran executed=2
  did prepare train
  echo RAW >raw.txt
  ran executed=1 unchanged=1
  did prepare
}

@test "a result of an earlier state is restored, not made again" {
  two_stages
  ran executed=2
  echo other >raw.txt
  ran executed=2
  did prepare train prepare train
  echo raw >raw.txt
  ran restored=2
  did
  holds_text clean.txt RAW
  holds_text model.txt "RAW
lr: 1"
  ran unchanged=2
}

@test "a dependency, parameter or output taken out of a stage is a change" {
  two_stages
  sed -i 's/deps: \[raw.txt\]/deps: [raw.txt, params.yaml]/' pipeline.yaml
  ran executed=2
  sed -i 's/, params.yaml\]/]/' pipeline.yaml
  ran executed=1 unchanged=1
  holds 'why("prepare") == ["dep:params.yaml"]'
  sed -i '/params: \[lr\]/d' pipeline.yaml
  ran executed=1 unchanged=1
  holds 'why("train") == ["param:params.yaml:lr"]'
  sed -i '/outs: \[model.txt\]/d' pipeline.yaml
  ran executed=1 unchanged=1
  holds 'why("train") == ["out:model.txt"]'
}

@test "a changed command runs the stage; its description, limits and meta do not" {
  two_stages
  ran executed=2
  sed -i 's/^  train:/  train:\n    desc: words\n    timeout: 1h\n    retries: 2\n    meta: {a: 1}\n    resources: {cpus: 1}/' pipeline.yaml
  ran unchanged=2
  sed -i 's/grep lr params/grep  lr params/' pipeline.yaml
  ran executed=1 unchanged=1
  holds 'why("train") == ["cmd:cmd"]'
}

@test "a command as a text and as a list of one are two recipes" {
  pipeline <<'END'
stages:
  a:
    cmd: echo a > a.txt
    outs: [a.txt]
END
  ran executed=1
  sed -i 's/cmd: \(.*\)/cmd: ["\1"]/' pipeline.yaml
  ran executed=1
}

@test "a list of commands stops at the first that fails" {
  pipeline <<'END'
stages:
  a:
    cmd: [touch one, 'false', touch two]
END
  fails 1 run
  [ -e one ] && [ ! -e two ]
}

@test "a command of several lines is one script that stops at the first failure" {
  pipeline <<'END'
stages:
  a:
    cmd: |
      x=5
      echo $x > a.txt
    outs: [a.txt]
  b:
    cmd: |
      false
      touch b.txt
    outs: [b.txt]
END
  fails 1 run --json -k
  counts executed=1 failed=1
  holds_text a.txt 5
  [ ! -e b.txt ]
}

@test "after a failed look the order of stages in the file and their names do not matter" {
  two_stages
  ran executed=2
  did prepare train
  "$PYTHON" - <<'END'
text = open("pipeline.yaml").read()
head, rest = text.split("stages:\n")
first, second = rest.split("  train:")
open("pipeline.yaml", "w").write("stages:\n  train:" + second + first)
END
  ran unchanged=2
  sed -i 's/^  train:/  fit:/' pipeline.yaml
  ran unchanged=2
  did
}

@test "the lock holds entries of this pipeline's stages only" {
  two_stages
  ran executed=2
  grep -q train pipeline.lock
  sed -i 's/^  train:/  fit:/' pipeline.yaml
  ran unchanged=2
  not grep -q '^  train:' pipeline.lock
  grep -q '^  fit:' pipeline.lock
}

@test "the lock is written only when it changes" {
  two_stages
  ran executed=2
  stamp=$(stat -c '%i %y' pipeline.lock)
  ran unchanged=2
  succeeds run --force --json
  [ "$stamp" = "$(stat -c '%i %y' pipeline.lock)" ]
}

@test "touch is no change, chmod +x and a new content of the same size and time are" {
  two_stages
  ran executed=2
  touch raw.txt
  ran unchanged=2
  chmod +x raw.txt
  ran executed=1 unchanged=1
  touch -r raw.txt stamp
  echo war >raw.txt
  touch -r stamp raw.txt
  ran executed=2
}

@test "without deps and outs a stage runs always, and so does always_changed" {
  pipeline <<'END'
stages:
  callback:
    cmd: echo callback >> "$DID"
  always:
    cmd: echo always >> "$DID"; echo same > same.txt
    always_changed: true
    outs: [same.txt]
  user:
    cmd: echo user >> "$DID"; cp same.txt user.txt
    deps: [same.txt]
    outs: [user.txt]
END
  ran executed=3
  did callback always user
  ran executed=2 unchanged=1
  did callback always
  holds 'why("callback") == ["always:"] and why("always") == ["always:"]'
}

@test "a frozen stage is left as it is whatever it reads" {
  two_stages
  ran executed=2
  sed -i 's/^  prepare:/  prepare:\n    frozen: true/' pipeline.yaml
  echo other >raw.txt
  ran unchanged=2
  rm clean.txt
  ran restored=1 unchanged=1
  holds_text clean.txt RAW
}

@test "two pipelines share a project without touching each other's lock" {
  two_stages
  pipeline second.yaml <<'END'
stages:
  report:
    cmd: echo report >> "$DID"; wc -c < model.txt > report.txt
    deps: [model.txt]
    outs: [report.txt]
END
  ran executed=2
  ran executed=1 -- second.yaml
  ran unchanged=2
  ran unchanged=1 -- second.yaml
  did prepare train report
  [ -e pipeline.lock ] && [ -e second.lock ]
}

@test "a pipeline in a subdirectory works from there, from below and from above" {
  mkdir -p sub/deeper
  (cd sub && two_stages)
  git_init
  (cd sub/deeper && ran executed=2)
  [ -d .mlops ] && [ -e sub/pipeline.lock ] && [ -e sub/model.txt ]
  ran unchanged=2 -- sub/pipeline.yaml
  (cd sub && ran unchanged=2)
  ran unchanged=2 -- -C sub
}

@test "wdir is where the command runs and what its paths start from" {
  pipeline <<'END'
stages:
  a:
    cmd: pwd > here.txt; cat ../in.txt >> here.txt
    wdir: sub
    deps: [../in.txt]
    outs: [here.txt]
END
  echo in >in.txt
  mkdir sub
  ran executed=1
  holds_text sub/here.txt "$PWD/sub
in"
  ran unchanged=1
}

@test "it works in a directory that is no git repository, and says nothing of git" {
  two_stages
  succeeds run
  says_not git
  [ ! -e .gitignore ]
}

@test "force runs the selected stages though their results are known" {
  two_stages
  ran executed=2
  ran executed=2 -- --force
  did prepare prepare train train
  holds 'why("train")[0] == "forced:"'
  ran unchanged=2
}

@test "force keeps the results of a stage that is not deterministic, the newest first" {
  pipeline <<'END'
stages:
  dice:
    cmd: cat ../number > dice.txt
    outs: [dice.txt]
END
  echo 1 >../number
  ran executed=1
  echo 2 >../number
  ran executed=1 -- --force
  echo 1 >dice.txt # any known result in place is as good
  ran unchanged=1
  rm dice.txt
  ran restored=1
  holds 's["dice"]["status"] == "restored"'
}

@test "--no-restore runs a stage rather than take its outputs from the cache" {
  two_stages
  ran executed=2
  rm model.txt
  ran executed=1 unchanged=1 -- --no-restore
  did prepare train train
}

@test "a target is a stage with what it needs, or a path that a stage makes" {
  two_stages
  ran executed=1 -- prepare
  did prepare
  ran executed=1 unchanged=1 -- model.txt
  did train
}

@test "a target that is nothing gets a suggestion" {
  two_stages
  fails 2 run trian
  says "train"
  [ ! -e clean.txt ]
}

@test "--only takes the named stages without what they need" {
  two_stages
  ran executed=2
  echo other >raw.txt
  ran unchanged=1 -- --only train
  holds 'list(s) == ["train"]'
}

@test "--only of a stage whose input was never made names the stage that makes it" {
  two_stages
  fails 3 run --only train
  says "prepare"
}

@test "--downstream takes the named stages and all that uses them" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  ran unchanged=1 executed=1 -- --downstream prepare
  echo 'lr: 3' >params.yaml
  ran executed=1 -- --downstream train
}

@test "--minimal restores only targets and what stages that run need" {
  two_stages
  ran executed=2
  rm clean.txt model.txt
  ran restored=1 unchanged=1 -- --minimal
  [ -e model.txt ] && [ ! -e clean.txt ]
  echo 'lr: 2' >params.yaml
  ran restored=1 executed=1 -- --minimal
  [ -e clean.txt ]
  did prepare train train
}

@test "--minimal sees what it did not restore below a directory and in a pattern" {
  mkdir in
  echo 1 >in/1
  pipeline <<'END'
stages:
  tree:
    cmd: mkdir -p tree/x; cp in/1 tree/x/1; cp in/1 tree/2
    deps: [in]
    outs: [tree]
  part:
    cmd: cp tree/x/1 part.txt
    deps: [tree/x]
    outs: [part.txt]
  file:
    cmd: cp tree/2 made/file.txt
    deps: [tree/2]
    outs: [made/file.txt]
  all:
    cmd: cat made/*.txt > all.txt
    deps: ['made/*.txt']
    outs: [all.txt]
  whole:
    cmd: cat made/* > whole.txt
    deps: [made]
    outs: [whole.txt]
END
  ran executed=5
  rm -r tree part.txt made all.txt whole.txt
  succeeds run --minimal --json
  holds 'c["executed"] == 0'
  [ -e part.txt ] && [ -e all.txt ] && [ -e whole.txt ]
}

@test "--dry-run is plan: it makes and runs nothing" {
  two_stages
  succeeds run --dry-run --json
  counts executed=1
  [ ! -e .mlops ] && [ ! -e pipeline.lock ] && [ ! -e clean.txt ]
  did
}

@test "a missing dependency is told at its place before anything runs" {
  two_stages
  sed -i 's/deps: \[clean.txt\]/deps: [clean.txt, nowhere.txt]/' pipeline.yaml
  fails 3 run
  says "pipeline.yaml:8:"
  says "nowhere.txt"
  did
}

@test "nothing runs before the whole pipeline has been checked" {
  two_stages
  cat >>pipeline.yaml <<'END'
  third:
    cmd: true
    depends: [x]
END
  fails 3 run
  says "unknown key 'depends'"
  says "deps"
  did
  [ ! -e .mlops ]
}

@test "a file made by a stage may be a parameter file" {
  pipeline <<'END'
stages:
  tune:
    cmd: 'echo tune >> "$DID"; echo "lr: $(cat best)" > tuned.yaml'
    deps: [best]
    outs: [tuned.yaml]
  fit:
    cmd: echo fit >> "$DID"; cat tuned.yaml > fit.txt
    params: [{tuned.yaml: [lr]}]
    outs: [fit.txt]
END
  echo 1 >best
  ran executed=2
  echo 2 >best
  ran executed=2
  holds 'why("fit") == ["param:tuned.yaml:lr"]'
  ran unchanged=2
  holds_text fit.txt "lr: 2"
}

@test "an order without data is kept" {
  pipeline <<'END'
stages:
  second:
    cmd: cp first.flag second.txt
    after: [first]
    outs: [second.txt]
  first:
    cmd: touch first.flag
END
  ran executed=2 -- -j 4
}

@test "a stage that does not make its output fails, and names it" {
  pipeline <<'END'
stages:
  a:
    cmd: true
    outs: [never.txt]
END
  fails 1 run --json
  counts failed=1
  holds '"never.txt" in s["a"]["cause"]'
}

@test "metrics of a stage are in the answer, and a summary line says how they moved" {
  pipeline <<'END'
stages:
  judge:
    kind: evaluate
    cmd: 'echo "{\"f1\": $(cat score), \"deep\": {\"er\": 1}}" > metrics.json'
    deps: [score]
    metrics: [{metrics.json: {cache: false}}]
END
  echo 0.5 >score
  ran executed=1
  holds 's["judge"]["metrics"] == {"metrics.json:f1": 0.5, "metrics.json:deep.er": 1}'
  echo 0.75 >score
  succeeds run
  says "f1 0.75 (+0.25)"
}

@test "a metrics file that is no document fails its stage with status 3" {
  pipeline <<'END'
stages:
  judge:
    cmd: 'echo "{broken" > metrics.json'
    metrics: [metrics.json]
END
  fails 3 run --json
  counts failed=1
  holds '"metrics.json" in s["judge"]["cause"]'
}

@test "a target that is a path is meant from where the caller stands" {
  mkdir sub
  (cd sub && two_stages)
  git_init
  cd sub
  ran executed=2 -- model.txt
  rm model.txt
  ran restored=1 unchanged=1 -- ./model.txt
  cd ..
  rm sub/model.txt
  ran restored=1 unchanged=1 -- sub/pipeline.yaml sub/model.txt
}

@test "a target that is a directory stands for all stages that make something in it" {
  pipeline <<'END'
stages:
  a: {cmd: 'touch made/a', outs: [made/a]}
  b: {cmd: 'touch made/b', outs: [made/b]}
  c: {cmd: 'touch c', outs: [c]}
END
  ran executed=2 -- made
}

@test "a metrics file that is one number is recorded and read back from the lock" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo 0.93 > acc.json', metrics: [acc.json]}
END
  sed -i 's/cmd:/deps: [pipeline.yaml], cmd:/' pipeline.yaml
  ran executed=1
  grep -q 'acc.json: 0.93' pipeline.lock
  rm -rf .mlops
  ran unchanged=1
}
