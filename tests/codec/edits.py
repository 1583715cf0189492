#!/usr/bin/env python3
"""edits.py PRINT_EDIT: values of YAML, JSON, TOML and Python files are set, added and removed, and what
PyYAML, json, tomllib and ast read of the new text is what was meant: that value changed, all others as
before, no comment lost. Files are made at random.
Writes TAP."""
import ast
import copy
import json
import random
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml

FILES = 700
EDITS = 6
MISSING = object()


def ask(program, requests):
    lines = [json.dumps(request) for request in requests]
    done = subprocess.run([program], input="\n".join(lines).encode(), stdout=subprocess.PIPE, check=True, timeout=300)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(requests)
    return answers


# ---- values at random

WORDS = ["adam", "no", "a b", "it's", 'say "x"', "1e3", "2024-01-01", "", "ключ", "#x", "a: b", "x\\y", "~", "[", "tab\tx", "null"]
KEYS = ["lr", "a", "b", "layers", "model", "größe", "k 1", "x-y", "on", "deep.key", "7", "name", "опция", "z_9"]


def scalar(dice, has_null):
    kinds = [
        lambda: dice.randint(-5, 10**6),
        lambda: dice.choice([0.1, 1e-3, 1e20, -2.5, 3.0, 1e-7, 0.30000000000000004]),
        lambda: dice.choice([True, False]),
        lambda: dice.choice(WORDS),
        lambda: dice.choice(WORDS),
    ]
    if has_null:
        kinds.append(lambda: None)
    return dice.choice(kinds)()


def tree(dice, depth, has_null, keys=KEYS):
    kind = dice.random()
    if depth == 0 or kind < 0.4:
        return scalar(dice, has_null)
    if kind < 0.6:
        return [tree(dice, depth - 1, has_null, keys) for _ in range(dice.randint(0, 3))]
    names = dice.sample(keys, dice.randint(0, 4))
    return {name: tree(dice, depth - 1, has_null, keys) for name in names}


def mapping(dice, has_null, keys=KEYS):
    names = dice.sample(keys, dice.randint(1, 6))
    return {name: tree(dice, 3, has_null, keys) for name in names}


class Comments:
    def __init__(self, dice):
        self.dice, self.count = dice, 0

    def maybe(self, often=0.25):
        if self.dice.random() > often:
            return ""
        self.count += 1
        return f"# c{self.count}!"


# ---- YAML


def yaml_scalar(dice, value, in_flow):
    if value is None:
        return dice.choice(["null", "~"] if in_flow else ["null", "~", ""])
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        text = yaml.safe_dump(value).split("\n")[0]
        return text
    plain = value and value.replace("_", "a").isalnum() and value.isascii() and not yaml.safe_load(value) != value
    if plain and dice.random() < 0.6:
        return value
    if "'" not in value and "\t" not in value and dice.random() < 0.5:
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=dice.random() < 0.5)


def yaml_flow(dice, value):
    if isinstance(value, dict):
        pairs = [f"{yaml_key(dice, key)}: {yaml_flow(dice, one)}" for key, one in value.items()]
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(yaml_flow(dice, one) for one in value) + dice.choice(["", "," if value else ""]) + "]"
    return yaml_scalar(dice, value, True)


def yaml_key(dice, key):
    if key in ("on", "7") or not key.replace("_", "a").replace("-", "a").replace(".", "a").isalnum() or dice.random() < 0.1:
        return json.dumps(key, ensure_ascii=False)
    return key


