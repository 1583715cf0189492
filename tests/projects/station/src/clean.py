import sys

import pandas as pd
import yaml

source, target = sys.argv[1:]
most = yaml.safe_load(open("weather/params.yaml"))["clean"]["max_wind"]
readings = pd.read_csv(source)
readings = readings[readings["wind"] <= most].assign(day=lambda rows: rows["hour"] // 24)
readings.to_csv(target, index=False)
