"""Physical floors: storebench's small programs, compiled where they are sources, and plain tools."""
import os
import re
import shutil
import subprocess
import time

LIBRARIES = {"gen": [], "cstat": ["-lpthread"], "co": ["-lpthread"],
             "addsim": ["-lcrypto", "-lsqlite3", "-lpthread"]}


class Floors:
    """Each gives seconds, or None where its program is missing."""

    def __init__(self, directory, scratch):
        self.programs = {}
        for name, libraries in LIBRARIES.items() if directory else ():
            source, program = os.path.join(directory, name + ".c"), os.path.join(directory, name)
            if not os.access(program, os.X_OK) and os.path.exists(source):
                program = os.path.join(scratch, name)
                done = subprocess.run(["gcc", "-O2", "-w", "-o", program, source, *libraries])
                if done.returncode != 0:
                    continue
            if os.access(program, os.X_OK):
                self.programs[name] = program

    def _run(self, name, *words):
        if name not in self.programs:
            return None
        done = subprocess.run([self.programs[name], *map(str, words)], capture_output=True, text=True)
        found = re.search(r"([0-9.]+) s\b", done.stdout)
        return float(found.group(1)) if done.returncode == 0 and found else None

    def gen(self, directory, count, kib):
        """Whether the files were made."""
        if "gen" not in self.programs or count % 1000:
            return False
        os.makedirs(directory, exist_ok=True)
        done = subprocess.run([self.programs["gen"], directory, str(count // 1000), "1000",
                               str(kib << 10)], capture_output=True)
        return done.returncode == 0

    def add(self, source, store, count):
        """Reading, hashing, appending to packs, one sync; two threads."""
        return self._run("addsim", source, store, count // 1000, 1000, "pack", 2)

    def walk(self, directory, count):
        """getdents and statx of everything, two threads."""
        return self._run("cstat", directory, max(1, count // 1000), 2, 0)

    def checkout(self, mode, source, target, count):
        return self._run("co", source or "-", target, count // 1000, 1000, mode, 2)

    @staticmethod
    def copy(path, reflink):
        """A durable copy; with reflinks what is left is hashing."""
        began = time.perf_counter()
        if reflink:
            subprocess.run(["openssl", "dgst", "-sha256", path], check=True, capture_output=True)
        else:
            shutil.copyfile(path, path + ".copy")
            subprocess.run(["sync", path + ".copy"], check=True)
            os.unlink(path + ".copy")
        return time.perf_counter() - began
