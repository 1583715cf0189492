"""A real project whose code and data nobody has, made runnable: in a scratch copy every `cmd` becomes
one that creates the stage's outputs, and what no stage makes is created."""
import hashlib
import json
import os
import re

import support
import yaml

# A stage of another file than the one that is run has that file's path before its name.
MAKE = r'sh "$DVC_ROOT/.dvc/make/PATH/\${DVC_STAGE##*:}"'


class Loader(yaml.SafeLoader):
    """YAML 1.2 as DVC reads it: `on` is text, 010 is ten, 1e-3 a float."""


Loader.yaml_implicit_resolvers = {}
for tag, pattern, first in [
        ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"), ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("int", r"[-+]?[0-9]+", "-+0123456789"),
        ("float", r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
         "-+.0123456789"),
        ("merge", r"<<", "<")]:
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), list(first))
Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(node.value))


def load(text):
    return yaml.load(text, Loader) or {}


def names(items):
    return [next(iter(item)) if isinstance(item, dict) else item for item in items or []]


def join(*parts):
    """A path in the project, without `..` and doubled slashes."""
    return os.path.normpath(os.path.join(*parts))


def quote(text):
    return "'" + text.replace("'", "'\\''") + "'"


class Touched:
    """What a project's stages need and make, by path. `plans`: file -> answer of lint --resolved."""

    def __init__(self, project, plans):
        self.project = project
        self.files = set()
        self.folders = set()
        self.made = {}
        for path, plan in plans.items():
            for stage in plan["stages"]:
                self.take(path, stage, plan)
        self.pointers = {p.relative_to(project.root): load(p.read_text()) for p in project.root.rglob("*.dvc")
                         if p.is_file()}

    def take(self, path, name, plan):
        stage, wdir = plan["stages"][name], plan["model"][name]["wdir"]
        self.folders.add(wdir)
        outs = names(stage.get("outs")) + names(stage.get("metrics")) + names(stage.get("plots"))
        address = name if path == "dvc.yaml" else f"{path}:{name}"
        self.made[address] = [join(wdir, out) for out in outs]
        for written in outs + stage.get("deps", []):
            if "://" in written or os.path.isabs(written):
                continue
            (self.folders if written.endswith("/") else self.files).add(join(wdir, written))
        for file, keys in plan["model"][name].get("params", {}).items():
            self.files.add(join(wdir, file))
            self.project.params.setdefault(join(wdir, file), set()).update(keys)

    def settle(self):
        """A path with others below it is a folder, and so is what a .dvc file says is one."""
        for pointer, content in self.pointers.items():
            for out in content.get("outs", []):
                path = join(pointer.parent, content.get("wdir", "."), out["path"])
                is_folder = str(out.get("md5", "")).endswith(".dir")
                (self.folders if is_folder else self.files).add(path)
        for path in list(self.files | self.folders):
            above = os.path.dirname(path)
            while above.strip("./"):
                self.folders.add(above)
                above = os.path.dirname(above)
        self.files -= self.folders

    def create(self):
        """What no stage makes; and the scripts of the stages."""
        root = self.project.root
        every = {out for outs in self.made.values() for out in outs}

        def is_made(path):
            while path.strip("/"):
                if path in every:
                    return True
                path = os.path.dirname(path)
            return False

        for path in sorted(self.folders):
            if not is_made(path):
                (root / path).mkdir(parents=True, exist_ok=True)
        for path in sorted(self.files):
            if (root / path).is_file():
                complete(root / path, self.project.params.get(path, ()))
            elif not is_made(path):
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_text(initial(path, self.project.params.get(path, ())))
        for path in self.folders:
            if not is_made(path) and not any((root / path).iterdir()):
                (root / path / "data").write_text("data\n")
        for address, outs in self.made.items():
            path, _, name = address.rpartition(":")
            script = root / ".dvc/make" / (path or "dvc.yaml") / name
            script.parent.mkdir(parents=True, exist_ok=True)
            script.write_text(self.script(address, outs))

    def script(self, address, outs):
        lines = ["set -e", 'cd "$DVC_ROOT"']
        for out in outs:
            is_folder = out in self.folders
            lines.append(f"mkdir -p {quote(out if is_folder else os.path.dirname(out) or '.')}")
            below = [f for f in self.files if f.startswith(out + "/")] if is_folder else [out]
            for file in below or [out + "/data"]:
                if "/" in file:
                    lines.append(f"mkdir -p {quote(os.path.dirname(file))}")
                lines.append(f"printf '%s\\n' {quote(self.content(file, address))} > {quote(file)}")
        lines.append(f"echo {quote(address)} >> .did")
        return "\n".join(lines) + "\n"

    def content(self, file, address):
        """What the project has of a file is what its stage writes: parameters must stay."""
        known = self.project.root / file
        if known.is_file():
            return known.read_text().rstrip("\n")
        return initial(file, self.project.params.get(file, ()), address)

    def rehash(self):
        """The .dvc files get the hashes of what was created."""
        for pointer, content in self.pointers.items():
            for out in content.get("outs", []):
                path = self.project.root / join(pointer.parent, content.get("wdir", "."), out["path"])
                if path.exists():
                    out.update(hashes(path))
            (self.project.root / pointer).write_text(json.dumps(content))


