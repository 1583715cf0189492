#!/usr/bin/env python3
"""differential.py PRINT_DOC: TOML against Python's tomllib, Python literals against its ast, over files
that are right, files that are wrong and mutations of both. Writes TAP."""
import ast
import datetime
import json
import math
import random
import subprocess
import sys
import tomllib
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MUTATIONS = 4000


def ask(program, name, texts):
    """What print_doc says of each text."""
    lines = []
    for text in texts:
        raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        lines.append(json.dumps({"name": name, "hex": raw.hex()}))
    done = subprocess.run(
        [program], input="\n".join(lines).encode(), stdout=subprocess.PIPE, check=True, timeout=300
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(texts)
    return answers


def real_of(text):
    return math.nan if "nan" in text else float.fromhex(text)


def is_moment(value, text):
    """Times are text with us: the same text gives the same time."""
    try:
        return tomllib.loads("x = " + text)["x"] == value
    except tomllib.TOMLDecodeError:
        return False


def is_same(ours, theirs):
    kind, payload = ours[0], ours[1] if len(ours) > 1 else None
    if theirs is None or isinstance(theirs, bool):
        return (kind, payload) == (("null", None) if theirs is None else ("bool", theirs))
    if isinstance(theirs, int):
        has_radix = kind == "int" and payload.lstrip("-")[1:2] in ("x", "o", "b")
        return kind == "int" and int(payload, 0 if has_radix else 10) == theirs
    if isinstance(theirs, float):
        real = real_of(payload) if kind == "real" else None
        return real == theirs or (kind == "real" and math.isnan(real) and math.isnan(theirs))
    if isinstance(theirs, str):
        return kind == "str" and payload == theirs
    if isinstance(theirs, (datetime.date, datetime.time)):
        return kind == "str" and is_moment(theirs, payload)
    if isinstance(theirs, (list, tuple)):
        return kind == "list" and len(payload) == len(theirs) and all(map(is_same, payload, theirs))
    if isinstance(theirs, dict):
        return (
            kind == "map"
            and len(payload) == len(theirs)
            and all(ours == key or not isinstance(key, str) for (ours, _), key in zip(payload, theirs))
            and all(is_same(value, theirs[key]) for (_, value), key in zip(payload, theirs))
        )
    return False


# ---- TOML


def toml_theirs(text):
    try:
        raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
        return tomllib.loads(raw.decode("utf-8")), None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError, RecursionError) as error:
        return None, error


def sorted_keys(value):
    """Tables that headers add to later stand elsewhere in Python's dicts."""
    if value[0] == "map":
        return ["map", sorted([key, sorted_keys(one)] for key, one in value[1])]
    if value[0] == "list":
        return ["list", [sorted_keys(one) for one in value[1]]]
    return value


def sort_dict(value):
    if isinstance(value, dict):
        return {key: sort_dict(value[key]) for key in sorted(value)}
    return [sort_dict(one) for one in value] if isinstance(value, list) else value


def has_wide_number(text):
    """Beyond int64 and beyond doubles Python goes on where we stop."""
    return "does not fit 64 bits" in text or "out of the range" in text


def toml_problem(text, answer):
    theirs, error = toml_theirs(text)
    if "error" in answer:
        ours = answer["error"]
        if answer["line"] < 1 or answer["column"] < 1:
            return f"no place: {ours}"
        if error or has_wide_number(ours) or "NUL" in ours or "too deep" in ours or "longer than" in ours:
            return None
        return f"refused ({ours}), Python takes it"
    if error:
        return f"taken, Python refuses it ({error})"
    return None if is_same(sorted_keys(answer["value"]), sort_dict(theirs)) else f"{answer['value']} is not {theirs}"


# ---- Python, as DVC reads it


class NotTaken(Exception):
    pass


def literal(node, text):
    if "\\N" in (ast.get_source_segment(text, node) or ""):
        raise NotTaken  # names of characters are not known to us
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError, AttributeError, SyntaxError, MemoryError, RecursionError):
        raise NotTaken from None
    check_plain(value)
    return value


def check_plain(value):
    """Our documents hold neither bytes nor complex numbers nor sets with an order of their own."""
    if isinstance(value, (bytes, complex, set)) or value is Ellipsis:
        raise NotTaken
    if isinstance(value, str) and any(0xD800 <= ord(c) < 0xE000 for c in value):
        raise NotTaken
    if isinstance(value, (list, tuple)):
        for one in value:
            check_plain(one)
    if isinstance(value, dict):
        for key, one in value.items():
            if isinstance(key, (tuple, list, dict)):
                raise NotTaken
            check_plain(key)
            check_plain(one)


