"""data/digits.npz -> model/digits.pkl; steps.csv grows by a line an epoch."""
import csv
import pickle
from pathlib import Path

import numpy
import yaml
from sklearn.metrics import f1_score
from sklearn.neural_network import MLPClassifier

params = yaml.safe_load(Path("params.yaml").read_text())
train = params["train"]
data = numpy.load("data/digits.npz")
model = MLPClassifier(
    hidden_layer_sizes=(train["hidden"],),
    learning_rate_init=train["lr"],
    alpha=train["alpha"],
    batch_size=64,
    random_state=params["seed"],
)
with open("steps.csv", "w", newline="", encoding="utf-8") as file:
    steps = csv.writer(file, lineterminator="\n")
    steps.writerow(["step", "f1"])
    for step in range(1, train["epochs"] + 1):
        model.partial_fit(data["train_x"], data["train_y"], classes=range(10))
        guess = model.predict(data["valid_x"])
        steps.writerow([step, round(f1_score(data["valid_y"], guess, average="macro"), 4)])
        file.flush()  # a sweep reads along, and ends a trial that is hopeless
Path("model/digits.pkl").write_bytes(pickle.dumps(model))
