import sys

import pandas as pd

source, target, column = sys.argv[1:]
days = pd.read_csv(source).groupby("day")[column].mean().round(3)
days.to_csv(target)