def initial(path, keys, told="made"):
    """Content of a file: where parameters are asked of it, it holds them."""
    if not keys and not path.endswith((".yaml", ".yml", ".json")):
        return f"{told} {path}\n"
    tree = {"made": told}
    add_keys(tree, keys)
    return json.dumps(tree)


def add_keys(tree, keys):
    """Dotted keys that the tree lacks; True if there were any."""
    lacked = False
    for key in keys:
        at = tree
        *above, last = key.split(".")
        for part in above:
            at = at.setdefault(part, {}) if isinstance(at, dict) else at
        if isinstance(at, dict) and last not in at:
            at[last] = 1
            lacked = True
    return lacked


def complete(file, keys):
    """A file of parameters in a language that YAML includes gets the keys that are asked of it."""
    if file.suffix in (".toml", ".py") or not keys:
        return
    tree = load(file.read_text())
    if isinstance(tree, dict) and add_keys(tree, sorted(keys)):
        file.write_text(json.dumps(tree, ensure_ascii=False))


def hashes(path):
    """What DVC records of a path: reference in tests/conformance/README.md."""
    if path.is_file():
        content = path.read_bytes()
        return {"hash": "md5", "md5": hashlib.md5(content).hexdigest(), "size": len(content)}
    entries = [{"md5": hashlib.md5(f.read_bytes()).hexdigest(), "relpath": f.relative_to(path).as_posix()}
               for f in path.rglob("*") if f.is_file()]
    entries.sort(key=lambda e: e["relpath"])
    size = sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    listing = json.dumps(entries, sort_keys=True).encode()
    return {"hash": "md5", "md5": hashlib.md5(listing).hexdigest() + ".dir", "size": size, "nfiles": len(entries)}


def with_commands(text, path):
    """A dvc.yaml whose commands create what each stage makes."""
    content = load(text)
    for stage in (content.get("stages") or {}).values():
        body = stage.get("do", stage)
        body.pop("frozen", None)  # DVC, too, runs no frozen stage whose outputs are not there
        body["cmd"] = MAKE.replace("PATH", path)
    return json.dumps(content, ensure_ascii=False, indent=1)


def make_runnable(project, plans):
    project.params = {}
    touched = Touched(project, plans)
    touched.settle()
    touched.create()
    touched.rehash()
    for path in plans:
        file = project.root / path
        file.write_text(with_commands(file.read_text(), path))
    return touched


def always_run(plans):
    """Stages that DVC and we run every time: always_changed, or neither deps nor outs nor params."""
    return {name if path == "dvc.yaml" else f"{path}:{name}"
            for path, plan in plans.items() for name, stage in plan["stages"].items()
            if stage.get("always_changed") or not any(stage.get(k) for k in ("deps", "params", "outs", "metrics", "plots"))}


def is_inside(plan):
    """All outputs lie in the project: nothing outside of the scratch copy is written."""
    return not any(os.path.isabs(out["path"]) for stage in plan["model"].values() for out in stage.get("outs", []))


__all__ = ["is_inside", "make_runnable", "always_run", "load", "support"]
