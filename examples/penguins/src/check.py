"""Passes (exit 0) or rejects (exit 1) the rows in data/clean."""
import sys
from pathlib import Path

import pandas
import yaml


def problems(table: pandas.DataFrame, rules: dict) -> list[str]:
    found = []
    least, most = rules["flipper_mm"]
    share = table["species"].value_counts(normalize=True)
    if len(table) < rules["rows_least"]:
        found.append(f"{len(table)} rows, at least {rules['rows_least']} are needed")
    if share.min() < rules["share_least"]:
        found.append(f"only {share.min():.1%} of the rows are {share.idxmin()}")
    if not table["flipper_length_mm"].between(least, most).all():
        found.append(f"a flipper length outside {least}..{most} mm")
    if table.isna().any(axis=None):
        found.append("missing values")
    return found


def main() -> int:
    rules = yaml.safe_load(Path("params.yaml").read_text())["check"]
    parts = [pandas.read_csv(path) for path in sorted(Path("data/clean").glob("*.csv"))]
    found = problems(pandas.concat(parts), rules)
    print("\n".join(found) or "the data is fit for training")
    return 1 if found else 0


sys.exit(main())
