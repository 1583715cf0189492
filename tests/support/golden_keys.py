#!/usr/bin/env python3
"""Keys of the recipes in tests/unit/model/test_golden_keys.c, computed from docs/formats.md alone
(sections "Canonical encoding" and "Recipe"). Prints one "name key" line each; the test compares."""
import hashlib
import math
import struct


def count(number):
    out = bytearray()
    while True:
        low = number & 0x7F
        number >>= 7
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


class Digest(bytes):
    pass


def real(value):
    if math.isnan(value):
        return b"r" + bytes.fromhex("7ff8000000000000")
    if abs(value) < 2**53 and value == math.trunc(value):
        return item(int(value))
    return b"r" + struct.pack(">d", value)


def item(value):
    if value is None:
        return b"n"
    if isinstance(value, bool):
        return b"t" if value else b"f"
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return b"i" + struct.pack(">q", value)
        digits = str(value).encode()
        return b"g" + count(len(digits)) + digits
    if isinstance(value, float):
        return real(value)
    if isinstance(value, Digest):
        assert len(value) == 32
        return b"h" + value
    if isinstance(value, str):
        value = value.encode()
    if isinstance(value, bytes):
        return b"s" + count(len(value)) + value
    if isinstance(value, list):
        return b"l" + count(len(value)) + b"".join(map(item, value))
    pairs = sorted((key.encode(), element) for key, element in value.items())
    return b"m" + count(len(pairs)) + b"".join(item(key) + item(element) for key, element in pairs)


def recipe_key(parts):
    return hashlib.sha256(item("mlops.recipe.1") + item(parts)).hexdigest()


def content(text):
    return Digest(hashlib.sha256(text.encode()).digest())


def file(path, text, executable=False):
    return [path, "file", executable, content(text)]


NOTHING = Digest(32)
LONG = "python3 src/train.py " + "--verbose " * 40

RECIPES = {
    "empty": {},
    "text": {"cmd": "true"},
    "empty_text": {"cmd": ""},
    "list": {"cmd": ["true"]},
    "empty_list": {"cmd": []},
    "file": {"cmd": "true", "deps": [file("data/raw.csv", "a,b\n")]},
    "executable": {"cmd": "true", "deps": [file("run.sh", "exit 0\n", True)]},
    "tree_and_absent": {
        "cmd": "true",
        "deps": [["data", "tree", False, content("tree")], ["gone", "absent", False, NOTHING]],
    },
    "numbers": {
        "cmd": "true",
        "params": [
            ["params.yaml", "big", 2**64],
            ["params.yaml", "int", -3],
            ["params.yaml", "integral", 1.0],
            ["params.yaml", "large", 1e300],
            ["params.yaml", "lr", 0.1],
            ["params.yaml", "nan", math.nan],
            ["params.yaml", "zero", -0.0],
        ],
    },
    "other_values": {
        "cmd": "true",
        "params": [
            ["other.json", "", {"b": [1, "x", None], "a": False}],
            ["params.yaml", "missing"],
            ["params.yaml", "null", None],
            ["params.yaml", "text", "1"],
            ["params.yaml", "yes", True],
        ],
    },
    "env": {"cmd": "true", "env": {"API_KEY": None, "EMPTY": "", "OMP_NUM_THREADS": "2"}},
    "outs": {"cmd": "true", "outs": ["metrics.json", "model.pkl", "plots/loss.csv"]},
    "place": {"cmd": "true", "shell": "bash", "wdir": "sub/dir"},
    "environment": {"cmd": "true", "environment": b"\x00\xff linux"},
    "everything": {
        "cmd": [LONG, "echo \u00e4\u20ac"],
        "deps": [file("\u00e4.csv", ""), ["\U0001F600", "tree", False, content("t")]],
        "env": {"A": "1"},
        "environment": "e",
        "outs": ["a", "b"],
        "params": [["p.yaml", "k", 1], ["p.yaml", "k.l", "v"]],
        "shell": "zsh",
        "wdir": "w",
    },
}

if __name__ == "__main__":
    for name, parts in RECIPES.items():
        print(name, recipe_key(parts))
