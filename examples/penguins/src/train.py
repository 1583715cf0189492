"""data/clean/train.csv -> model/penguins.pkl."""
import pickle
from pathlib import Path

import pandas
import yaml
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder


def make_model(options: dict, seed: int):
    words = make_column_transformer(
        (OneHotEncoder(), ["island", "sex"]), remainder="passthrough"
    )
    trees = GradientBoostingClassifier(
        n_estimators=options["trees"],
        max_depth=options["depth"],
        learning_rate=options["learning_rate"],
        random_state=seed,
    )
    return make_pipeline(words, trees)


def main() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    table = pandas.read_csv("data/clean/train.csv")
    model = make_model(params["train"], params["seed"])
    model.fit(table.drop(columns="species"), table["species"])
    Path("model/penguins.pkl").write_bytes(pickle.dumps(model))


main()
