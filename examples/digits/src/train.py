"""train.py NAME: trains that model -> models/NAME.pkl and metrics/NAME.json."""
import json
import pickle
import sys
from pathlib import Path

import numpy
import yaml
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC

MODELS = {
    "neighbours": lambda options, seed: KNeighborsClassifier(**options),
    "bayes": lambda options, seed: GaussianNB(**options),
    "forest": lambda options, seed: RandomForestClassifier(**options, random_state=seed),
    "vectors": lambda options, seed: GridSearchCV(SVC(), options, cv=5),
}


def main(name: str) -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    data = numpy.load("data/digits.npz")
    model = MODELS[name](params["models"][name], params["seed"])
    model.fit(data["train_x"], data["train_y"])
    accuracy = round(model.score(data["test_x"], data["test_y"]), 4)
    Path(f"models/{name}.pkl").write_bytes(pickle.dumps(model))
    Path(f"metrics/{name}.json").write_text(json.dumps({"accuracy": accuracy}) + "\n")
    print(f"{name}: accuracy {accuracy}")


main(sys.argv[1])
