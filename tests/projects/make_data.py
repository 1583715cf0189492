#!/usr/bin/env python3
"""Writes the data of the three projects. They are in the repository; this tells where from."""
import math
import random
from pathlib import Path

HERE = Path(__file__).parent


def write(path, header, rows):
    text = [header] + [",".join(str(cell) for cell in row) for row in rows]
    (HERE / path).write_text("\n".join(text) + "\n")


def apples(dice):
    for number in range(240):
        weight = dice.gauss(160, 25)
        colour = dice.random()
        sweet = 0.03 * (weight - 160) + 4 * (colour - 0.5) + dice.gauss(0, 0.7)
        row = [number, round(weight, 1), round(colour, 3), dice.choice(["east", "west", "south"]), int(sweet > 0)]
        if number % 40 == 7:
            row[1] = ""
        yield row


def houses(dice):
    for _ in range(180):
        rooms, age = dice.randint(1, 8), dice.randint(0, 90)
        yield [rooms, age, round(30 * rooms - 0.4 * age + 0.004 * age * age + dice.gauss(0, 8), 2)]


def readings(dice):
    for hour in range(24 * 20):
        warm = 10 + 8 * math.sin(hour / 24 * 2 * math.pi) + dice.gauss(0, 1)
        yield [hour, round(warm, 2), round(60 - 1.5 * warm + dice.gauss(0, 3), 1), round(abs(dice.gauss(3, 2)), 1)]


write("orchard/data/apples.csv", "id,weight,colour,field,sweet", apples(random.Random(1)))
write("grid/data/houses.csv", "rooms,age,price", houses(random.Random(2)))
write("station/raw/readings.csv", "hour,temperature,humidity,wind", readings(random.Random(3)))
