# Stages of kind `validate` with `data`: measured once, judged in every run.
load helper

# 100 rows: id, a number, a label, a day that is today.
batch() {
  "$PYTHON" - "${1:-raw.csv}" "${2:-100}" "${3:-0}" <<'END'
import datetime, sys
path, count, shift = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
today = datetime.date.today().isoformat()
with open(path, "w") as out:
    out.write("id,x,label,day\n")
    for i in range(count):
        out.write(f"{i},{i % 10 + shift},{'ab'[i % 4 == 0]},{today}\n")
END
}

# A check whose list of checks is on stdin, and a stage that uses what it guards.
checked() {
  {
    cat <<'END'
stages:
  check:
    kind: validate
    data: raw.csv
    schema: schema.yaml
    report: reports/check.json
    checks:
END
    sed 's/^/      /'
    cat <<'END'
  train:
    cmd: echo train >> "$DID"; wc -l < raw.csv > model.txt
    deps: [raw.csv]
    outs: [model.txt]
END
  } >pipeline.yaml
  [ -e schema.yaml ] || cat >schema.yaml <<'END'
fields:
  - {name: id, type: integer, constraints: {required: true, unique: true}}
  - {name: x, type: number, constraints: {minimum: 0}}
  - {name: label, type: string, constraints: {enum: [a, b]}}
  - {name: day, type: date}
END
}

# The finding of a check, as JSON in $OUT of the last `run --json`.
finding() {
  holds "any(f['check'] == '$1' and f['judgement'] == '$2' ${3:-} for s in r['stages'] if s['name'] == 'check' for f in s['checks']['findings'])"
}

@test "good data pass, what they guard goes on, and the report says so in three forms" {
  batch
  checked <<<'- row_count: {min: 10}'
  succeeds run --json
  holds 'r["counts"]["executed"] == 2 and r["counts"]["measured_tables"] == 1'
  finding schema pass
  finding row_count pass 'and f["value"] == 100'
  [ "$(cat model.txt)" -eq 101 ]
  "$PYTHON" -c '
import json
r = json.load(open("reports/check.json"))
assert r["verdict"] == "passed" and r["stage"] == "check", r
assert r["tables"][0]["profile"]["records"] == 100
names = [c["name"] for c in r["tables"][0]["profile"]["columns"]]
assert names == ["id", "x", "label", "day"], names
'
  grep -q '^## Checks of `check`: passed' reports/check.md
  grep -q '<h1>Checks of check: <span class="pass">passed' reports/check.html
}

@test "what is judged without being measured again is recorded with the result that is stored" {
  batch
  checked <<<'- row_count: {min: 10}'
  succeeds run
  before=$(find .mlops -path '*/res/*' -type f | wc -l)
  succeeds run
  checked <<<'- row_count: {min: 1000}'
  fails 1 run
  fails 1 run
  [ "$(find .mlops -path '*/res/*' -type f | wc -l)" -eq "$before" ]
  succeeds verify
  succeeds verify --rebuild-lineage
  checked <<<'- row_count: {max_change: 1%}'
  succeeds run
}

@test "a threshold that is edited changes the verdict, and nothing is measured or hashed again" {
  batch
  checked <<<'- row_count: {min: 10}'
  succeeds run
  checked <<<'- row_count: {min: 1000}'
  fails 1 run --json
  holds 'r["status"] == "rejected" and r["counts"]["rejected"] == 1 and r["counts"]["executed"] == 0'
  holds 'r["counts"]["measured_tables"] == 0 and r["counts"]["hashed_files"] == 0'
  finding row_count fail 'and f["limit"] == "at least 1000"'
  grep -q 'rejected' reports/check.md
  checked <<<'- row_count: {min: 50}'
  succeeds run --json
  holds 'r["counts"]["measured_tables"] == 0 and r["counts"]["unchanged"] == 2'
  grep -q ': passed' reports/check.md
}

