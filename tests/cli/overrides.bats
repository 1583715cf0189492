# Parameters changed on the command line: -P, -S, --set-param, and --in-place.
load helper

# A stage that depends on values of two files.
tuned() {
  cat >params.yaml <<'END'
# the rates
train:
  lr: 0.1   # careful
  name: 'adam'
  layers: [128, 64]
seed: 1
END
  echo '{"depth": 3, "wide": true}' >other.json
  pipeline <<'END'
stages:
  train:
    cmd: cat params.yaml other.json > model.txt
    params: [train.lr, train.layers, {other.json: [depth]}]
    outs: [model.txt]
END
}

# unchanged FILE...: has the bytes it had when `keep` was called.
keep() {
  mkdir -p "$BATS_TEST_TMPDIR/kept" && cp -p "$@" "$BATS_TEST_TMPDIR/kept"
}
unchanged() {
  for file; do cmp "$file" "$BATS_TEST_TMPDIR/kept/$file"; done
}

@test "--in-place writes a parameter into its file, every other byte stays, and runs" {
  tuned
  succeeds run
  succeeds run -P train.lr=0.5 --in-place --json
  holds 'c["executed"] == 1'
  holds 'r["parameters"] == [{"file": "params.yaml", "key": "train.lr", "before": "0.1", "after": "0.5"}]'
  says "'train.lr' changed from 0.1 to 0.5"
  sed 's/0\.5/0.1/' params.yaml >back
  tuned
  cmp back params.yaml
}

@test "a value that is there already changes no file and runs nothing" {
  tuned
  succeeds run
  touch -d 2020-01-01 params.yaml
  succeeds run -P train.lr=1e-1 --in-place --json
  holds 'c["unchanged"] == 1'
  says "is 1e-1 already"
  [ "$(date -r params.yaml +%Y)" = 2020 ]
}

@test "several parameters, in several files and languages" {
  tuned
  succeeds run -P train.lr=1e-3 -S other.json:depth=4 --set-param 'train.layers.1=32' --in-place
  grep -q '^  lr: 1.0e-3   # careful$' params.yaml
  grep -q '^  layers: \[128, 32\]$' params.yaml
  grep -qx '{"depth": 4, "wide": true}' other.json
}

@test "+KEY adds, ~KEY removes, FILE: may stand behind the sign or in front of it" {
  tuned
  succeeds run -P +train.opt.beta=0.9 -P ~seed -P other.json:+new='[a, b]' -P '~other.json:wide' --in-place
  grep -q '^    beta: 0.9$' params.yaml
  [ "$(grep -c seed params.yaml)" -eq 0 ]
  grep -qx '{"depth": 3, "new": \["a", "b"\]}' other.json
}

@test "without --in-place every file of the work tree keeps its bytes, and the run is named to apply" {
  tuned
  echo 'batch = 8' >conf.py
  printf '[opt]\nbeta = 0.9\n' >conf.toml
  sed -i 's/{other.json: \[depth\]}/{other.json: [depth]}, {conf.py: [batch]}, {conf.toml: [opt.beta]}/; s/> model/conf.py conf.toml &/' pipeline.yaml
  succeeds run
  keep params.yaml other.json conf.py conf.toml model.txt pipeline.lock
  succeeds run -P train.lr=1e-3 -P depth=4 -P batch=16 -P opt.beta=0.5
  unchanged params.yaml other.json conf.py conf.toml model.txt pipeline.lock
  grep -q '^mlops apply ' "$OUT"
  fails 3 run -P train.lrr=1
  fails 3 run -P train.lr=fast
  succeeds run -P train.lr=1e-3 -P depth=4 -P batch=16 -P opt.beta=0.5
  run_name=$(sed -n 's/^mlops apply //p' "$OUT")
  succeeds apply "$run_name"
  grep -q 'lr: 1.0e-3   # careful' params.yaml
  grep -qx 'batch = 16' conf.py
  grep -qx 'beta = 0.5' conf.toml
  ran unchanged=1
}

@test "indexes mean the list as it was, also written in brackets" {
  tuned
  succeeds run -P '~train.layers[0]' -P 'train.layers[1]=7' -P +train.layers.2=8 --in-place
  grep -q '^  layers: \[7, 8\]$' params.yaml
}

@test "-P stays DVC's flag for all pipelines where no KEY=VALUE is behind it" {
  two_stages
  mkdir sub
  pipeline dvc.yaml <<'END'
stages:
  top: {cmd: echo top > top.txt, outs: [top.txt]}
END
  pipeline sub/dvc.yaml <<'END'
stages:
  below: {cmd: echo below > below.txt, outs: [below.txt]}
END
  succeeds run dvc.yaml -P --json
  holds 'c["executed"] == 2'
  succeeds run -P dvc.yaml --json
  holds 'c["unchanged"] == 2'
  succeeds run -Pk dvc.yaml --json
  holds 'c["unchanged"] == 2'
  succeeds run -Plr=2 --in-place pipeline.yaml
  grep -qx 'lr: 2' params.yaml
}