def target_name(target, only_self):
    if isinstance(target, ast.Name) and not only_self:
        return target.id
    if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
        return target.attr
    raise NotTaken


def is_in_parentheses(one):
    """`(x) = 1`, which nobody writes, is passed over."""
    first = one.target if isinstance(one, ast.AnnAssign) else one.targets[0]
    return first.col_offset != one.col_offset


def read_body(body, text, only_self=False):
    result = {}
    for one in body:
        try:
            if isinstance(one, ast.AnnAssign | ast.Assign) and is_in_parentheses(one):
                continue
            if isinstance(one, ast.AnnAssign) and one.value:
                result[target_name(one.target, only_self)] = literal(one.value, text)
            elif isinstance(one, ast.Assign) and len(one.targets) == 1:
                result[target_name(one.targets[0], only_self)] = literal(one.value, text)
            elif isinstance(one, ast.ClassDef):
                result[one.name] = read_body(one.body, text)
            elif isinstance(one, ast.FunctionDef) and one.name == "__init__":
                result.update(read_body(one.body, text, True))
        except NotTaken:
            pass
    return result


def python_theirs(text):
    try:
        return read_body(ast.parse(text).body, text), None
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        return None, error


def drop_sets(ours, theirs):
    """Sets are lists with us; Python's have no order: they are looked at by the unit tests."""
    if ours[0] == "map" and isinstance(theirs, dict) and all(isinstance(key, str) for key in theirs):
        return ["map", [[key, drop_sets(one, theirs.get(key))] for key, one in ours[1] if key in theirs]]
    return ours


def python_problem(text, answer):
    theirs, error = python_theirs(text)
    if error:
        return None  # what Python refuses may be passed over here: nothing of it is run
    if "error" in answer:
        return f"refused ({answer['error']} at {answer['line']}), Python takes it"
    ours = drop_sets(answer["value"], theirs)
    return None if is_same(ours, theirs) else f"{ours} is not {theirs}"


# ---- what is compared


def mutate(dice, text):
    """A piece cut, doubled, moved or replaced."""
    for _ in range(dice.randint(1, 3)):
        at = dice.randrange(len(text) + 1)
        end = min(len(text), at + dice.choice([1, 1, 1, 2, 5, 20]))
        piece = text[at:end]
        kind = dice.randrange(5)
        if kind == 0:
            text = text[:at] + text[end:]
        elif kind == 1:
            text = text[:end] + piece + text[end:]
        elif kind == 2:
            text = text[:at] + dice.choice("\"'[]{}=.,#\n\r\t 0_-+e\\:") + text[at:]
        elif kind == 3:
            text = text[:at] + dice.choice("\"'[]{}=.,#\n 0_x") + text[end:]
        else:
            other = dice.randrange(len(text) + 1)
            text = text[:other] + piece + text[other:]
    return text


def toml_cases():
    lines = (ROOT / "tests/cases/toml/toml-test.jsonl").read_text().splitlines()[1:]
    cases = [json.loads(line) for line in lines]
    own = (ROOT / "tests/cases/toml/own.txt").read_text().split("\n%%\n")
    return [case["text"] if "text" in case else bytes.fromhex(case["hex"]) for case in cases] + own


def python_cases():
    return (ROOT / "tests/cases/literal/own.txt").read_text().split("\n%%\n")


def compare(number, title, program, name, cases, problem_of):
    dice = random.Random(17)
    texts = [case for case in cases if isinstance(case, str)]
    cases = cases + [mutate(dice, dice.choice(texts)) for _ in range(MUTATIONS)]
    problems = []
    for text, answer in zip(cases, ask(program, name, cases)):
        problem = problem_of(text, answer)
        if problem:
            problems.append(f"{text!r}: {problem}")
    print(f"{'not ok' if problems else 'ok'} {number} {title} ({len(cases)} files)")
    for problem in problems[:20]:
        print("#  ", problem[:1000])
    return not problems


def main():
    warnings.simplefilter("ignore")  # of escapes in mutated files
    program = sys.argv[1]
    print("1..2")
    fine = compare(1, "TOML is read as Python reads it", program, "x.toml", toml_cases(), toml_problem)
    fine &= compare(2, "literals of Python are those of its parser", program, "x.py", python_cases(), python_problem)
    sys.exit(0 if fine else 1)


if __name__ == "__main__":
    main()