@test "data become stale without a byte of them changing" {
  command -v faketime >/dev/null || skip "faketime is not installed"
  faketime "+0 days" "$MLOPS" version >/dev/null 2>&1 || skip "this build can't be run by faketime"
  batch
  checked <<<'- freshness: {field: day, max_age: 3d}'
  succeeds run
  MLOPS_REAL=$MLOPS
  MLOPS=$BATS_TEST_TMPDIR/later
  printf '#!/bin/sh\nexec faketime "+5 days" %s "$@"\n' "$MLOPS_REAL" >"$MLOPS"
  chmod +x "$MLOPS"
  fails 1 run --json
  holds 'r["counts"]["rejected"] == 1 and r["counts"]["measured_tables"] == 0'
  finding freshness fail
}

@test "another reference run changes the verdict, and nothing is measured again" {
  batch
  checked <<<'- drift: {against: {run: base}, fields: [x]}'
  fails 4 run --json
  checked <<<'- row_count: {min: 1}'
  succeeds run
  succeeds tag @ base
  batch raw.csv 100 50
  succeeds run
  succeeds tag @ other
  checked <<<'- drift: {against: {run: base}, fields: [x]}'
  fails 1 run --json
  finding drift fail 'and f["field"] == "x" and f["kind"] == "psi" and f["value"] > 1'
  holds 'r["counts"]["measured_tables"] == 0'
  checked <<<'- drift: {against: {run: other}, fields: [x]}'
  succeeds run --json
  finding drift pass
  holds 'r["counts"]["measured_tables"] == 0'
  succeeds tag --delete base
  succeeds tag other base2
}

@test "behind a rejection nothing that is guarded runs or is restored" {
  batch
  checked <<<'- row_count: {min: 1}'
  succeeds run
  rm model.txt
  checked <<<'- row_count: {min: 1000}'
  fails 1 run --json
  holds 'r["counts"]["skipped"] == 1 and r["counts"]["restored"] == 0'
  [ ! -e model.txt ]
  succeeds plan
  says "train  skipped"
  checked <<<'- row_count: {min: 1}'
  succeeds run --json
  holds 'r["counts"]["restored"] == 1'
  [ "$(cat "$DID")" = train ]
}

@test "a stage that runs alone asks its guard, which judges what it measured before" {
  batch
  checked <<<'- row_count: {min: 1}'
  succeeds run
  rm model.txt "$DID"
  checked <<<'- row_count: {min: 1000}'
  for options in "--only" "--only --force" "--downstream" "--only --no-restore"; do
    # shellcheck disable=SC2086
    fails 1 run $options train
    says "'check' guards what it reads and has not passed on it"
    [ ! -e model.txt ]
  done
  fails 1 run
  fails 1 run --only train
  [ ! -e "$DID" ]
  checked <<<'- row_count: {min: 1}'
  succeeds run --only train --json
  counts restored=1
}

@test "what was measured is kept although it could not be judged or reported" {
  batch
  checked <<<'- drift: {against: {run: nowhere}}'
  fails 4 run
  fails 4 run --json
  holds 'r["counts"]["measured_tables"] == 0'
  [ ! -e "$DID" ]
  succeeds verify
  succeeds plan --json
  holds 's["check"]["status"] == "failed" and s["train"]["status"] == "skipped"'
  succeeds why check
  says "'check' was measured, but can't be judged"
  succeeds show --json
  holds '"measured_tables" not in r["counts"]'
  echo in the way >reports
  checked <<<'- row_count: {min: 1}'
  fails 4 run
  refute_says() { ! grep -qF -- "$1" "$ERR"; }
  refute_says "unfinished"
  rm reports
  succeeds run --json
  holds 'r["counts"]["measured_tables"] == 0 and s["check"]["status"] == "unchanged"'
  succeeds verify
}

@test "violations of the schema are told by kind and column, with rows and values" {
  batch
  sed -i '5s/.*/4,abc,z,2024-01-01/; 6s/.*/4,-3,a,not a day/' raw.csv
  checked <<<'- row_count: {min: 1}'
  fails 1 run
  says "'x' must be a number; 1 of 100 is not: row 5 'abc'"
  says "row 6 '-3'"
  says "row 5 'z'"
  says "row 6 'not a day'"
  succeeds show
  says "fail  schema"
  succeeds show --json
  holds 'any(f["kind"] == "unique-error" and f["shown"][0]["row"] == 6 for s in r["stages"] if s["name"] == "check" for f in s["checks"]["findings"])'
}

