load helper

@test "a good pipeline has no warnings" {
  two_stages
  succeeds lint
  says '2 stages, 0 warnings'
  [ ! -e .mlops ]
}

@test "errors are told together, with their places, as status 3" {
  pipeline <<'END'
stages:
  a:
    cmd: 'true'
    depend: [x]
  b:
    command: 'true'
END
  fails 3 lint
  says "pipeline.yaml:4:5: unknown key 'depend'"
  says 'pipeline.yaml:6:5:'
  fails 3 lint --json
  holds 'r["errors"][0]["line"] == 4 and r["errors"][0]["column"] == 5'
}

@test "warnings name their rule: --strict makes them status 1" {
  two_stages
  echo 'print(1)' >code.py
  pipeline <<'END'
stages:
  check:
    kind: validate
    cmd: python3 code.py --conf=params.yaml
    env: {DB_PASSWORD: hunter2, PLAIN: x, API_TOKEN: {from_env: API_TOKEN}}
    deps: [raw.txt, gone.txt]
END
  succeeds lint --json
  holds '{w["rule"] for w in r["warnings"]} == {"unfollowed-validate", "undeclared-file", "plain-secret", "missing-dep", "unset-variable"}'
  holds 'sum(w["rule"] == "undeclared-file" for w in r["warnings"]) == 2'
  holds 'sum(w["rule"] == "plain-secret" for w in r["warnings"]) == 1'
  says_not hunter2
  fails 1 lint --strict
}

@test "files below a declared directory or glob are declared" {
  mkdir -p src/lib && touch src/a.py src/lib/b.py
  pipeline <<'END'
stages:
  a:
    cmd: python3 src/a.py src/lib/b.py > out.txt
    deps: [src/a.py, 'src/lib/**/*.py']
    outs: [out.txt]
END
  succeeds lint --json
  holds 'r["warnings"] == []'
}

@test "a pattern that matches nothing, and nothing that a stage makes, is told" {
  mkdir src && touch src/a.py
  pipeline <<'END'
stages:
  make:
    cmd: mkdir made; touch made/x.csv
    outs: [made]
  use:
    cmd: 'true'
    deps: ['src/*.py', 'src/*.r', 'made/*.csv']
END
  succeeds lint --json
  holds '[(w["rule"], w["line"], w["column"]) for w in r["warnings"]] == [("missing-dep", 7, 24)]'
}

@test "a variable that is set is not warned of" {
  pipeline <<'END'
stages:
  a:
    cmd: 'true'
    env: {A: {from_env: A_TOKEN}, B: {from_env: B_TOKEN}, C: {from_env: C_TOKEN, default: ''}}
END
  export A_TOKEN=x
  succeeds lint --json
  holds '[w["text"].split()[0] for w in r["warnings"]] == ["B_TOKEN"]'
}

@test "lines of dvc.yaml that count on the line before are told" {
  pipeline dvc.yaml <<'END'
stages:
  a:
    cmd: |
      cd src
      ls
  b:
    cmd: |
      cd src && ls
      true
  c:
    cmd:
      - ls
      - true
END
  sed -i 's/- true/- "true"/' dvc.yaml
  succeeds lint --json dvc.yaml
  holds '[(w["rule"], w["stage"]) for w in r["warnings"]] == [("language", "")]'
  holds 'r["warnings"][0]["line"] == 3 and "of '"'a'"' is run" in r["warnings"][0]["text"]'
}

@test "--resolved prints what is loaded, and the edges" {
  two_stages
  succeeds lint --resolved
  holds 'r["order"] == ["prepare", "train"] and r["edges"] == [["prepare", "train"]]'
  holds 'r["stages"]["train"]["deps"] == ["clean.txt"] and r["model"]["train"]["params"] == {"params.yaml": ["lr"]}'
  holds 'r["model"]["train"]["wdir"] == "." and r["model"]["train"]["outs"] == [{"path": "model.txt"}]'
}

@test "--resolved of what is refused prints the phase" {
  pipeline dvc.yaml <<'END'
stages:
  a: {cmd: 'true', depend: [x]}
END
  fails 3 lint --resolved
  holds 'r["error"]["phase"] == "schema" and "depend" in r["error"]["message"] and "order" not in r'
}

@test "a key that is none is a fault of the schema in our own files, too" {
  pipeline <<'END'
stages:
  a: {cmd: 'true', depend: [x]}
END
  fails 3 lint --resolved
  holds 'r["error"]["phase"] == "schema" and "depend" in r["error"]["message"]'
}

@test "of a file some keys in one layer, others in the next, none twice" {
  printf 'a: 1\nb: 2\nc: 3\n' > o.yaml
  pipeline <<'END'
vars: [o.yaml:a, o.yaml:b]
stages:
  s: {vars: [o.yaml:c], cmd: 'echo ${a} ${b} ${c}'}
END
  succeeds lint --resolved
  holds 'r["stages"]["s"]["cmd"] == "echo 1 2 3"'
  sed -i 's/o.yaml:c/o.yaml:a/' pipeline.yaml
  fails 3 lint
  says 'partially loaded already'
}

@test "--resolved keeps kinds of values apart" {
  pipeline <<'END'
stages:
  a:
    cmd: 'true'
    meta: {i: 1, f: 1.0, s: '1', big: 123456789012345678901234567890, n: .nan, e: 1e-5, z: null, t: true, 3: x}
END
  succeeds lint --resolved
  holds 'repr(r["stages"]["a"]["meta"]) == repr({"i": 1, "f": 1.0, "s": "1", "big": 123456789012345678901234567890, "n": {"__float__": "nan"}, "e": 1e-05, "z": None, "t": True, "3": "x"})'
}

@test "nearest names of tens of thousands of mistyped parameters cost no minutes" {
  seq -f 'abcdefgh%.0f: 1' 20000 > params.yaml
  { echo 'stages:'; echo '  a: {cmd: x, params: ['; seq -f '    zbcdxfgh%.0f,' 20000; echo '    ]}'; } > pipeline.yaml
  succeeds lint
  says '20000 warnings'
}
