"""The digits of scikit-learn, scaled and split in three -> data/digits.npz."""
from pathlib import Path

import numpy
import yaml
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

params = yaml.safe_load(Path("params.yaml").read_text())
seed = params["seed"]
pictures, labels = load_digits(return_X_y=True)
train_x, rest_x, train_y, rest_y = train_test_split(
    pictures / 16.0,
    labels,
    train_size=params["prepare"]["train_share"],
    random_state=seed,
    stratify=labels,
)
valid_x, test_x, valid_y, test_y = train_test_split(
    rest_x, rest_y, test_size=0.5, random_state=seed, stratify=rest_y
)
numpy.savez(
    "data/digits.npz",
    train_x=train_x,
    train_y=train_y,
    valid_x=valid_x,
    valid_y=valid_y,
    test_x=test_x,
    test_y=test_y,
)
