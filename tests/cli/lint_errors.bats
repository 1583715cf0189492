# shellcheck disable=SC2016 # expressions of templates, not of the shell
load helper

# What a person reads when a file is wrong: the place, what is wrong, and the one thing to do. Every
# test looks at the text as it is printed.

# refused <TEXT: mlops lint refuses it as dvc.yaml.
refused() {
  pipeline dvc.yaml
  fails 3 lint dvc.yaml
}

# points_at WORD: a caret under the first column of WORD in the line shown above it.
points_at() {
  "$PYTHON" -I -S -c '
import sys
word = sys.argv[2]
lines = open(sys.argv[1]).read().splitlines()
for above, below in zip(lines, lines[1:]):
    if below.rstrip().endswith("^") and "|" in below:
        at = len(below.rstrip()) - 1
        if above[at:].startswith(word):
            sys.exit(0)
sys.exit("no caret under " + word)
' "$ERR" "$1" || tell "points at $1"
}

@test "an unknown key: the place and the nearest key" {
  refused <<'END'
stages:
  train:
    cmd: 'true'
    depend: [a]
END
  says "dvc.yaml:4:5: unknown key 'depend'"
  says "'deps'"
  points_at depend
}

@test "an unknown key at the top, in outs, in artifacts" {
  refused <<'END'
stage:
  a: {cmd: x}
stages:
  b:
    cmd: x
    outs: [{o: {cahe: false}}]
artifacts:
  m: {path: o, kind: model}
END
  says 'dvc.yaml:1:1:'
  says "'stages'"
  says 'dvc.yaml:6:17:'
  says "'cache'"
  says 'dvc.yaml:8:16:'
}

@test "wrong kinds say what was found and what is wanted" {
  refused <<'END'
stages:
  a:
    cmd: 3
    deps: data.csv
    frozen: maybe
    outs: [[x]]
END
  says 'dvc.yaml:3:10:'
  says 'dvc.yaml:4:11:'
  says 'a list'
  says 'dvc.yaml:5:13:'
  says 'true or false'
  says 'dvc.yaml:6:12:'
}

@test "a duplicate key names both places" {
  refused <<'END'
stages:
  a:
    cmd: x
  b:
    cmd: y
  a:
    cmd: z
END
  says 'dvc.yaml:6:3:'
  says 'line 2'
  points_at a
}

@test "a duplicate key in the parameters names that file" {
  printf 'lr: 1\nepochs: 2\nlr: 3\n' >params.yaml
  refused <<'END'
stages:
  a: {cmd: 'x ${lr}'}
END
  says 'params.yaml:3:1:'
  says 'line 1'
}

@test "an error inside an instance points at the line and names the instance" {
  refused <<'END'
stages:
  train:
    foreach:
      resnet: {lr: 1}
      vit: {rate: 2}
    do:
      cmd: python3 train.py ${item.lr}
END
  says 'dvc.yaml:7:'
  says "'item.lr'"
  says 'train@vit'
  says_not 'train@resnet'
  points_at '${item.lr}'
}

@test "an error inside a matrix names the instance" {
  refused <<'END'
stages:
  train:
    matrix:
      model: [a]
      seed: [1]
    cmd: run ${item.model} ${item.sed}
END
  says 'dvc.yaml:6:'
  says "'item.sed'"
  says "did you mean 'seed'?"
  says 'train@a-1'
}

@test "a value that is not there: the caret is under it, and the nearest one is named" {
  echo 'train: {epochs: 3}' >params.yaml
  refused <<'END'
stages:
  a:
    cmd: >-
      python3 train.py
      --epochs ${train.epoch}
END
  says "'train.epoch'"
  says "did you mean 'epochs'?"
  says 'dvc.yaml:5:16:'
  points_at '${train.epoch}'
}

@test "a shell's own variable: what to write instead" {
  refused <<'END'
stages:
  a:
    cmd: echo ${HOME}
END
  says 'dvc.yaml:3:'
  says "'HOME'"
  says 'for a variable of the shell write \${HOME}'
}

@test "a file of vars that is not there" {
  refused <<'END'
vars:
  - config/vars.yaml
stages:
  a: {cmd: x}
END
  says 'dvc.yaml:2:5:'
  says "'config/vars.yaml' does not exist"
}

@test "a key of a file of vars that is not there" {
  echo 'models: 1' >v.yaml
  refused <<'END'
vars: ['v.yaml:model']
stages:
  a: {cmd: x}
END
  says "'model'"
  says 'v.yaml'
}

@test "a value that is defined twice names both places" {
  printf 'lr: 1\n' >params.yaml
  refused <<'END'
vars:
  - lr: 2
stages:
  a: {cmd: 'x ${lr}'}
END
  says 'dvc.yaml:2:'
  says "'lr'"
  says 'params.yaml'
}

@test "a syntax error in an expression has its caret inside the expression" {
  refused <<'END'
stages:
  a:
    cmd: python3 train.py ${models.foo.}
END
  says 'dvc.yaml:3:'
  points_at '}'
}

