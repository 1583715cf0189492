"""The digits of scikit-learn, split in two -> data/digits.npz."""
from pathlib import Path

import numpy
import yaml
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

seed = yaml.safe_load(Path("params.yaml").read_text())["seed"]
pictures, labels = load_digits(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(
    pictures, labels, test_size=0.5, random_state=seed, stratify=labels
)
numpy.savez("data/digits.npz", train_x=train_x, train_y=train_y, test_x=test_x, test_y=test_y)