@test "CI systems get JUnit XML and SARIF" {
  batch
  sed -i '5s/.*/4,abc,z,2024-01-01/' raw.csv
  checked <<<'- row_count: {min: 1}'
  fails 1 run --format junit
  "$PYTHON" - "$OUT" <<'END'
import sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
cases = {case.get("name"): case for case in root.iter("testcase")}
assert cases["check: raw: schema: x: type-error"].find("failure") is not None, cases
assert cases["check: raw: row_count"].find("failure") is None
END
  succeeds show --format sarif
  "$PYTHON" - "$OUT" <<'END'
import json, sys
log = json.load(open(sys.argv[1]))
rules = {r["ruleId"] for r in log["runs"][0]["results"]}
assert log["version"] == "2.1.0" and "type-error" in rules and "enum" in rules, rules
END
  fails 2 plan --format junit
}

@test "some violations may be let pass, and a warning is shown but stops nobody" {
  batch
  sed -i '5s/.*/3,abc,a,2024-01-01/' raw.csv
  checked <<<'- schema: {max_share: 2%}'
  succeeds run --json
  finding schema pass 'and f["count"] == 1'
  checked <<<'- schema: {severity: warn}'
  succeeds run
  says "warn  'x' must be a number"
  succeeds run --json
  finding schema warn
}

@test "rows against the last run that passed, not against the last" {
  batch
  checked <<<'- row_count: {max_change: 20%}'
  succeeds run --json
  finding row_count skip
  batch raw.csv 40
  fails 1 run --json
  finding row_count fail
  fails 1 run --json
  finding row_count fail
  batch raw.csv 90
  succeeds run --json
  finding row_count pass
}

@test "repeated rows, nulls, constants, outliers, bounds and correlations" {
  "$PYTHON" - >raw.csv <<'END'
print("id,x,y,c,n,o")
for i in range(100):
    print(f"{i},{i},{2 * i + 1},same,{'' if i < 30 else i},{1000 if i < 8 else i % 5}")
print("5,5,11,same,,1000")
END
  pipeline <<'END'
stages:
  check:
    kind: validate
    data: raw.csv
    checks:
      - duplicate_rows
      - duplicate_rows: {fields: [c], max_share: 100%, severity: warn}
      - null_values: {fields: [n, x], max_share: 25%}
      - constant: {fields: [c]}
      - outliers: {fields: [o]}
      - outliers: {fields: [x], method: zscore}
      - stat: {field: x, mean: [40, 45], p95: [null, 90], distinct: [100, 100]}
      - correlation: {fields: [x, y]}
END
  fails 1 run --json
  finding duplicate_rows fail 'and f["value"] == 1 and f["shown"] == [{"row": 102}]'
  finding duplicate_rows pass 'and f["value"] == 100'
  finding null_values fail 'and f["field"] == "n" and f["count"] == 31'
  finding null_values pass 'and f["field"] == "x"'
  finding constant fail 'and f["field"] == "c"'
  finding outliers fail 'and f["field"] == "o" and 0.05 < f["value"] < 0.1'
  finding outliers pass 'and f["field"] == "x"'
  finding stat fail 'and f["kind"] == "mean"'
  finding stat fail 'and f["kind"] == "p95"'
  finding stat pass 'and f["kind"] == "distinct"'
  finding correlation fail 'and f["value"] > 0.99'
}

@test "rows and keys of the training data in the test data, and their order in time" {
  printf 'id,x,day\n1,a,2024-01-01\n2,b,2024-01-05\n' >train.csv
  printf 'day,id,x\n2024-01-03,3,c\n2024-01-05,2,b\n2024-01-09,1,z\n' >test.csv
  pipeline <<'END'
stages:
  check:
    kind: validate
    data: {train: train.csv, test: test.csv}
    checks:
      - leakage: {between: [train, test]}
      - leakage: {between: [train, test], keys: [id], max: 1}
      - leakage: {between: [train, test], except: [id, x, day], max: 5, time: day}
END
  fails 1 run --json
  finding leakage fail 'and f["value"] == 1 and f["shown"] == [{"row": 3}]'
  finding leakage fail 'and f["value"] == 2'
  finding leakage fail 'and f["field"] == "day"'
}