@test "an unknown parameter is told with its file and the nearest name, and nothing is written" {
  tuned
  keep params.yaml other.json
  fails 3 run -P seed=2 -P train.lrr=1 --in-place
  says "params.yaml: no parameter 'train.lrr' (did you mean 'train.lr'?)"
  fails 3 run -P lr=1 --in-place
  says "did you mean 'train.lr'?"
  fails 3 run -P other.json:dept=1 --in-place
  says "other.json: no parameter 'dept' (did you mean 'depth'?)"
  fails 3 run -P nothing.like.it=1 --in-place
  says "no parameter 'nothing.like.it' in params.yaml, other.json"
  says "+nothing.like.it=VALUE"
  fails 3 run -P train.layers.2=1 --in-place
  says "params.yaml:5:11: no parameter 'train.layers.2': 'train.layers' is a list of 2"
  fails 3 run -P absent.yaml:a=1 --in-place
  says "there is no 'absent.yaml'"
  unchanged params.yaml other.json
}

@test "a value of another type is refused where the parameter stands" {
  tuned
  keep params.yaml other.json
  fails 3 run -P train.lr=fast --in-place
  says "params.yaml:3:7: 'train.lr' is a number here, and fast is a string"
  fails 3 run -P train.name=5 --in-place
  says "'train.name=\"5\"'"
  fails 3 run -P train=1 --in-place
  says "'train' is a mapping here"
  fails 3 run -P wide=yes --in-place
  says "'wide' is true or false here"
  unchanged params.yaml other.json
  succeeds run -P train.name='"5"' -P seed=2.5 -P train.lr=1 --in-place
  grep -q "name: '5'" params.yaml
}

@test "words that are no overrides end with 2" {
  tuned
  keep params.yaml other.json
  for word in =3 ~seed=1 ++seed=1 'seed=[1' 'seed=1,2' 'seed=a: b' 'seed=*x' 'seed=&x 1' $'train.name=a\nb'; do
    fails 2 run -P "$word" --in-place
  done
  fails 2 run -S seed --in-place
  says "gives no value"
  fails 2 run -P seed=1 -P seed=2 --in-place
  says "'seed' is given twice"
  fails 2 run --in-place
  fails 2 run -n -P seed=2
  unchanged params.yaml other.json
}

@test "a key of two files is told with both; its file says which" {
  tuned
  echo 'seed: 9' >more.yaml
  sed -i 's/{other.json: \[depth\]}/{more.yaml: [seed]}/' pipeline.yaml
  keep params.yaml more.yaml
  fails 3 run -P seed=2 --in-place
  says "'seed' is in two files: params.yaml and more.yaml"
  unchanged params.yaml more.yaml
  succeeds run -P more.yaml:seed=2 --in-place
  unchanged params.yaml
  grep -qx 'seed: 2' more.yaml
}

@test "what a stage needs can't be removed, what a stage makes can't be changed" {
  tuned
  fails 3 run -P ~train.lr --in-place
  says "'train.lr' is a parameter of stage 'train' and can't be removed"
  fails 3 run -P ~train --in-place
  pipeline <<'END'
stages:
  make: {cmd: 'echo "a: 1" > made.yaml', outs: [made.yaml]}
  use: {cmd: cat made.yaml, params: [{made.yaml: [a]}]}
END
  succeeds run
  fails 3 run -P a=2 --in-place
  says "'made.yaml' is made by stage 'make'"
}

@test "mode and links stay; a link out of the project and a read-only file are refused" {
  tuned
  mkdir conf
  mv params.yaml conf/real.yaml
  chmod 640 conf/real.yaml
  ln -s conf/real.yaml params.yaml
  succeeds run -P train.lr=0.2 --in-place
  [ -L params.yaml ] && grep -q 'lr: 0.2 ' conf/real.yaml
  [ "$(stat -c %a conf/real.yaml)" = 640 ]
  mv conf/real.yaml ../outside.yaml
  ln -sf ../outside.yaml params.yaml
  fails 3 run -P train.lr=0.3 --in-place
  says "outside of the project"
  grep -q 'lr: 0.2 ' ../outside.yaml
  rm params.yaml && cp ../outside.yaml params.yaml && chmod a-w params.yaml
  fails 3 run -P train.lr=0.3 --in-place
  says "read-only"
}

@test "a file with a merge conflict is refused, also where its language would let it pass" {
  tuned
  printf 'LR = 1\n<<<<<<< HEAD\nX = 1\n=======\nX = 2\n>>>>>>> b\n' >conf.py
  keep conf.py
  fails 3 run -P conf.py:LR=2 --in-place
  says "merge conflict"
  unchanged conf.py
  printf '<<<<<<< HEAD\nseed: 1\n=======\nseed: 2\n>>>>>>> b\n' >params.yaml
  fails 3 run -P seed=2 --in-place
  says "merge conflict"
}

@test "files of vars and of a dvc.yaml, from a directory below" {
  git_init
  mkdir -p sub
  echo 'model: {lr: 1}' >sub/params.yaml
  echo 'batch = 8' >sub/conf.py
  printf 'size = 3\n' >sub/conf.toml
  pipeline sub/dvc.yaml <<'END'
vars: [conf.toml]
stages:
  a:
    cmd: echo ${size} ${model.lr} > out.txt
    params: [{conf.py: [batch]}]
    outs: [out.txt]
END
  cd sub
  succeeds run -P size=4 -P model.lr=2 -P batch=16 --in-place
  [ "$(cat out.txt)" = "4 2" ]
  grep -qx 'batch = 16' conf.py
  succeeds run -P params.yaml:model.lr=3 --in-place
  succeeds run -P sub/conf.py:batch=32 --in-place
  grep -qx 'batch = 32' conf.py
}
