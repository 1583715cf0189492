load helper

schema() {
  cat >"${1:-schema.yaml}"
}

people() {
  schema <<'EOF'
fields:
  - {name: id, type: integer, constraints: {required: true, unique: true}}
  - {name: name, type: string, constraints: {minLength: 2, pattern: '[A-Z].*'}}
  - {name: age, type: integer, constraints: {minimum: 18, maximum: 120}}
  - {name: colour, type: string, constraints: {enum: [red, green]}}
EOF
}

@test "a table that conforms: status 0 and one line" {
  people
  printf 'id,name,age,colour\n1,Ann,30,red\n2,Bob,18,\n' >data.csv
  succeeds data validate data.csv --schema schema.yaml
  [ "$(cat "$OUT")" = 'data.csv: 2 records conform to schema.yaml' ]
  succeeds data validate data.csv --schema schema.yaml --quiet
  [ ! -s "$OUT" ]
  succeeds data validate data.csv --schema schema.yaml --json
  holds 'r["valid"] and r["errors"] == [] and r["groups"] == [] and r["record_count"] == 2'
  holds 'r["path"] == "data.csv" and r["schema_version"] == 1 and r["errors_complete"]'
  [ ! -e .mlops ]
}

@test "violations are grouped by field and kind, with counts and the first records" {
  people
  printf 'id,name,age,colour\n1,Ann,17,red\n1,b,x,blue\n,Bo,500,green\n' >data.csv
  fails 1 data validate data.csv --schema schema.yaml
  says "age: minimum: 1 cell, expected at least 18"
  says "record 2       column 3    '17'"
  says "age: type-error: 1 cell, expected an integer"
  says "colour: enum: 1 cell, expected one of red, green"
  says 'data.csv: 8 violations of schema.yaml in 3 records'
  fails 1 data validate data.csv --schema schema.yaml --json
  holds 'not r["valid"] and r["error_count"] == 8 and len(r["errors"]) == 8'
  holds '{(e["row"], e["field"], e["type"], e.get("constraint")) for e in r["errors"]} == {
    (2, 3, "constraint-error", "minimum"), (3, 1, "unique-error", None), (3, 2, "constraint-error", "minLength"),
    (3, 2, "constraint-error", "pattern"), (3, 3, "type-error", None), (3, 4, "constraint-error", "enum"),
    (4, 1, "constraint-error", "required"), (4, 3, "constraint-error", "maximum")}'
  holds '[e["value"] for e in r["errors"] if e["type"] == "unique-error"] == ["1"]'
}

@test "twenty of a group are shown, all are counted and, if asked for, listed" {
  schema <<<'fields: [{name: a, type: integer}, {name: b, type: string, constraints: {unique: true}}]'
  { echo a,b; for i in $(seq 1000); do echo "x$i,same"; done; } >data.csv
  fails 1 data validate data.csv --schema schema.yaml --json
  holds '[g["count"] for g in r["groups"]] == [1000, 999]'
  holds '[[s["row"] for s in g["shown"]] for g in r["groups"]] == [list(range(2, 22)), list(range(3, 23))]'
  holds 'r["groups"][1]["shown"][0]["value"] == "same" and r["groups"][1]["shown"][0]["line"] == 3'
  holds 'len(r["errors"]) == 40 and not r["errors_complete"] and r["error_count"] == 1999'
  fails 1 data validate data.csv --schema schema.yaml --json --all-errors
  holds 'len(r["errors"]) == 1999 and r["errors_complete"]'
  holds '[(e["row"], e["field"]) for e in r["errors"]] == sorted((e["row"], e["field"]) for e in r["errors"])'
  holds 'r["errors"][-1] == {"row": 1001, "field": 2, "type": "unique-error", "name": "b", "value": "same"}'
  fails 1 data validate data.csv --schema schema.yaml --all-errors
  says "data.csv: record 1001, column 1 (a): type-error: 'x1000'"
  fails 1 data validate data.csv --schema schema.yaml
  says '... 980 more'
}