@test "labels: balance, new ones, and a shift against the training data" {
  printf 'label\na\na\na\nb\n' >train.csv
  printf 'label\na\nb\nb\nc\n' >new.csv
  pipeline <<'END'
stages:
  check:
    kind: validate
    data: {train: train.csv, new: new.csv}
    checks:
      - labels: {table: new, field: label, min_share: 30%}
      - labels: {table: new, field: label, against: {table: train}, new: 0, max_drift: 0.3}
      - drift: {table: new, against: {table: train}, method: linf, threshold: 0.6}
END
  fails 1 run --json
  finding labels fail 'and f["kind"] == "balance" and f["value"] == 0.25'
  finding labels fail 'and f["kind"] == "new" and f["value"] == 1'
  finding labels fail 'and f["kind"] == "drift" and f["value"] == 0.5'
  finding drift pass 'and f["value"] == 0.5'
}

@test "drift against a file: each column, or the share of columns that may" {
  batch reference.csv
  batch raw.csv 100 5
  checked <<<'- drift: {against: reference.csv, fields: [x, label]}'
  fails 1 run --json
  finding drift fail 'and f["field"] == "x" and "deciles" in f["formula"]'
  finding drift pass 'and f["field"] == "label"'
  checked <<<'- drift: {against: reference.csv, fields: [x, label], max_share: 50%}'
  succeeds run --json
  holds 'r["counts"]["measured_tables"] == 0'
  finding drift pass 'and f["field"] is None and f["value"] == 0.5'
}

@test "drift against an earlier version of a tracked file" {
  git_init
  batch
  succeeds add raw.csv
  checked <<<'- drift: {against: {path: raw.csv, rev: v1}, fields: [x]}'
  commit_all
  git tag v1
  succeeds run --json
  finding drift pass
  batch raw.csv 100 50
  succeeds add raw.csv
  fails 1 run --json
  finding drift fail
  checked <<<'- drift: {against: {path: raw.csv, rev: nowhere}, fields: [x]}'
  fails 4 run
  says "'nowhere' is no git revision"
}

@test "a file that is no table is rejected with its place, and the next good one passes" {
  batch
  checked <<<'- row_count: {min: 1}'
  printf 'id,x,label,day\n1,2,a,\0\n' >raw.csv
  fails 1 run
  says "raw.csv:2: record 2"
  succeeds show --json
  holds 'r["stages"][0]["checks"]["findings"][0]["kind"] == "unreadable"'
  : >raw.csv
  fails 1 run
  batch
  succeeds run
}

@test "a schema that is wrong is told before anything runs" {
  batch
  checked <<<'- row_count: {min: 1}'
  cat >schema.yaml <<'END'
fields:
  - {name: id, type: integr}
END
  sed -i 's/^  train:/  first:\n    cmd: echo first >> "$DID"\n    outs: []\n  train:/' pipeline.yaml
  fails 3 run
  says "schema.yaml:2:"
  [ ! -e "$DID" ]
}

@test "a schema of another file, or a key that leads nowhere, is told before anything runs" {
  batch
  checked <<<'- row_count: {min: 1}'
  echo 'fields: [{name: id}]' >real.yaml
  echo '{"resources": [{"name": "raw", "path": "raw.csv", "schema": "real.yaml"}]}' >schema.yaml
  fails 3 run
  says "the schema of 'schema.yaml' lies in another file, 'real.yaml'"
  cat >schema.yaml <<'END'
fields: [{name: id, type: integer}]
fieldsMatch: subset
foreignKeys:
  - {fields: id, reference: {resource: others, fields: id}}
END
  fails 3 run
  says "schema.yaml:4:"
  says "'others', which is no table of the stage"
}

