import argparse
import pickle

import pandas as pd
from sklearn.linear_model import LinearRegression
from sklearn.tree import DecisionTreeRegressor

parser = argparse.ArgumentParser()
parser.add_argument("train")
parser.add_argument("target")
parser.add_argument("--kind", choices=["tree", "linear"])
parser.add_argument("--seed", type=int)
parser.add_argument("--max-depth", type=int)
parser.add_argument("--positive", action="store_true")
parser.add_argument("--verbose", action="store_true")
options = parser.parse_args()

houses = pd.read_csv(options.train).sample(frac=0.8, random_state=options.seed)
if options.kind == "tree":
    model = DecisionTreeRegressor(max_depth=options.max_depth, random_state=options.seed)
else:
    model = LinearRegression(positive=options.positive)
model.fit(houses[["rooms", "age"]], houses["price"])
with open(options.target, "wb") as file:
    pickle.dump(model, file)
