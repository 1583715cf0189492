"""Field notes -> data/clean/train.csv and test.csv."""
from pathlib import Path

import pandas
import yaml
from sklearn.model_selection import train_test_split

COLUMNS = {
    "Species": "species",
    "Island": "island",
    "Culmen Length (mm)": "bill_length_mm",
    "Culmen Depth (mm)": "bill_depth_mm",
    "Flipper Length (mm)": "flipper_length_mm",
    "Body Mass (g)": "body_mass_g",
    "Sex": "sex",
}


def clean(raw: pandas.DataFrame) -> pandas.DataFrame:
    table = raw[list(COLUMNS)].rename(columns=COLUMNS).dropna()
    table["species"] = table["species"].str.split().str[0].str.lower()
    table["sex"] = table["sex"].str.lower()
    return table


def main() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    table = clean(pandas.read_csv("data/penguins_raw.csv"))
    train, test = train_test_split(
        table,
        test_size=params["prepare"]["test_share"],
        random_state=params["seed"],
        stratify=table["species"],
    )
    target = Path("data/clean")
    target.mkdir(parents=True)
    train.to_csv(target / "train.csv", index=False)
    test.to_csv(target / "test.csv", index=False)
    print(f"{len(train)} rows to train with, {len(test)} to test with")


main()
