import sys
from pathlib import Path

import pandas as pd
import yaml
from sklearn.model_selection import train_test_split

source, target = Path(sys.argv[1]), Path(sys.argv[2])
params = yaml.safe_load(open("params.yaml"))["prepare"]

apples = pd.read_csv(source).dropna()
apples = pd.get_dummies(apples, columns=["field"])
train, test = train_test_split(apples, test_size=params["test_share"], random_state=params["seed"])
target.mkdir(parents=True)
train.to_csv(target / "train.csv", index=False)
test.to_csv(target / "test.csv", index=False)
