# mlops data profile, mlops data infer: what a file holds, and a schema for it.
load helper

# A file with an id, numbers with gaps, few and many texts, dates, true and false.
table() {
  "$PYTHON" - "${1:-table.csv}" "${2:-500}" <<'END'
import csv, random, sys

random.seed(7)
with open(sys.argv[1], "w", newline="", encoding="utf-8") as file:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(["id", "length", "mass", "species", "comment", "day", "is_adult"])
    for i in range(int(sys.argv[2])):
        length = random.gauss(44, 5)
        rows.writerow([
            i + 1,
            "NA" if i % 83 == 7 else "%.2f" % length,
            "" if i % 71 == 3 else round(length * 95 + random.gauss(0, 40)),
            random.choices(["Adelie", "Gentoo", "Chinstrap"], [5, 4, 2])[0],
            'say "hi", %d' % random.randrange(10**9),
            "20%02d-%02d-%02d" % (random.randrange(7, 10), random.randrange(1, 13),
                                  random.randrange(1, 29)),
            random.choice(["true", "false"]),
        ])
END
}

# field COLUMN PYTHON: an expression of the JSON profile's column `c` (and `p`, the profile).
field() {
  "$PYTHON" -c '
import json, sys
p = json.load(open(sys.argv[1]))["profile"]
c = next(c for c in p["columns"] if c["name"] == sys.argv[2])
print(eval(sys.argv[3]))' "$OUT" "$1" "$2"
}

@test "profile prints a row for each column, and what stands out" {
  table
  succeeds data profile table.csv
  says "table.csv: 500 records, 7 columns"
  grep -Eq '^length +number +1\.[0-9] %' "$OUT"
  grep -Eq '^species +string +0 +3 .*Adelie [0-9]+ %, Gentoo [0-9]+ %, Chinstrap [0-9]+ %' "$OUT"
  grep -Eq '^day +date +0 .* 2007-01-' "$OUT"
  says "correlated: 'length' and 'mass', 0.99"
}

@test "the figures are those of pandas" {
  /usr/bin/python3 -c 'import pandas' 2>/dev/null || skip "pandas is not installed"
  table
  succeeds data profile table.csv --json
  /usr/bin/python3 - "$OUT" <<'END'
import json, math, sys
import pandas

profile = json.load(open(sys.argv[1]))["profile"]
frame = pandas.read_csv("table.csv")
assert profile["records"] == len(frame)
for column in profile["columns"]:
    series = frame[column["name"]]
    assert column["nulls"] == series.isna().sum(), column["name"]
    assert column["count"] == series.count()
    assert column["distinct"] == series.nunique() and column["distinct_is_exact"]
    if column["name"] in ("id", "length", "mass"):
        numbers, told = column["numbers"], series.describe()
        for ours, theirs in (("mean", "mean"), ("sd", "std"), ("min", "min"), ("max", "max")):
            assert math.isclose(numbers[ours], told[theirs], rel_tol=1e-13), (column["name"], ours)
        for share in ("25%", "50%", "75%"):
            assert numbers["quantiles"][share] == told[share], (column["name"], share)
        assert sum(numbers["histogram"]) == series.count()
    if column["name"] == "species":
        counts = series.value_counts()
        assert {v["value"]: v["count"] for v in column["values"]} == dict(counts)
        assert column["lengths"]["mean"] == series.str.len().mean()
pair = profile["pairs"][0]
assert pair["names"] == ["length", "mass"]
assert math.isclose(pair["correlation"], frame["length"].corr(frame["mass"]), rel_tol=1e-12)
END
}

@test "the number of threads changes no digit" {
  table table.csv 90000
  succeeds data profile table.csv --json -j1
  cp "$OUT" one.json
  succeeds data profile table.csv --json -j3
  cmp one.json "$OUT"
  [ "$(field id 'p["is_sampled"], p["sample_records"]')" = "(True, 65536)" ]
  [ "$(field species 'c["values_are_complete"]')" = True ]
}

@test "CSV and Markdown have a row for each column" {
  table
  succeeds data profile table.csv --format=csv
  [ "$(wc -l <"$OUT")" = 8 ]
  head -1 "$OUT" | grep -q '^name,type,count,nulls,bad,distinct,'
  succeeds data profile table.csv --format=md
  grep -q '^| species ' "$OUT"
}

