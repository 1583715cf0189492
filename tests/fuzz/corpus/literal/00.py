"""Parameters."""
import os
from math import pi

SEED = 17
LR: float = 1e-3
LAYERS = [64, 32,  # comment
          16,]
NAMES = ("a", 'b', r"c\d", u"\u00e9")
ONE = (1,)
PLAIN = (1)
NAKED = 1, "two", None
FLAGS = {"fast": True, "deep": {"x": [1, {"y": -2.5}]}, 3: "three"}
TEXT = "one " 'two' \
    "three"
LONG = """line one
line two \
joined"""
NEGATIVE = - 5
HEX, = 0x1f,
HEXED = 0XFF_FF
BIG = 123456789012345678901234567890
COMPUTED = 1 + 2
CALLED = os.environ.get("X", "y")
FORMATTED = f"{SEED}"
a = b = 3
c, d = 1, 2
SEED += 1
empty_list = []; empty_dict = {}; empty = ""