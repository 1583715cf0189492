# mlops why: what makes a stage run or leaves it alone.
load helper

@test "why names what changed with both values" {
  two_stages
  ran executed=2
  succeeds why train
  says "'train' is up to date"
  echo 'lr: 0.5' >params.yaml
  succeeds why train
  says "'train' would run"
  says "params.yaml:lr changed from 1 to 0.5"
}

@test "why of a path asks its producer" {
  two_stages
  ran executed=2
  rm model.txt
  succeeds why model.txt
  says "'train' would be restored"
  says "output model.txt is missing"
}

@test "several reasons at once are all told" {
  two_stages
  ran executed=2
  echo 'lr: 3' >params.yaml
  sed -i 's/{ cat clean.txt; grep/{ cat  clean.txt; grep/' pipeline.yaml
  succeeds why train --json
  holds 'sorted(x.split(":")[0] for x in why("train")) == ["cmd", "param"]'
}

@test "why before the first run, and behind a stage that would run" {
  two_stages
  succeeds why prepare
  says "never run"
  succeeds why train
  says "can't be known yet"
  says "prepare"
}

@test "why -v shows the key and what is in it" {
  two_stages
  ran executed=2
  succeeds why train -v
  says "key sha256:"
  says "clean.txt"
  says "params.yaml:lr = 1"
}

@test "why of a secret does not show it" {
  pipeline <<'END'
stages:
  a: {cmd: 'touch a', env: {KEY: {from_env: MY_KEY}}, outs: [a]}
END
  MY_KEY=geheimnis ran executed=1
  sed -i 's/touch a/touch  a/' pipeline.yaml
  MY_KEY=geheimnis succeeds why a -v
  says_not geheimnis
}

@test "why needs a stage, and suggests one" {
  two_stages
  fails 2 why
  fails 2 why pipeline.yaml
  fails 2 why tran
  says train
}

@test "why and accept take one stage" {
  two_stages
  ran executed=2
  fails 2 why prepare train
  says 'takes one stage'
  fails 2 accept prepare train
  says 'takes one stage'
}

@test "a form that a command does not have is refused" {
  two_stages
  for command in status dag 'why train' lint; do
    # shellcheck disable=SC2086
    fails 2 $command --format csv
    says 'prints no CSV'
  done
}

@test "a whole file of parameters is compared key by key" {
  echo '{"a": 1, "b": {"c": 2}}' >p.json
  pipeline <<'END'
stages:
  fit:
    cmd: touch model
    params: [{p.json: }]
    outs: [model]
END
  ran executed=1
  echo '{"a": 1, "b": {"c": 3}}' >p.json
  succeeds why fit
  says "p.json:b.c changed from 2 to 3"
}

@test "a restored stage says what brought it about" {
  two_stages
  ran executed=2
  echo 'lr: 2' >params.yaml
  ran executed=1 unchanged=1
  echo 'lr: 1' >params.yaml
  succeeds why train
  says "would be restored"
  says "params.yaml:lr changed from 2 to 1"
}