@test "an empty expression" {
  refused <<'END'
stages:
  a: {cmd: 'echo ${}'}
END
  says 'dvc.yaml:2:'
  says '${'
}

@test "a list where a text is wanted" {
  echo 'lrs: [1, 2]' >params.yaml
  refused <<'END'
stages:
  a: {cmd: 'x ${lrs}'}
END
  says 'lrs'
  says 'is a list'
}

@test "a tab as indentation is said to be one" {
  printf 'stages:\n\ta:\n\t\tcmd: x\n' | refused
  says 'dvc.yaml:2:1:'
  says 'tab'
}

@test "a merge conflict is said to be one" {
  refused <<'END'
stages:
<<<<<<< HEAD
  a: {cmd: x}
=======
  a: {cmd: y}
>>>>>>> other
END
  says 'dvc.yaml:2:1:'
  says 'conflict'
}

@test "independent errors are told together, in order of the file" {
  refused <<'END'
stages:
  a:
    cmd: x
    depz: [q]
  b:
    deps: [x]
  c:
    cmd: x
    outs: [../../o]
  d:
    cmd: [x, {y: z}]
END
  says 'dvc.yaml:4:5:'
  says 'dvc.yaml:5:3:'
  says "'cmd'"
  says 'dvc.yaml:11:14:'
  [ "$(grep -oE '^mlops: dvc.yaml:[0-9]+' "$ERR" | cut -d: -f3 | sort -n | tr '\n' ' ')" = \
    "$(grep -oE '^mlops: dvc.yaml:[0-9]+' "$ERR" | cut -d: -f3 | tr '\n' ' ')" ]
}

@test "templates of several stages are told together" {
  refused <<'END'
stages:
  a: {cmd: 'x ${one}'}
  b: {cmd: 'y ${two}'}
  c: {cmd: z}
END
  says "'one'"
  says "'two'"
  says 'dvc.yaml:2:'
  says 'dvc.yaml:3:'
}

@test "a file of parameters that is broken is named with its place" {
  printf 'a: [1\nb: 2\n' >params.yaml
  refused <<'END'
stages:
  a: {cmd: 'x ${a}'}
END
  says 'params.yaml:'
}

@test "foreach over a number, and without do" {
  refused <<'END'
stages:
  a:
    foreach: 3
    do: {cmd: x}
  b:
    foreach: [1]
    cmd: x
END
  says 'dvc.yaml:3:14:'
  says 'dvc.yaml:7:5:'
  says "'do'"
}

@test "two instances of one name are refused, both are named" {
  refused <<'END'
stages:
  a:
    matrix:
      p: [x-y, x]
      q: [z, y-z]
    cmd: 'run ${item.p} ${item.q}'
END
  says "a@x-y-z"
}

@test "one output of two stages names the other stage and its line" {
  refused <<'END'
stages:
  a: {cmd: x, outs: [o]}
  b: {cmd: y, outs: [o]}
END
  says 'dvc.yaml:3:22:'
  says "'a'"
  says 'line 2'
}

@test "a cycle is told as a path with its places" {
  refused <<'END'
stages:
  a: {cmd: x, deps: [b], outs: [a]}
  b: {cmd: y, deps: [a], outs: [b]}
END
  says 'a -> b -> a'
}

@test "our own keys in dvc.yaml: rename the file" {
  refused <<'END'
stages:
  a: {cmd: x, timeout: 2h}
END
  says "'timeout'"
  says 'rename'
}

@test "plots as a mapping: the list form is shown" {
  refused <<'END'
stages:
  a: {cmd: x}
plots:
  roc.csv: {x: fpr}
END
  says 'dvc.yaml:3:1:'
  says "put '- ' before"
}

@test "nothing of another's text reaches the terminal raw" {
  printf 'stages:\n  "a\\e[31m\\a": {cmd: x, foo: 1}\n' | refused
  not grep -q "$(printf '\033')" "$ERR"
}

@test "a parameter that its file lacks is a warning with the nearest key" {
  echo 'train: {epochs: 3}' >params.yaml
  pipeline dvc.yaml <<'END'
stages:
  a:
    cmd: x
    params: [train.epoch, train.epochs, {gone.yaml: [k]}]
END
  succeeds lint --json dvc.yaml
  holds '[(w["rule"], w["line"], w["column"]) for w in r["warnings"]] == [("missing-param", 4, 14), ("missing-param", 4, 54)]'
  holds '"train.epochs" in r["warnings"][0]["text"]'
}

@test "an expression without quotes inside brackets is told what it needs" {
  pipeline <<'END'
stages:
  a: {foreach: [1], do: {cmd: echo, outs: ["b"]}}
  fit:
    foreach: [1, 2]
    do:
      cmd: touch o-${item}
      outs: [o-${item}]
END
  fails 3 lint
  says 'pipeline.yaml:7:17: inside [...] and {...} a text with ${...} needs quotes'
}