@test "answers are the same whatever the number of threads" {
  people
  python3 -c '
import random
random.seed(5)
print("id,name,age,colour")
for i in range(200000):
    print(random.randrange(150000), random.choice(["Ann", "b", "Ünal", ""]), random.randrange(10, 130),
          random.choice(["red", "green", "blue"]), sep=",")' >data.csv
  fails 1 data validate data.csv --schema schema.yaml --json --all-errors -j 1
  cp "$OUT" one.json
  fails 1 data validate data.csv --schema schema.yaml --json --all-errors -j 2
  cmp "$OUT" one.json
  fails 1 data validate data.csv --schema schema.yaml --json --all-errors -j 5
  cmp "$OUT" one.json
}

@test "labels: what is missing, extra, blank, repeated or in another place" {
  printf 'a,b\n1,2\n' >data.csv
  schema <<<'fields: [{name: b}, {name: a}, {name: c}]'
  fails 1 data validate data.csv --schema schema.yaml
  says "header: incorrect-label: expected the label 'b' at column 1, found 'a'"
  says "header: missing-label: expected a column 'c' at column 3"
  schema <<<'{fields: [{name: b}, {name: a}, {name: c}], fieldsMatch: superset}'
  succeeds data validate data.csv --schema schema.yaml
  schema <<<'{fields: [{name: b}, {name: a}, {name: c, constraints: {required: true}}], fieldsMatch: superset}'
  fails 1 data validate data.csv --schema schema.yaml --json
  holds '[(e["row"], e["field"], e["type"], e["name"]) for e in r["errors"]] == [(None, 3, "missing-label", "c")]'
  schema <<<'{fields: [{name: x}], fieldsMatch: partial}'
  fails 1 data validate data.csv --schema schema.yaml --json
  holds '[(e["row"], e["field"], e["type"]) for e in r["errors"]] == [(None, None, "unmatched-header")]'
}

@test "keys of other tables are read through --resource" {
  schema codes.yaml <<<'fields: [{name: code, type: string}, {name: n, type: integer}]'
  printf 'code,n\nCA,01\nTX,2\n' >codes.csv
  printf 'state,k\nCA,1\nTX,3\nCA,\n,\n' >data.csv
  schema <<'EOF'
fields: [{name: state, type: string}, {name: k, type: number}]
foreignKeys:
  - {fields: [state, k], reference: {resource: codes, fields: [code, n]}}
EOF
  fails 1 data validate data.csv --schema schema.yaml --resource codes=codes.csv:codes.yaml --json
  holds '[(e["row"], e["field"], e["type"], e.get("value")) for e in r["errors"] if e["type"] == "foreign-key"] == [
    (3, None, "foreign-key", "TX, 3"), (4, None, "foreign-key", "CA, ")]'
  fails 3 data validate data.csv --schema schema.yaml
  says "names the resource 'codes', which is not given"
  says '--resource codes=FILE:SCHEMA'
  fails 2 data validate data.csv --schema schema.yaml --resource codes
  says 'NAME=FILE:SCHEMA'
  fails 2 data validate data.csv --schema schema.yaml --resource codes=codes.csv:codes.yaml --resource codes=codes.csv
  says 'given twice'
  fails 4 data validate data.csv --schema schema.yaml --resource codes=gone.csv:codes.yaml
  says "gone.csv"
  fails 3 data validate data.csv --schema schema.yaml --resource codes=codes.csv:gone.yaml
  says "gone.yaml"
  schema codes.yaml <<<'fields: [{name: code, type: string}, {name: other}]'
  fails 3 data validate data.csv --schema schema.yaml --resource codes=codes.csv:codes.yaml
  says "no field 'n'"
}

@test "a resource that no key names is told" {
  schema <<<'fields: [{name: a}]'
  printf 'a\n1\n' >data.csv
  succeeds data validate data.csv --schema schema.yaml --resource x=data.csv
  says "no foreign key of schema.yaml names the resource 'x'"
}

