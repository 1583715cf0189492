# Distances between the columns of two tables.
load helper

# set NAME: splits a golden set into ref.csv and cur.csv.
golden() {
  local file=$BATS_TEST_DIRNAME/../unit/data/drift/$1.csv
  { echo x && sed -n 's/^ref,//p' "$file"; } >ref.csv
  { echo x && sed -n 's/^cur,//p' "$file"; } >cur.csv
  cp "${file%.csv}.expected.json" expected.json
}

# agrees: the answer holds every number of expected.json, at the top and in its row.
agrees() {
  holds '(lambda e, near: all(near(v, o[k]) for o in (r, r["fields"][0]) for k, v in e.items()))(
    json.load(open("expected.json")),
    lambda a, b: all(x == y or (x is not None and y is not None and not isinstance(x, str)
                                and abs(x - y) <= 1e-9 * abs(x))
                     for x, y in zip(*([v if isinstance(v, list) else [v] for v in (a, b)])))
                 and isinstance(a, list) == isinstance(b, list))'
}

@test "every distance is told by its name and agrees with its golden value" {
  local file
  for file in "$BATS_TEST_DIRNAME"/../unit/data/drift/*.csv; do
    golden "$(basename "$file" .csv)"
    succeeds data drift ref.csv cur.csv --field x --json
    agrees || tell "$file"
  done
}

tables() {
  printf '%s\n' id,price,colour,gone 1,10,red,a 2,20,red,b 3,30,blue,c 4,40,blue,d >old.csv
  printf '%s\n' id,price,colour,new 1,110,red,a 2,120,green,b 3,130,green,c 4,140,green,d >new.csv
}

@test "without a field every column of both is a row, the others are named" {
  tables
  succeeds data drift old.csv new.csv --json
  holds '[f["field"] for f in r["fields"]] == ["id", "price", "colour"]'
  holds '[f["kind"] for f in r["fields"]] == ["numeric", "numeric", "categorical"]'
  holds 'r["only_in_reference"] == ["gone"] and r["only_in_current"] == ["new"]'
  holds '"ks_statistic" not in r and r["fields"][1]["ks_statistic"] == 1'
  holds 'all(m["formula"] for f in r["fields"] for m in f["methods"])'
  holds '{m["method"]: m["is_over"] for m in r["fields"][0]["methods"]}["psi"] == False'
  holds 'r["fields"][1]["is_exact"] and len(r["fields"][1]["deciles"]) == 11'
}

@test "for people: a row a column, what lies over the defaults, and the formulas" {
  tables
  succeeds data drift old.csv new.csv
  grep -qE '^price +numeric .*psi, ks' "$OUT"
  grep -q "psi: sum (p-q) ln(p/q) over the reference's deciles" "$OUT"
  says 'only in old.csv: gone'
  says 'only in new.csv: new'
  succeeds data drift old.csv new.csv --field price
  grep -q 'deciles of the reference: 10 13 16' "$OUT"
  succeeds data drift old.csv new.csv --format csv
  grep -q '^field,kind,psi,ks,js,chi2,linf,wasserstein,cramers_v,hellinger,over$' "$OUT"
}

@test "a column that is not there is an error that suggests" {
  tables
  fails 3 data drift old.csv new.csv --field prices
  says "old.csv has no column 'prices'"
  says "did you mean 'price'?"
  fails 3 data drift old.csv new.csv --field gone
  says "new.csv has no column 'gone'"
}

@test "nothing to compare is null and says why" {
  printf 'x\n1\n2\n' >ref.csv
  printf 'x\n""\n""\n' >cur.csv
  succeeds data drift ref.csv cur.csv --field x --json
  holds 'r["ks_p"] is None and r["wasserstein"] is None'
  holds 'r["reason"] == "the current file holds no values"'
  succeeds data drift ref.csv cur.csv
  grep -q 'the current file holds no values' "$OUT"
}

@test "nulls and infinities are left out" {
  printf 'x\n1\n2\nNA\n3\n' >ref.csv
  printf 'x\n1\nINF\n2\n3\n' >cur.csv
  succeeds data drift ref.csv cur.csv --field x --json
  holds 'r["ks_statistic"] == 0 and r["reference_size"] == 3 and r["current_size"] == 3'
}

@test "of Parquet only the bounds are known, which is said" {
  local files=$BATS_TEST_DIRNAME/../unit/data/parquet
  succeeds data drift "$files/types.parquet" "$files/groups.parquet" --json
  holds '[f["field"] for f in r["fields"]] == ["id", "price", "name"]'
  holds 'all(f["reason"] for f in r["fields"]) and r["reference"]["source"] == "footer"'
}

@test "a stored profile stands for its file" {
  golden drift-num-ties
  succeeds data profile ref.csv --json
  cp "$OUT" ref.json
  rm ref.csv
  succeeds data drift ref.json cur.csv --field x --json
  holds 'r["reference"]["source"] == "profile" and r["is_exact"]'
  agrees
  golden drift-cat-many
  succeeds data profile ref.csv --json
  cp "$OUT" ref.json
  succeeds data drift ref.json cur.csv --field x --json
  agrees
}

@test "True of one tool is true of another" {
  printf 'ok\nTrue\nFalse\nTrue\n' >ref.csv
  printf '{"ok":true}\n{"ok":false}\n{"ok":true}\n' >cur.jsonl
  succeeds data drift ref.csv cur.jsonl --field ok --json
  holds 'r["tvd"] == 0 and r["keys"] == ["false", "true"] or sys.exit(str(r))'
}

@test "cells that are missing or too many are told, as they are in no distance" {
  printf 'a,b\n1,2\n3\n4,5,6\n' >ragged.csv
  succeeds data drift ragged.csv ragged.csv
  grep -q "ragged.csv: 2 cells are missing or beyond the header's, first in record 3" "$ERR"
}