@test "what a check can't be is told with its place" {
  batch
  checked <<<'- row_count: {minimum: 1}'
  fails 3 plan
  says "pipeline.yaml:8:21: unknown key 'minimum' of check 'row_count'"
  checked <<<'- rowcount: {min: 1}'
  fails 3 plan
  says "there is no check 'rowcount' (did you mean 'row_count'?)"
}

@test "a file of the user's is never taken for a report" {
  batch
  checked <<<'- row_count: {min: 1}'
  mkdir reports
  echo mine >reports/check.md
  fails 3 run
  says "'reports/check.md' is in the place of a report and is none"
  [ "$(cat reports/check.md)" = mine ]
}

@test "tables of one stage are named by each other's foreign keys" {
  printf 'order,customer\n1,7\n2,9\n' >orders.csv
  printf 'id\n7\n8\n' >customers.csv
  pipeline <<'END'
stages:
  check:
    kind: validate
    data:
      customers: {path: customers.csv, schema: {fields: [{name: id, type: integer}], primaryKey: id}}
      orders:
        path: orders.csv
        schema:
          fields: [{name: order, type: integer}, {name: customer, type: integer}]
          foreignKeys: [{fields: customer, reference: {resource: customers, fields: id}}]
END
  fails 1 run --json
  finding schema fail 'and f["kind"] == "foreign-key" and f["shown"][0]["row"] == 3'
}

@test "a history of before is read as it is, and brought up to date by the first run" {
  batch
  checked <<<'- row_count: {min: 10, max_change: 5%}'
  succeeds run
  "$PYTHON" -c '
import sqlite3
history = sqlite3.connect(".mlops/lineage.db")
history.executescript("""DROP TABLE finding; DROP TABLE judgement; DROP TABLE course; DROP TABLE quantity;
  DROP TABLE lane; DROP TABLE report; DROP TABLE trial_run; DROP TABLE trial; DROP TABLE sweep;
  PRAGMA user_version = 1;""")
'
  for words in plan status runs "show @" "why train" "run --dry-run"; do
    # shellcheck disable=SC2086
    succeeds $words
  done
  [ ! -e .mlops/lineage.db.v1 ]
  succeeds run
  [ -e .mlops/lineage.db.v1 ]
  succeeds show
  says "row_count"
  batch raw.csv 200
  fails 1 run
}

@test "a fresh clone judges what a remote has measured, and reads no table" {
  git_init
  batch
  checked <<<'- row_count: {min: 10}'
  succeeds run
  succeeds remote add store "$BATS_TEST_TMPDIR/store" --default
  succeeds config set remote.store.trust true
  succeeds add raw.csv
  commit_all
  succeeds push
  git clone -q . ../clone
  cd ../clone
  succeeds run --pull --json
  holds 'r["counts"]["measured_tables"] == 0 and r["counts"]["executed"] == 0'
  finding row_count pass
}

@test "runs that only judge leave nothing damaged behind, and name what they judged" {
  batch
  checked <<<'- row_count: {min: 10}'
  succeeds run
  succeeds run
  checked <<<'- row_count: {min: 1000}'
  fails 1 run
  fails 1 run
  succeeds verify
  says "0 faults"
  "$PYTHON" - <<'END'
import sqlite3
rows = sqlite3.connect(".mlops/lineage.db").execute("SELECT run, result, rejected FROM judgement ORDER BY run").fetchall()
assert [row[2] for row in rows] == [0, 0, 1, 1], rows
assert len({row[1] for row in rows}) == 1 and rows[0][1], rows
END
  succeeds verify --rebuild-lineage
  checked <<<'- row_count: {min: 10}'
  succeeds run --json
  holds 'r["counts"]["measured_tables"] == 0 and r["counts"]["unchanged"] == 2'
}

@test "a finding names its table where a stage has several" {
  batch && batch old.csv 100 50
  pipeline <<'END'
stages:
  check:
    kind: validate
    data: [raw.csv, old.csv]
    checks: [{row_count: {min: 1000}}]
END
  fails 1 run
  grep -q "fail  raw: 100 rows; wanted: at least 1000" "$ERR"
  grep -q "fail  old: 100 rows; wanted: at least 1000" "$ERR"
}

