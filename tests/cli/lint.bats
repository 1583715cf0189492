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
  holds '{w["rule"] for w in r["warnings"]} == {"unfollowed-validate", "undeclared-file", "plain-secret", "missing-dep"}'
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
