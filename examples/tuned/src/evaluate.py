"""model/digits.pkl -> metrics.json."""
import json
import pickle
from pathlib import Path

import numpy
from sklearn.metrics import f1_score

data = numpy.load("data/digits.npz")
model = pickle.loads(Path("model/digits.pkl").read_bytes())


def score(part: str) -> float:
    guess = model.predict(data[f"{part}_x"])
    return round(f1_score(data[f"{part}_y"], guess, average="macro"), 4)


scores = {"f1": score("valid"), "test_f1": score("test")}
Path("metrics.json").write_text(json.dumps(scores) + "\n")
print(scores)