@test "mistakes in the schema are told with their places, before anything is read" {
  printf 'a\n1\n' >data.csv
  schema <<'EOF'
fields:
  - {name: a, type: integr}
  - {name: b, type: string, constraints: {minimum: 1}}
  - {name: c, type: string, constraints: {pattern: '('}}
EOF
  fails 3 data validate data.csv --schema schema.yaml
  says "schema.yaml:2:"
  says "schema.yaml:3:"
  says "schema.yaml:4:"
  schema <<<'fields: [{name: a, type: object, constraints: {jsonSchema: {$ref: "other.json"}}}]'
  fails 3 data validate data.csv --schema schema.yaml
  says "'\$ref' leads to 'other.json'"
  fails 3 data validate data.csv --schema gone.yaml
  says gone.yaml
  fails 2 data validate data.csv
  says "needs --schema"
  fails 2 data validate
}

@test "JSON in cells is checked by its schema" {
  schema <<'EOF'
fields:
  - name: v
    type: object
    constraints:
      jsonSchema: {type: object, required: [a], properties: {a: {type: integer, minimum: 1}}}
EOF
  printf 'v\n"{""a"": 1}"\n"{""a"": 0}"\n"{""b"": 1}"\n[1]\n' >data.csv
  fails 1 data validate data.csv --schema schema.yaml --json
  holds '[(e["row"], e["type"]) for e in r["errors"]] == [
    (3, "constraint-error"), (4, "constraint-error"), (5, "type-error")]'
}

@test "JSON tables: keys in any order, values with their types" {
  schema <<<'fields: [{name: b, type: string}, {name: a, type: integer, constraints: {required: true}}]'
  printf '{"a": 1, "b": "x"}\n{"b": "y", "a": 2}\n{"b": "z"}\n{"a": "3", "b": 4}\n' >data.jsonl
  fails 1 data validate data.jsonl --schema schema.yaml --json
  holds '[(e["row"], e["name"], e["type"]) for e in r["errors"]] == [
    (3, "a", "constraint-error"), (4, "b", "type-error")]'
  printf '[{"a": 1}, {"a": 2, "c": 3}]' >data.json
  fails 1 data validate data.json --schema schema.yaml --json
  holds '{(e["name"] if "name" in e else e["value"], e["type"]) for e in r["errors"]} == {
    ("b", "missing-label"), ("c", "extra-label")}'
}

@test "a hostile pattern ends with an error that names it" {
  schema <<<"fields: [{name: a, type: string, constraints: {pattern: '(a+)+[bc]'}}]"
  printf 'a\nab\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaad\n' >data.csv
  fails 3 data validate data.csv --schema schema.yaml
  says "record 3, field 'a'"
  says "pattern '(a+)+[bc]' takes more than"
}

@test "what is no table is refused: a FIFO, a directory, nothing, NUL bytes" {
  schema <<<'fields: [{name: a}]'
  mkfifo pipe.csv
  fails 4 data validate pipe.csv --schema schema.yaml
  says FIFO
  mkdir folder.csv
  fails 4 data validate folder.csv --schema schema.yaml
  fails 4 data validate gone.csv --schema schema.yaml
  : >empty.csv
  fails 3 data validate empty.csv --schema schema.yaml
  printf 'a\n1\0\n' >nul.csv
  fails 3 data validate nul.csv --schema schema.yaml
  says 'record 2'
}

@test "JUnit XML: a test for each field and violation" {
  people
  printf 'id,name,age,colour\n1,"A<b>&",17,red\n,,,\n' >data.csv
  fails 1 data validate data.csv --schema schema.yaml --format junit
  cp "$OUT" junit.xml
  python3 - <<'EOF'
import xml.etree.ElementTree as tree
suite = tree.parse("junit.xml").getroot().find("testsuite")
names = [case.get("name") for case in suite]
assert names == ["age: minimum", "records: blank-row", "id", "name", "colour"], names
assert suite.get("tests") == "5" and suite.get("failures") == "2", suite.attrib
failure = suite[0].find("failure")
assert failure.get("type") == "minimum" and "data.csv:2: record 2, age: '17'" in failure.text, failure.text
EOF
}

