# What a command gets to see: environment, secrets, shells.
load helper

@test "a stage inherits the environment and learns project, stage and run" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo "$OWN|$MLOPS_ROOT|$MLOPS_STAGE|$MLOPS_RUN|$PWD" > a', outs: [a]}
END
  OWN=mine ran executed=1
  id=$("$PYTHON" -c 'import json,sys; print(json.load(open(sys.argv[1]))["run"])' "$OUT")
  holds_text a "mine|$PWD|a|$id|$PWD"
  OWN=other ran unchanged=1
}

@test "plain env values are in the key and win over the inherited ones" {
  pipeline <<'END'
defaults:
  env: {A: 1, B: two}
stages:
  a: {cmd: 'echo $A $B $C > a', env: {B: 3, C: 'x y'}, outs: [a]}
END
  B=inherited ran executed=1
  holds_text a "1 3 x y"
  sed -i 's/B: 3/B: 4/' pipeline.yaml
  ran executed=1
  holds 'why("a") == ["env:B"]'
  sed -i 's/A: 1/A: 2/' pipeline.yaml
  ran executed=1
}

@test "a secret from the environment: its value is nowhere, logs show ***" {
  pipeline <<'END'
stages:
  a:
    cmd: |
      echo "plain $KEY"
      printf %s "$KEY" | base64
      echo "$KEY" | cut -c1-7 | tr -d '\n'; sleep 0.05; echo "$KEY" | cut -c8-
      echo "$KEY" | wc -c > a
    env: {KEY: {from_env: MY_KEY}}
    outs: [a]
END
  MY_KEY=geheimnis-4711 succeeds run -v
  says "plain ***"
  says_not geheimnis
  not grep -rqF geheimnis .mlops pipeline.lock
  not grep -rqF "$(printf geheimnis-4711 | base64)" .mlops
  succeeds logs
  says "plain ***"
  says_not geheimnis
}

@test "a secret's value is not in the key, its name is" {
  pipeline <<'END'
stages:
  a: {cmd: 'touch a', env: {KEY: {from_env: MY_KEY}}, outs: [a]}
END
  MY_KEY=geheimnis-1 ran executed=1
  MY_KEY=geheimnis-2 ran unchanged=1
  ran unchanged=1
  sed -i 's/KEY: {from/TOKEN: {from/' pipeline.yaml
  MY_KEY=geheimnis-1 ran executed=1
}

@test "key: true puts the value in the key" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo $REGION > a', env: {REGION: {from_env: MY_REGION, key: true}}, outs: [a]}
END
  MY_REGION=north ran executed=1
  MY_REGION=south ran executed=1
  holds 'why("a") == ["env:REGION"]'
  MY_REGION=north ran restored=1
  holds_text a north
}

@test "a variable that is not set is an error that names it, unless there is a default" {
  pipeline <<'END'
stages:
  a: {cmd: 'touch a', env: {KEY: {from_env: MY_KEY}}, outs: [a]}
END
  fails 1 run
  says "MY_KEY"
  says "export MY_KEY"
  sed -i 's/from_env: MY_KEY/from_env: MY_KEY, default: x/' pipeline.yaml
  ran executed=1
}

@test "env_mode strict passes an allowlist and what is declared" {
  pipeline <<'END'
stages:
  a:
    cmd: env > a
    env_mode: strict
    env: {MINE: 1, KEY: {from_env: MY_KEY}}
    outs: [{a: {cache: false}}]
END
  OTHER=2 MY_KEY=abcdef LC_ALL=C.UTF-8 ran executed=1
  grep -q '^MINE=1' a
  grep -q '^KEY=abcdef' a
  grep -q '^PATH=' a
  grep -q '^LC_ALL=' a
  grep -q '^MLOPS_STAGE=a' a
  not grep -q '^OTHER=' a
  not grep -q '^MY_KEY=' a
}

@test "shell: bash fails when a part of a pipe fails, sh does not" {
  pipeline <<'END'
stages:
  sh: {cmd: 'false | true; touch a', outs: [a]}
  bash: {cmd: 'false | true; touch b', shell: bash, outs: [b]}
END
  fails 1 run --json -k
  holds 's["sh"]["status"] == "executed" and s["bash"]["status"] == "failed"'
}

@test "the declared shell is part of the recipe" {
  pipeline <<'END'
stages:
  a: {cmd: 'touch a', outs: [a]}
END
  ran executed=1
  sed -i 's/outs:/shell: bash, outs:/' pipeline.yaml
  ran executed=1
  holds 'why("a") == ["shell:shell"]'
  succeeds plan
}

@test "a stage reads nothing from the terminal of mlops" {
  pipeline <<'END'
stages:
  a: {cmd: 'cat > a', outs: [a]}
END
  status=0
  echo typed | "$MLOPS" run >"$OUT" 2>"$ERR" || status=$?
  [ "$status" -eq 0 ]
  holds_text a ""
}

@test "environment: true runs the stage again when a package changes, not for another PATH" {
  python=$(readlink -f "$(command -v "$PYTHON")")
  site=.venv/lib/python$("$PYTHON" -c 'import sys; print("%d.%d" % sys.version_info[:2])')/site-packages
  mkdir -p .venv/bin "$site/numpy-1.24.2.dist-info"
  ln -s "$python" .venv/bin/python
  printf 'home = %s\ninclude-system-site-packages = false\n' "$(dirname "$python")" >.venv/pyvenv.cfg
  pipeline <<'END'
stages:
  a: {cmd: '.venv/bin/python -c "open(chr(97), chr(119))"', environment: true, outs: [a]}
  b: {cmd: 'touch b', environment: true, outs: [b]}
  c: {cmd: 'touch c', outs: [c]}
END
  ran executed=3
  PATH=$PATH:/nowhere VIRTUAL_ENV=/other ran unchanged=3
  mv "$site/numpy-1.24.2.dist-info" "$site/numpy-1.26.0.dist-info"
  ran executed=1 unchanged=2
  holds 'why("a") == ["environment:environment"]'
  holds 's["a"]["reasons"][0]["before"] == "numpy 1.24.2"'
  holds 's["a"]["reasons"][0]["after"] == "numpy 1.26.0"'
  mv "$site/numpy-1.26.0.dist-info" "$site/numpy-1.24.2.dist-info"
  ran unchanged=3
}

@test "\${} of a value that nothing gives is refused, \\\${} is the shell's own" {
  pipeline <<'END'
stages:
  a: {cmd: 'echo ${X} > a', outs: [a]}
END
  fails 3 run
  says 'pipeline.yaml:2:'
  says 'write \${X}'
  sed -i 's/\${X}/\\${X}/' pipeline.yaml
  X=5 ran executed=1
  holds_text a 5
}