@test "columns that the schema lacks are told by their names" {
  batch
  pipeline <<'END'
stages:
  check:
    kind: validate
    data: raw.csv
    schema: {fields: [{name: id, type: integer}, {name: y, type: number}]}
END
  fails 1 run
  grep -q "header: incorrect-label: expected the label 'y' at column 2, found 'x'" "$ERR"
  grep -q "header: extra-label: expected no more columns than fields at column 4, found 'day'" "$ERR"
  grep -q "column 4: extra-cell, 100 of 100 rows: row 2 " "$ERR"
}

@test "a reference that can't be loaded leaves nothing unfinished" {
  batch
  echo '- drift: {against: {run: nosuchrun}}' | checked
  fails 4 run check
  grep -q "nosuchrun" "$ERR"
  echo '- row_count: {min: 1}' | checked
  succeeds run
  ! grep -q "unfinished" "$ERR" || tell "left unfinished"
}

@test "labels of true and false are the same in every spelling" {
  printf 'ok\nTrue\nFalse\nTrue\n' >raw.csv
  printf 'ok\ntrue\nfalse\ntrue\n' >old.csv
  pipeline <<'END'
stages:
  check:
    kind: validate
    data: raw.csv
    checks:
      - labels: {field: ok, against: old.csv, new: 0, max_drift: 0}
END
  succeeds run
}

@test "no two cases of JUnit have one name" {
  batch
  echo '- row_count: {min: 1, max_change: 10%}' | checked
  succeeds run --format junit
  [ "$(grep -o '<testcase [^>]*' "$OUT" | sort | uniq -d | wc -l)" -eq 0 ] || tell "names repeat"
}

@test "cells behind the header's are counted as cells" {
  printf 'a,b\n1,2,3,4\n1,2,3\n' >raw.csv
  pipeline <<'END'
stages:
  check:
    kind: validate
    data: raw.csv
    schema: {fields: [{name: a, type: integer}, {name: b, type: integer}]}
END
  fails 1 run
  grep -q "extra-cell, 3 in 2 rows: row 2, row 2, row 3" "$ERR" || tell "no such finding"
}

@test "why a stage of checks measures anew is told in words" {
  batch
  echo '- row_count: {min: 1}' | checked
  succeeds run
  echo '- duplicate_rows' | checked
  succeeds why check
  says "what is to be measured changed (tables, schemas, or what checks need)"
  ! grep -q "data measure" "$OUT" || tell "the command is shown"
}

@test "order in time is told with both moments" {
  printf 'id,day\n1,2026-01-05\n2,2026-01-09\n' >old.csv
  printf 'id,day\n3,2026-01-07\n4,2026-01-12\n' >new.csv
  pipeline <<'END'
stages:
  check:
    kind: validate
    data: [old.csv, new.csv]
    checks: [{leakage: {between: [old, new], keys: id, time: day}}]
END
  fails 1 run
  grep -q "'day' of 'new' begins before 'old' ends: 2026-01-07, 2026-01-09" "$ERR"
}

@test "what was measured and can't be judged need not be measured again" {
  batch
  checked <<<'- drift: {against: {run: nope}}'
  fails 4 run
  checked <<<'- row_count: {min: 1}'
  succeeds run --json
  holds 'r["counts"]["measured_tables"] == 0'
  says_not "unfinished"
  succeeds verify
}

@test "a key of a schema that was hardly meant is a warning" {
  batch
  checked <<<'- row_count: {min: 1}'
  echo 'fields: [{name: id, typ: integer}, {name: x}, {name: label}, {name: day}]' >schema.yaml
  succeeds run
  says "schema.yaml:1:21"
  says "did you mean 'type'?"
}

@test "a run that found its measurements unchanged can be compared with, also behind a rejection" {
  batch
  checked <<<'- row_count: {min: 1}'
  succeeds run
  checked <<<'- row_count: {min: 1000}'
  fails 1 run
  succeeds tag @ rejected
  checked <<<'- row_count: {min: 1}'
  succeeds run
  succeeds tag @ passed
  for run in rejected passed last; do
    checked <<<"- drift: {against: {run: $run}, fields: [x]}"
    succeeds run --json
    finding drift pass
  done
  [ "$("$PYTHON" -c 'import sqlite3; print(sqlite3.connect(".mlops/lineage.db").execute("SELECT count(*) FROM judgement WHERE result IS NULL").fetchone()[0])')" = 0 ]
}