@test "SARIF: a result for each place" {
  schema <<<'fields: [{name: name}, {name: age, type: integer, constraints: {minimum: 18}}]'
  printf 'name,age\n"A\n<b>",17\nAnn,3\n' >"my data.csv"
  fails 1 data validate "my data.csv" --schema schema.yaml --format sarif -o out.sarif
  [ ! -s "$OUT" ]
  python3 - <<'EOF'
import json
run = json.load(open("out.sarif"))["runs"][0]
assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["minimum"]
places = [r["locations"][0]["physicalLocation"] for r in run["results"]]
assert [p["region"]["startLine"] for p in places] == [2, 4], places
assert places[0]["artifactLocation"]["uri"] == "my%20data.csv"
assert run["results"][0]["level"] == "error"
EOF
}

@test "groups as CSV and Markdown" {
  people
  printf 'id,name,age,colour\n1,Ann,17,red\n' >data.csv
  fails 1 data validate data.csv --schema schema.yaml --format csv
  says 'column,field,type,constraint,expected,count,first_row,first_value'
  says '3,age,constraint-error,minimum,at least 18,1,2,17'
  fails 1 data validate data.csv --schema schema.yaml --format md
  says '| age |'
}

@test "a stray quote is a warning: the table conforms" {
  schema <<<'fields: [{name: a}, {name: b}]'
  printf 'a,b\n1,x"y\n' >data.csv
  succeeds data validate data.csv --schema schema.yaml --json
  holds 'r["valid"] and r["warning_count"] == 1 and r["groups"][0]["type"] == "stray-quote"'
}

@test "hostile tables end with the place of the fault" {
  schema <<<'{fields: [{name: a}, {name: b}]}'
  printf 'a,b\n' >header-only.csv
  succeeds data validate header-only.csv --schema schema.yaml
  says '0 records conform'
  printf 'a,b\n1,2\n3\n4,5,6\n' >ragged.csv
  fails 1 data validate ragged.csv --schema schema.yaml --json
  holds '[(e["row"], e["field"], e["type"]) for e in r["errors"]] == [(3, 2, "missing-cell"), (4, 3, "extra-cell")]'
  holds '[g["shown"][0]["line"] for g in r["groups"]] == [3, 4]'
  printf 'a,b\n1,"two\nlines"\n5,6\n7\n' >quoted.csv
  fails 1 data validate quoted.csv --schema schema.yaml --json
  holds '[(s["row"], s["line"]) for s in r["groups"][0]["shown"]] == [(4, 5)]'
  printf '\357\273\277a,b\n1,2' >bom.csv
  succeeds data validate bom.csv --schema schema.yaml
  says '1 record conforms'
  printf 'a,b\n\n1,2\n\n\n' >blank.csv
  fails 1 data validate blank.csv --schema schema.yaml --json
  holds '{e["type"] for e in r["errors"]} == {"blank-row"} and r["errors"][0]["row"] == 2'
  printf 'a,b\n1,caf\351\n' >latin1.csv
  fails 3 data validate latin1.csv --schema schema.yaml
  says 'record 2'
  says 'UTF-8'
  printf '"\n' >quote.csv
  fails 3 data validate quote.csv --schema schema.yaml
  printf 'a,,b\n1,2,3\n' >unnamed.csv
  schema <<<'{fields: [{name: a}, {name: x}, {name: b}]}'
  fails 1 data validate unnamed.csv --schema schema.yaml
  says 'blank-label'
}

@test "the dialect of a resource is not passed over in silence" {
  printf 'a;b\n1;2\n' >semi.csv
  cat >package.json <<'END'
{"resources": [{"name": "semi", "path": "semi.csv", "dialect": {"delimiter": ";"},
  "schema": {"fields": [{"name": "a", "type": "integer"}, {"name": "b", "type": "integer"}]}}]}
END
  fails 1 data validate semi.csv --schema package.json
  says "package.json:1:64: the 'dialect' of a resource is not read: write it to a file for --dialect"
}
