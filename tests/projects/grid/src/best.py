import json
import sys
from pathlib import Path

target, scores = sys.argv[1:]
found = {path.stem: json.loads(path.read_text())["mae"]["mean"] for path in sorted(Path(scores).glob("*.json"))}
name = min(found, key=found.get)
Path(target).write_text(json.dumps({"model": name, "mae": found[name]}, indent=2) + "\n")