def yaml_block(dice, value, indent, comments, lines, prefix):
    """Appends lines; `prefix` is what the first of them starts with."""
    blank = " " * indent
    items = list(value.items() if isinstance(value, dict) else enumerate(value))
    for at, (key, one) in enumerate(items):
        head = prefix if at == 0 else blank
        if head == blank:
            note = comments.maybe(0.15)
            if note:
                lines.append(blank + note)
            if dice.random() < 0.05:
                lines.append("")
        head += f"{yaml_key(dice, key)}:" if isinstance(value, dict) else "-"
        is_block = isinstance(one, (dict, list)) and one and dice.random() < 0.75
        tail = comments.maybe()
        tail = "  " + tail if tail else ""
        if is_block and isinstance(value, list) and dice.random() < 0.6:
            yaml_block(dice, one, indent + 2, comments, lines, head + " ")
        elif is_block:
            step = dice.choice([2, 2, 4]) if not (isinstance(one, list) and isinstance(value, dict)) else dice.choice([0, 2])
            lines.append(head + tail)
            yaml_block(dice, one, indent + step, comments, lines, " " * (indent + step))
        elif isinstance(one, str) and one and "\t" not in one and one[0] not in " #" and dice.random() < 0.15:
            lines.append(head + dice.choice([" |-", " >-", " |-"]) + tail)
            lines.append(" " * (indent + 2) + one)
        else:
            text = yaml_flow(dice, one)
            lines.append(f"{head} {text}{tail}" if text else head + tail)


def yaml_text(dice, value, comments):
    lines = ["# top c0!"] if dice.random() < 0.3 else []
    comments.count += 0
    if dice.random() < 0.1:
        lines.append("---")
    yaml_block(dice, value, 0, comments, lines, "")
    return "\n".join(lines) + "\n"


# ---- JSON, TOML, Python


def json_text(dice, value, comments):
    indent = dice.choice([None, 2, 4, "\t", 0])
    separators = dice.choice([None, (",", ":"), (", ", ": ")])
    return json.dumps(value, indent=indent, separators=separators, ensure_ascii=dice.random() < 0.5) + "\n"


def toml_key(dice, key):
    bare = key.isascii() and key.replace("_", "a").replace("-", "a").isalnum()
    return key if bare and dice.random() < 0.9 else json.dumps(key, ensure_ascii=False)


