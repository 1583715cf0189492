import sys

import pandas as pd

source, folder, share = sys.argv[1:]
houses = pd.read_csv(source)
test = houses.sample(frac=float(share), random_state=0).sort_index()
houses.drop(test.index).to_csv(f"{folder}/train.csv", index=False)
test.to_csv(f"{folder}/test.csv", index=False)