@test "constant, empty and mixed columns are told" {
  printf 'same,none,mixed\na,,1\na,,2\na,,x\na,NA,4\n' >odd.csv
  succeeds data profile odd.csv
  says "constant: 'same' is always 'a'"
  says "empty: 'none' is always null"
  says "mixed: 1 of 4 values of 'mixed' are not numbers"
}

@test "with a schema values of another type are counted" {
  printf 'n\n1\nx\n3\n' >n.csv
  printf 'fields: [{name: n, type: integer}]\n' >schema.yaml
  succeeds data profile n.csv --schema schema.yaml --json
  [ "$(field n 'c["type"], c["count"], c["bad"], c["numbers"]["mean"]')" = "('integer', 3, 1, 2)" ]
  succeeds data profile n.csv --schema schema.yaml
  says "wrong type: 1 of 3 values of 'n' are not of type integer"
}

@test "a dialect says how the file is written" {
  printf 'a;b\n1;x\n2;y\n' >semi.csv
  printf 'delimiter: ";"\n' >dialect.yaml
  succeeds data profile semi.csv --dialect dialect.yaml --json
  [ "$(field a 'c["numbers"]["max"]')" = 2 ]
}

@test "a header without records is a table of nothing" {
  printf 'a,b\n' >empty.csv
  succeeds data profile empty.csv
  says "empty.csv: 0 records, 2 columns"
  succeeds data profile empty.csv --html
}

@test "--html makes one page that needs nothing else, names and values escaped" {
  printf '<i>&name,"it\x27s"\n<script>alert(1)</script>,1\n<script>alert(1)</script>,2\n' >odd.csv
  succeeds data profile odd.csv --html -o page.html
  [ ! -s "$OUT" ]
  "$PYTHON" - page.html <<'END'
import html.parser, sys

text = open(sys.argv[1], encoding="utf-8").read()
void = {"meta", "br", "link", "img", "rect", "line"}

class Page(html.parser.HTMLParser):
    stack, tags, words = [], [], []
    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in ("meta",):
            self.stack.append(tag)
    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
    def handle_endtag(self, tag):
        assert self.stack.pop() == tag, tag
    def handle_data(self, data):
        self.words.append(data)

page = Page()
page.feed(text)
assert not page.stack, page.stack
assert "script" not in page.tags and "i" not in page.tags
assert page.tags.count("svg") == 2
assert "<i>&name " in page.words and "it's" in page.words
assert "prefers-color-scheme:dark" in text
assert "http:" not in text and "https:" not in text
END
  fails 2 data profile odd.csv --html --json
}

@test "infer writes a schema that the file conforms to" {
  table
  succeeds data infer table.csv -o schema.yaml
  [ ! -s "$OUT" ]
  succeeds data infer table.csv
  cmp "$OUT" schema.yaml
  grep -A2 'name: species' schema.yaml | grep -q 'type: string'
  grep -A8 'name: species' schema.yaml | grep -q -- '- Gentoo'
  grep -A1 'name: length' schema.yaml | grep -q 'type: number'
  grep -A1 'name: day' schema.yaml | grep -q 'type: date'
  grep -q -- '- NA' schema.yaml
  succeeds data validate table.csv --schema schema.yaml
  succeeds data infer table.csv -o schema.json
  "$PYTHON" -c 'import json; assert json.load(open("schema.json"))["fields"][0]["name"] == "id"'
  succeeds data validate table.csv --schema schema.json
}

@test "what is inferred holds for awkward files" {
  printf 'when,t,code,big,yes,on\n2024-01-01 10:00:00,10:00,007,12345678901234567890,1,\n' >a.csv
  printf '2024-01-01T10:00:00Z,11:00:01,8,1,0,-\n' >>a.csv
  printf 'a,b\n1e3,INF\n-.5,NaN\n+2,3\n' >b.csv
  printf '{"a":1,"b":[1],"c":{"x":1},"d":"x","e":null}\n{"a":2.5,"b":[],"c":{},"d":5}\n' >c.jsonl
  printf '[{"a": true, "b": "2024-02-30"}, {"a": false, "b": "2024-02-29"}]' >e.json
  printf 'a: b,"- c","#d"\n"x: y",true,~\n"yes",false,null\n' >f.csv
  printf 'k\tv\n1\tx\n' >g.tsv
  for file in a.csv b.csv c.jsonl e.json f.csv g.tsv; do
    succeeds data infer "$file" -o schema.yaml
    succeeds data validate "$file" --schema schema.yaml
  done
}