def toml_value(dice, value, comments, may_break=True):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml_key(dice, k)} = {toml_value(dice, v, comments, False)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        if may_break and value and dice.random() < 0.4:
            lines = []
            for at, one in enumerate(value):
                note = comments.maybe()
                comma = "," if at + 1 < len(value) or note or dice.random() < 0.5 else ""
                lines.append(f"  {toml_value(dice, one, comments, False)}{comma}{' ' + note if note else ''}")
            return "[\n" + "\n".join(lines) + "\n]"
        return "[" + ", ".join(toml_value(dice, one, comments, False) for one in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        if "'" not in value and dice.random() < 0.4:
            return f"'{value}'"
        if may_break and dice.random() < 0.1:
            return '"""' + json.dumps(value, ensure_ascii=False)[1:-1] + '"""'
        return json.dumps(value, ensure_ascii=False)
    return repr(value)


def toml_text(dice, value, comments, path=()):
    lines, tables = [], []
    for key, one in value.items():
        if isinstance(one, dict) and dice.random() < 0.6:
            tables.append((key, one))
            continue
        note = comments.maybe()
        if isinstance(one, dict) and one and dice.random() < 0.5:
            lines += [f"{toml_key(dice, key)}.{toml_key(dice, k)} = {toml_value(dice, v, comments)}" for k, v in one.items()]
        else:
            lines.append(f"{toml_key(dice, key)} = {toml_value(dice, one, comments)}{' ' + note if note else ''}")
    for key, one in tables:
        note = comments.maybe(0.15)
        lines += ["", note] if note else [""]
        inner = path + (toml_key(dice, key),)
        lines += [f"[{'.'.join(inner)}]", toml_text(dice, one, comments, inner).rstrip("\n")]
    return "\n".join(lines) + "\n"


def python_value(dice, value, comments, depth=0):
    if isinstance(value, dict):
        items = [f"{one_text(dice, k)}: {python_value(dice, v, comments, depth + 1)}" for k, v in value.items()]
        opens, closes = "{", "}"
    elif isinstance(value, list):
        items = [python_value(dice, one, comments, depth + 1) for one in value]
        opens, closes = dice.choice(["[]", "()"])
        if opens == "(" and len(items) == 1:
            return f"({items[0]},)"
    elif isinstance(value, str):
        return one_text(dice, value)
    else:
        return repr(value)
    if items and dice.random() < 0.3:
        lines = []
        for at, item in enumerate(items):
            note = comments.maybe()
            comma = "," if at + 1 < len(items) or note or dice.random() < 0.5 else ""
            lines.append("    " + item + comma + (" " + note if note else ""))
        return opens + "\n" + "\n".join(lines) + "\n" + closes
    return opens + ", ".join(items) + closes


def one_text(dice, value):
    return dice.choice([repr(value), json.dumps(value, ensure_ascii=False), "'' " + repr(value) if "'" not in value else repr(value)])


def python_text(dice, value, comments):
    lines = ["import os", "", "def f(lr=1):", "    x = [i for i in range(3)]", "    return x", ""]
    for key, one in value.items():
        note = comments.maybe()
        kind = dice.random()
        if isinstance(one, dict) and one and all(k.isidentifier() for k in one) and kind < 0.5:
            lines += ["", f"class {key}:", *[f"    {k} = {python_value(dice, v, comments)}" for k, v in one.items()], ""]
        else:
            hint = ": object" if kind > 0.85 else ""
            lines.append(f"{key}{hint} = {python_value(dice, one, comments)}{'  ' + note if note else ''}")
    return "\n".join(lines) + "\n"


def read_python(text):
    result = {}

    def read(body, into):
        for one in body:
            if isinstance(one, ast.ClassDef):
                into[one.name] = read(one.body, {})
            elif isinstance(one, ast.Assign):
                into[one.targets[0].id] = ast.literal_eval(one.value)
            elif isinstance(one, ast.AnnAssign):
                into[one.target.id] = ast.literal_eval(one.value)
        return into

    return lists(read(ast.parse(text).body, result))


def lists(value):
    if isinstance(value, (list, tuple)):
        return [lists(one) for one in value]
    return {key: lists(one) for key, one in value.items()} if isinstance(value, dict) else value


# ---- edits


def paths(value, prefix=()):
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in items:
        yield prefix + (key,)
        yield from paths(one, prefix + (key,))


def find(value, path):
    for part in path:
        value = value[part]
    return value


def is_exact(value, path):
    """Dots make keys ambiguous: the path must be the one that a reader of dotted keys takes."""
    return not any(isinstance(part, str) and "." in part for part in path[:-1]) and all(
        not (isinstance(part, str) and (part.lstrip("-").isdigit())) or isinstance(find(value, path[:at]), dict)
        for at, part in enumerate(path)
    )


def make_edit(dice, value, has_null, is_python):
    """(action, key, path, new value), or None."""
    known = [path for path in paths(value) if is_exact(value, path)]
    action = dice.choice(["set", "set", "add", "remove"])
    if action != "add":
        if not known:
            return None
        path = dice.choice(known)
        new = tree(dice, 2, has_null) if action == "set" else MISSING
        return action, ".".join(map(str, path)), path, new
    owners = [()] + [path for path in known if isinstance(find(value, path), (dict, list))]
    owner = dice.choice(owners)
    inside = find(value, owner)
    name = len(inside) if isinstance(inside, list) else dice.choice(["new", "neu_2", "q"])
    further = ("deep", "er")[: dice.choice([0, 0, 1, 2])]
    if isinstance(inside, dict) and name in inside:
        return None
    path = owner + (name, *further)
    return "add", ".".join(map(str, path)), path, tree(dice, 2, has_null)


def meant(value, path, new):
    result = copy.deepcopy(value)
    at = result
    for part, following in zip(path[:-1], path[1:]):
        if isinstance(at, list) and part == len(at):
            at.append({})
        elif isinstance(at, dict) and part not in at:
            at[part] = {}
        at = at[part]
    if new is MISSING:
        del at[path[-1]]
    elif isinstance(at, list) and path[-1] == len(at):
        at.append(new)
    else:
        at[path[-1]] = new
    return result


def flow(dice, value):
    """The value as a word of the command line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k, ensure_ascii=False)}: {flow(dice, v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(dice, one) for one in value) + "]"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, float):
        return dice.choice([repr(value), f"{value:.17e}"])
    if isinstance(value, int):
        return str(value)
    plain = value and value.replace("_", "a").isalpha() and value.isascii() and value not in ("null", "true", "false")
    return value if plain and dice.random() < 0.7 else json.dumps(value, ensure_ascii=dice.random() < 0.5)


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def comments_of(text):
    return set(re.findall(r"# c\d+!", text))


LANGUAGES = {
    "x.yaml": (yaml_text, yaml.safe_load, True, KEYS),
    "x.json": (json_text, json.loads, True, KEYS),
    "x.toml": (toml_text, tomllib.loads, False, KEYS),
    "x.py": (python_text, read_python, True, [key for key in KEYS if key.isidentifier()] + ["beta", "Net"]),
}


def case(dice, name):
    write, read, has_null, keys = LANGUAGES[name]
    value = mapping(dice, has_null, keys)
    text = write(dice, value, Comments(dice))
    assert same(read(text), value), (name, text, value)
    if dice.random() < 0.15:
        text = text.rstrip("\n")
    if dice.random() < 0.15 and name != "x.py" and "|-" not in text and '"""' not in text:
        text = text.replace("\n", "\r\n")
    raw = text.encode()
    if dice.random() < 0.1 and name in ("x.yaml", "x.json"):
        raw = b"\xef\xbb\xbf" + raw
    return value, text, raw


def problem(name, value, text, edit, answer):
    action, key, path, new = edit
    read = LANGUAGES[name][1]
    if "error" in answer:
        return f"refused: {answer['error']}"
    after = bytes.fromhex(answer["hex"])
    plain = after.decode("utf-8-sig")
    try:
        got = read(plain.replace("\r\n", "\n") if name == "x.py" else plain)
    except Exception as error:
        return f"not readable: {error}"
    if not same(got, meant(value, path, new)):
        return f"{got} is not {meant(value, path, new)}"
    old = find(value, path) if action != "add" else None
    if not isinstance(old, (dict, list)) and action != "remove" and comments_of(text) != comments_of(plain):
        return "a comment was lost"
    if "\r\n" in text and "\n" in plain.replace("\r\n", ""):
        return "a line ends in another way"
    return None


def may_refuse(name, value, edit, text):
    """What can't be said in the language, or not without rewriting the file."""
    action, key, path, new = edit
    parts = [part for part in path if isinstance(part, str)]
    if name == "x.toml":
        return action == "remove" or isinstance(find(value, path) if action == "set" else None, dict) or isinstance(find(value, path[:-1]) if action == "add" and len(path) < 3 else None, list) or isinstance(new, (dict, list)) or action == "add"
    if name == "x.py":
        return any(not part.isidentifier() for part in parts) or isinstance(find(value, path) if action != "add" else None, dict) or action == "add"
    return False


def compare(number, program, name):
    dice = random.Random(number)
    asked, cases = [], []
    for _ in range(FILES):
        value, text, raw = case(dice, name)
        for _ in range(EDITS):
            edit = make_edit(dice, value, LANGUAGES[name][2], name == "x.py")
            if not edit:
                continue
            cases.append((value, text, edit))
            word = "" if edit[3] is MISSING else flow(dice, edit[3])
            asked.append({"name": name, "hex": raw.hex(), "action": edit[0], "key": edit[1], "value": word})
    refused, problems = 0, []
    for (value, text, edit), answer in zip(cases, ask(program, asked)):
        found = problem(name, value, text, edit, answer)
        if found and found.startswith("refused") and may_refuse(name, value, edit, text):
            refused += 1
        elif found:
            problems.append(f"{text!r} {edit[0]} {edit[1]} {edit[3]!r}: {found}")
    is_fine = not problems and refused < len(cases) / 12
    print(f"{'ok' if is_fine else 'not ok'} {number} {name}: {len(cases)} edits, {refused} refused")
    for line in problems[:12]:
        print("#  ", line[:1500])
    print(f"#   {len(problems)} problems") if problems else None
    return is_fine


def main():
    print(f"1..{len(LANGUAGES)}")
    fine = [compare(number, sys.argv[1], name) for number, name in enumerate(LANGUAGES, 1)]
    sys.exit(0 if all(fine) else 1)


if __name__ == "__main__":
    main()
