import json
import sys

import numpy as np
import pandas as pd

model, source, target = sys.argv[1:]
coefficients = json.load(open(model))["coefficients"]
readings = pd.read_csv(source)
error = readings["humidity"] - np.polyval(coefficients, readings["temperature"])
with open(target, "w") as file:
    json.dump({"mae": round(float(error.abs().mean()), 3), "rows": len(readings)}, file)