@test "what no schema can mend is told" {
  printf 'name,name\n1,2\n' >twice.csv
  printf 'a,b\n1,2\n1\n' >ragged.csv
  for file in twice.csv ragged.csv; do
    succeeds data infer "$file"
    says "no schema mends what is wrong with the header or the records of $file"
  done
}

@test "names are those that labels are compared by" {
  printf 'a, b\n1,2\n' >blank.csv
  succeeds data infer blank.csv -o schema.yaml
  succeeds data validate blank.csv --schema schema.yaml
}

@test "another dialect is suggested, never used" {
  printf 'a;b;c\n1;2,5;x\n2;3,5;y\n' >semi.csv
  succeeds data infer semi.csv
  says 'name: "a;b;c"'
  grep -q '"delimiter":";"' "$ERR"
  printf 'delimiter: ";"\n' >dialect.yaml
  succeeds data infer semi.csv --dialect dialect.yaml
  says 'name: b'
  [ ! -s "$ERR" ]
}

@test "a file that is no table is refused with its place" {
  printf 'a,b\n1,\0002\n' >nul.csv
  fails 3 data profile nul.csv
  fails 3 data infer nul.csv
  fails 4 data profile missing.csv
  fails 2 data profile
}

@test "-o follows links, writes into pipes and replaces no device" {
  table
  mkfifo pipe
  ln -s schema.yaml link.yaml
  echo old >schema.yaml
  succeeds data infer table.csv -o link.yaml
  [ -L link.yaml ]
  grep -q "name: species" schema.yaml
  cat pipe >got &
  succeeds data infer table.csv -o pipe
  wait $!
  [ -p pipe ]
  cmp got schema.yaml
  ln -s /dev/full full
  fails 4 data infer table.csv -o full
  [ -L full ] && [ -c /dev/full ]
}

@test "an option of another action is refused" {
  table
  fails 2 data drift table.csv table.csv --html
  grep -q "'mlops data drift' takes no --html" "$ERR"
  fails 2 data profile table.csv --field mass
  fails 2 data profile table.csv --format junit
  fails 2 data infer table.csv --all-errors
}

@test "records of too few or too many cells are told" {
  printf 'a,b\n1,2\n3\n4,5,6\n7,8,9\n' >ragged.csv
  succeeds data profile ragged.csv
  says "ragged: 1 of 4 records have fewer cells than the header"
  says "ragged: 2 of 4 records have more cells than the header; what is beyond it is in no column"
  succeeds data profile ragged.csv --json
  [ "$(field a '(p["short_records"], p["long_records"])')" = "(1, 2)" ]
}

@test "one column that looks like several is told" {
  printf 'a;b;c\n1;2;3\n4;5;6\n' >semi.csv
  succeeds data profile semi.csv
  grep -q 'looks like one of the dialect {"delimiter":";"}' "$ERR"
  printf 'a\n1\n2\n' >one.csv
  succeeds data profile one.csv
  [ ! -s "$ERR" ]
}

@test "the standard deviation of small differences of large numbers is exact" {
  "$PYTHON" -c '
print("x")
for i in range(60000): print(repr(1e9 + (i * 7919 % 1009) / 2**20))' >far.csv
  succeeds data profile far.csv --json
  "$PYTHON" - "$OUT" <<'END'
import json, math, sys
numbers = [i * 7919 % 1009 for i in range(60000)]
n, s, q = len(numbers), sum(numbers), sum(x * x for x in numbers)
sd = math.sqrt((n * q - s * s) / (n * (n - 1))) / 2**20
got = json.load(open(sys.argv[1]))["profile"]["columns"][0]["numbers"]["sd"]
assert abs(got / sd - 1) < 1e-9, (got, sd)
END
}
