import json
import pickle
import sys
from pathlib import Path

import pandas as pd
from sklearn.metrics import accuracy_score, roc_auc_score, roc_curve

model, source, metrics, plots = sys.argv[1:]
forest = pickle.load(open(model, "rb"))
test = pd.read_csv(source)
features = test.drop(columns=["id", "sweet"])
score = forest.predict_proba(features)[:, 1]

Path(plots).mkdir(exist_ok=True)
fpr, tpr, _ = roc_curve(test["sweet"], score)
pd.DataFrame({"fpr": fpr, "tpr": tpr}).to_csv(f"{plots}/roc.csv", index=False)
pd.DataFrame({"feature": features.columns, "importance": forest.feature_importances_}).to_csv(
    f"{plots}/importance.csv", index=False)
Path(metrics).write_text(json.dumps({
    "accuracy": accuracy_score(test["sweet"], score > 0.5),
    "auc": roc_auc_score(test["sweet"], score),
}, indent=2) + "\n")
