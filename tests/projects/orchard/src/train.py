import pickle
import sys

import pandas as pd
import yaml
from sklearn.ensemble import RandomForestClassifier

params = yaml.safe_load(open("params.yaml"))["train"]
train = pd.read_csv(sys.argv[1])
forest = RandomForestClassifier(n_estimators=params["trees"], max_depth=params["depth"], random_state=params["seed"])
forest.fit(train.drop(columns=["id", "sweet"]), train["sweet"])
with open(sys.argv[2], "wb") as file:
    pickle.dump(forest, file)
