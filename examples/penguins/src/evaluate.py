"""Model and test rows -> metrics.json and reports/confusion.csv."""
import json
import pickle
from pathlib import Path

import pandas
from sklearn.metrics import accuracy_score, f1_score


def main() -> None:
    table = pandas.read_csv("data/clean/test.csv")
    model = pickle.loads(Path("model/penguins.pkl").read_bytes())
    actual = table["species"]
    predicted = model.predict(table.drop(columns="species"))
    metrics = {
        "accuracy": round(accuracy_score(actual, predicted), 4),
        "f1": round(f1_score(actual, predicted, average="macro"), 4),
        "rows": len(table),
    }
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    confusion = pandas.DataFrame({"actual": actual, "predicted": predicted})
    confusion.to_csv("reports/confusion.csv", index=False)
    print(f"accuracy {metrics['accuracy']}, f1 {metrics['f1']} on {metrics['rows']} rows")


main()