@test "without a schema the form is checked: labels, and as many cells as the header has" {
  pipeline <<'END'
stages:
  check: {kind: validate, data: raw.csv, checks: [{row_count: {min: 1}}]}
  train: {cmd: cp raw.csv model.txt, deps: [raw.csv], outs: [model.txt]}
END
  printf 'a,b\n1,2\n' >raw.csv
  succeeds run --json
  finding schema pass
  printf 'a,b\n1,2\n3\n4,5,6\n' >raw.csv
  fails 1 run --json
  finding schema fail 'and f["kind"] == "missing-cell" and f["field"] == "b" and f["shown"][0]["row"] == 3'
  finding schema fail 'and f["kind"] == "extra-cell" and f["shown"][0]["row"] == 4'
  printf 'a,,a\n1,2,3\n' >raw.csv
  fails 1 run --json
  finding schema fail 'and f["kind"] == "blank-label" and "column 2" in f["message"]'
  finding schema fail 'and f["kind"] == "duplicate-label"'
  sed -i 's/checks: \[/checks: [{schema: {severity: warn}}, /' pipeline.yaml
  succeeds run --json
  finding schema warn
}

@test "what can't be judged was no crash: the next run says nothing of one" {
  batch
  checked <<<'- drift: {against: {run: nosuch}, fields: [x]}'
  fails 4 run
  checked <<<'- row_count: {min: 1}'
  succeeds run
  ! grep -q 'killed' "$ERR"
}

@test "a table of very many columns is rejected and says so" {
  "$PYTHON" -c 'print(",".join(f"c{i}" for i in range(10001)))' >raw.csv
  pipeline <<<'stages: {check: {kind: validate, data: raw.csv, checks: [{row_count: {min: 0}}]}}'
  fails 1 run
  says "raw.csv:1: it has 10001 columns"
}

@test "of Parquet what the footer can't tell is named, check by check" {
  cp "$BATS_TEST_DIRNAME/../unit/data/parquet/groups.parquet" raw.parquet
  pipeline <<'END'
stages:
  check:
    kind: validate
    data: raw.parquet
    schema:
      fields:
        - {name: id, type: integer, constraints: {unique: true, minimum: 2}}
        - {name: price, type: number}
        - {name: name, type: string, constraints: {pattern: a.*}}
    checks: [constant]
END
  fails 1 run --json
  finding schema skip 'and f["message"] == "id: unique (needs the values)"'
  finding schema skip 'and f["message"] == "name: pattern (needs the values)"'
  finding schema fail 'and f["field"] == "id" and f["message"].startswith("'"'id'"' must be at least 2")'
  finding constant skip
}

@test "a column that is named and can't be judged passes nothing" {
  printf 'a,b\nx,1\ny,2\nz,4\n' >raw.csv
  cp raw.csv reference.csv
  for check in 'outliers: {fields: a}' 'correlation: {field: nothing}' 'correlation: {fields: [b, nothing]}'; do
    pipeline <<<"stages: {check: {kind: validate, data: raw.csv, checks: [{$check}]}}"
    fails 1 run --json
    finding "${check%%:*}" fail
  done
  for check in 'correlation: {field: b}' 'drift: {against: reference.csv, method: ks, fields: [a], max_share: 50%}'; do
    pipeline <<<"stages: {check: {kind: validate, data: raw.csv, checks: [{$check}]}}"
    succeeds run --json
    finding "${check%%:*}" skip
  done
}

@test "SARIF names lines of the file, not records" {
  printf 'a,b\n"1\n2",3\nx,y\n' >raw.csv
  pipeline <<<'stages: {check: {kind: validate, data: raw.csv, schema: {fields: [{name: a}, {name: b, type: integer}]}}}'
  fails 1 run --format sarif
  holds 'r["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 4'
}
