"""metrics/*.json -> reports/models.csv and metrics/best.json."""
import csv
import json
from pathlib import Path

NAMES = ["neighbours", "bayes", "forest", "vectors"]


def main() -> None:
    scores = {
        name: json.loads(Path(f"metrics/{name}.json").read_text())["accuracy"] for name in NAMES
    }
    ranked = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    with open("reports/models.csv", "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["model", "accuracy"])
        table.writerows(ranked)
    model, accuracy = ranked[0]
    Path("metrics/best.json").write_text(json.dumps({"accuracy": accuracy, "model": model}) + "\n")
    print(f"best: {model}, accuracy {accuracy}")


main()
