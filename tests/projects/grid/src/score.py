import json
import pickle
import sys

import pandas as pd
from sklearn.metrics import mean_absolute_error

test, target, *models = sys.argv[1:]
houses = pd.read_csv(test)
errors = [mean_absolute_error(houses["price"], pickle.load(open(model, "rb")).predict(houses[["rooms", "age"]]))
          for model in models]
with open(target, "w") as file:
    json.dump({"mae": {"mean": sum(errors) / len(errors), "worst": max(errors)}}, file, indent=2)
