#!/usr/bin/env python3
"""Times mlops on data, beside its peers and the physical floors of the machine, in one run; prints a
Markdown table of medians.

    python3 tests/bench/data.py --mlops build/release/src/mlops [--work DIR] [--rounds 5] [--quick]
        [--only add,status,...] [--floors DIR] [--install-peers] [--image ext4|xfs|btrfs|none]

Rows: add status checkout large transfer s3 second million reflink. As root everything happens in
fresh directories of a journaled file system in a file (--image; `reflink` makes an XFS of its own),
since `/` may be none. Ours and its floor are measured in turn, on the same files, either first every
other time; "x floor" is the median of the ratios of the rounds. Floors are the programs of storebench
(--floors or $MLOPS_STOREBENCH; compiled where they are sources). Peers are used where they are
installed; --install-peers gets dvc, xvc, git-annex, borg, ostree, restic, rclone and rsync first.
"""
import argparse
import contextlib
import os
import random
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import peers
from floors import Floors
from volume import GIB, QUIET, Volume, settle

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../support"))
ROWS = ["add", "status", "checkout", "large", "transfer", "s3", "second", "million", "reflink"]


def end_group(leader):
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


class TooSlow(RuntimeError):
    """A peer that was not waited for: its figure is the limit."""


class Bench:
    def __init__(self, options, volume):
        self.mlops = os.path.abspath(options.mlops)
        self.volume, self.work = volume, volume.where
        self.options, self.rows, self.counter = options, [], 0
        self.quick, self.limit = options.quick, None
        self.floors = Floors(options.floors, options.scratch)
        self.peers = peers.found(options.tools)

    @contextlib.contextmanager
    def elsewhere(self, kind, gib, inodes=4_000_000):
        """Works on another volume meanwhile."""
        before = self.volume
        self.counter += 1
        volume = Volume(self.options.scratch, kind, gib, inodes, f"{self.counter:03d}")
        self.volume, self.work = volume, volume.where
        try:
            yield volume
        finally:
            self.volume, self.work = before, before.where
            volume.close()

    def fresh(self, name):
        self.counter += 1
        path = os.path.join(self.work, f"{self.counter:03d}-{name}")
        os.makedirs(path)
        return path

    def once(self, command, cwd, env=None):
        """(seconds, peak bytes) of a command that has to succeed."""
        with tempfile.TemporaryFile() as told:
            began = time.perf_counter()
            child = subprocess.Popen(command, cwd=cwd, env=env, stderr=told,
                                     start_new_session=True, **QUIET)
            watch = threading.Timer(self.limit or 86400, end_group, [child.pid])
            watch.start()
            _, status, usage = os.wait4(child.pid, 0)
            watch.cancel()
            elapsed = time.perf_counter() - began
            if self.limit and elapsed >= self.limit:
                raise TooSlow(f"takes more than {self.limit} s")
            child.returncode = status
            told.seek(0)
            if status != 0:
                raise RuntimeError(f"{command} ended with {status} in {cwd}: "
                                   f"{told.read()[-800:].decode(errors='replace')}")
        return elapsed, usage.ru_maxrss * 1024

    def time(self, *words, cwd, env=None):
        return self.once([self.mlops, *words], cwd, env)[0]

    def peer_rounds(self, measure):
        """The median over fresh directories; `measure` gives seconds."""
        times = []
        for _ in range(self.options.peer_rounds):
            settle(self.work)
            times.append(measure())
        return statistics.median(times)

    def paired(self, prepare, ours, floor):
        """Medians of ours, of the floor and of their ratios (None where there is no floor), each
        round in a place of its own; either goes first in turn."""
        told = []
        for i in range(self.options.rounds):
            where, spent = prepare(), {}
            for measure in (ours, floor) if i % 2 == 0 else (floor, ours):
                settle(self.work)
                spent[measure] = measure(where)
            told.append((spent[ours], spent[floor]))
            self.volume.discard(where)
        mine = statistics.median(a for a, _ in told)
        if any(b is None for _, b in told):
            return mine, None, None
        return (mine, statistics.median(b for _, b in told),
                statistics.median(a / b for a, b in told))

    def beside(self, names, measure):
        """{peer: seconds} of those that are there and succeed."""
        told = {}
        for name in names:
            if name not in self.peers:
                continue
            self.limit = self.options.peer_limit
            try:
                told[name] = self.peer_rounds(lambda: measure(self.peers[name]))
            except TooSlow:
                told[name] = self.limit
            except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
                print(f"  {name} left out: {str(error)[-300:]}", file=sys.stderr)
            finally:
                self.limit = None
        return told

    def row(self, what, ours, aim=None, floor=None, beside=None, note="", unit=None):
        """`ours` is a figure, or what `paired` gives."""
        unit, ratio = unit or seconds, None
        if isinstance(ours, tuple):
            ours, floor, ratio = ours
        elif floor:
            ratio = ours / floor
        self.rows.append((what, ours, aim, floor, ratio, beside or {}, note, unit))
        print(f"  {what}: {unit(ours)}, floor {unit(floor) if floor else '-'}"
              f"{f' ({ratio:.2f}x)' if ratio else ''}, aim "
              f"{unit(aim) if aim else '-'}, " + ", ".join(
                  f"{k} {unit(v)}" for k, v in (beside or {}).items()) + f" {note}",
              file=sys.stderr, flush=True)

    def table(self):
        print("| what | mlops | floor | x floor | aim | met | peers (times mlops) | note |")
        print("|---|---|---|---|---|---|---|---|")
        for what, ours, aim, floor, ratio, beside, note, unit in self.rows:
            met = "" if aim is None or self.quick else "yes" if ours <= aim else "MISSED"
            shown = ", ".join(f"{name} {unit(value)} ({value / max(ours, 1e-9):.1f}x)"
                              for name, value in beside.items())
            print(f"| {what} | {unit(ours)} | {unit(floor) if floor else ''} | "
                  f"{f'{ratio:.2f}' if ratio else ''} | {unit(aim) if aim else ''} | {met} | "
                  f"{shown} | {note} |")


def seconds(value):
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def size(value):
    return f"{value / 1e6:.1f} MB"


def small_files(directory, count, floors, kib=4):
    """100 directories (1,000 for a million) of 1,000 files, named as storebench has them."""
    if floors.gen(directory, count, kib):
        return directory
    block = os.urandom(kib << 10)
    for at in range(0, count, 1000):
        below = f"{directory}/d{at // 1000:03d}"
        os.makedirs(below)
        for i in range(min(1000, count - at)):
            with open(f"{below}/f{i:06d}.bin", "wb", buffering=0) as file:
                file.write((at + i).to_bytes(8, "little") + block[8:])
    return directory


def large_file(path, length):
    noise = random.Random(length)
    with open(path, "wb", buffering=0) as file:
        for _ in range(0, length, 8 << 20):
            file.write(noise.randbytes(min(8 << 20, length)))
        file.truncate(length)


def change_share(path, share=0.01, places=20):
    """`share` of the bytes, in some places."""
    length = os.path.getsize(path)
    piece = int(length * share / places)
    with open(path, "r+b") as file:
        for i in range(places):
            file.seek(int(length * (i + 0.3) / places))
            file.write(os.urandom(piece))


class Data:
    """The rows; each leaves what a later one needs."""

    def __init__(self, bench):
        self.bench = bench
        self.count = 2000 if bench.quick else 100_000
        self.large = int((0.05 if bench.quick else bench.options.big_gib) * GIB)
        self.transfer = int((0.02 if bench.quick else bench.options.transfer_gib) * GIB)

    def project(self, name="project", count=None, words=()):
        where = self.bench.fresh(name)
        small_files(f"{where}/data", count or self.count, self.bench.floors)
        subprocess.run(["git", "init", "-q"], cwd=where, check=True)
        self.bench.time("init", cwd=where)
        for word in words:
            self.bench.time("config", "set", "--local", *word, cwd=where)
        settle(where)
        return where

    def peer_project(self, peer, fill):
        where = self.bench.fresh(peer.name)
        fill(where)
        peer.init(where)
        settle(where)
        return where

    def add(self):
        bench = self.bench

        def ours(where):
            return bench.time("add", "-q", "data", cwd=where)

        def floor(where):
            return bench.floors.add(where + "/data", where + "/floor", self.count)

        def peer(tool):
            where = self.peer_project(tool, lambda w: small_files(f"{w}/data", self.count,
                                                                  bench.floors))
            spent = sum(bench.once(c, where, tool.env)[0] for c in tool.add(where))
            bench.volume.discard(where)
            return spent
        bench.row(f"add {self.count:,} x 4 KiB, durable",
                  bench.paired(self.project, ours, floor), 1.2, None,
                  bench.beside(["git", "dvc", "restic", "git-annex", "borg", "ostree", "xvc"], peer))

    def _status(self, count, aim, memory):
        bench = self.bench
        where = self.project("status", count)
        bench.time("add", "-q", "data", cwd=where)
        bench.time("status", cwd=where)
        peaks = []

        def ours(_):
            spent, peak = bench.once([bench.mlops, "status"], where)
            peaks.append(peak)
            return spent

        def floor(_):
            return bench.floors.walk(where + "/data", count)
        told_peers = {}
        for name in ("git", "dvc") if count <= 100_000 else ("git",):
            if name not in bench.peers:
                continue
            tool = bench.peers[name]
            there = self.peer_project(tool, lambda w: small_files(f"{w}/data", count, bench.floors))
            for command in tool.add(there):
                bench.once(command, there, tool.env)
            bench.once(tool.status, there, tool.env)
            told_peers[name] = statistics.median(bench.once(tool.status, there, tool.env)[0]
                                                 for _ in range(bench.options.peer_rounds))
            bench.volume.discard(there)
        bench.row(f"status, unchanged, {count:,} files",
                  bench.paired(lambda: bench.fresh("nothing"), ours, floor), aim, None, told_peers)
        bench.row(f"peak memory of that, {count:,} files", max(peaks), memory, unit=size)
        bench.volume.discard(where)

    def status(self):
        self._status(self.count, 0.13, None)

    def million(self):
        """On a volume of its own: the rows before it may have left no inodes for so many files."""
        count = 5000 if self.bench.quick else 1_000_000
        with self.bench.elsewhere(self.bench.options.image, 4 if self.bench.quick else 24, count * 4):
            self._status(count, 1.4, 120e6)

    def checkout(self):
        bench = self.bench

        def ours(where):
            shutil.rmtree(where + "/data")
            settle(where)
            return bench.time("checkout", "-q", cwd=where)

        def floor_from_pack(where):
            return bench.floors.checkout("pack", None, where + "/floor", self.count)

        def floor_by_link(where):
            small_files(where + "/source", self.count, bench.floors)
            settle(where)
            return bench.floors.checkout("link", where + "/source", where + "/floor", self.count)

        def peer(tool):
            where = self.peer_project(tool, lambda w: small_files(f"{w}/data", self.count,
                                                                  bench.floors))
            for command in tool.add(where):
                bench.once(command, where, tool.env)
            shutil.rmtree(where + "/data")
            settle(where)
            spent = bench.once(tool.checkout(where), where, tool.env)[0]
            bench.volume.discard(where)
            return spent

        def made(*words):
            where = self.project("checkout", words=words)
            bench.time("add", "-q", "data", cwd=where)
            return where
        told = bench.beside(["git", "dvc", "restic", "borg", "ostree"], peer)
        bench.row(f"checkout of {self.count:,} files from packs",
                  bench.paired(made, ours, floor_from_pack), 1.6, None, told)
        link = [("cache.link", "hardlink"), ("cache.link_force", "true")]
        bench.row(f"checkout of {self.count:,} files, cache.link: hardlink",
                  bench.paired(lambda: made(*link), ours, floor_by_link), 1.0, None, told)

    def _large(self, name, aim):
        bench = self.bench

        def fill(where):
            large_file(where + "/big.bin", self.large)

        def prepare():
            shutil.rmtree(where + "/.mlops", ignore_errors=True)
            bench.time("init", cwd=where)
            return bench.fresh("nothing")

        def ours(_):
            spent = bench.time("add", "-q", "big.bin", cwd=where)
            shutil.rmtree(where + "/.mlops")
            os.unlink(where + "/big.bin.mlops")
            return spent

        def floor(_):
            return bench.floors.copy(where + "/big.bin", reflink=name == "reflink")

        def peer(tool):
            where = self.peer_project(tool, fill)
            spent = sum(bench.once(c, where, tool.env)[0] for c in tool.add(where, "big.bin"))
            shutil.rmtree(where)
            return spent
        where = bench.fresh(name)
        fill(where)
        subprocess.run(["git", "init", "-q"], cwd=where, check=True)
        pair = bench.paired(prepare, ours, floor)
        shutil.rmtree(where)
        bench.row(f"add {self.large / GIB:g} GiB by {name}", pair, aim, None,
                  bench.beside(["dvc", "restic", "git-annex", "borg"], peer) if name == "copy" else {},
                  "floor: cp and sync" if name == "copy" else "floor: SHA-256 by openssl")

    def _large_aim(self, seconds_for_10):
        return seconds_for_10 * self.large / (10 * GIB)

    def large_(self):
        self._large("copy", self._large_aim(11))

    def reflink(self):
        with self.bench.elsewhere("xfs", self.large / GIB * 2.5 + 1) as volume:
            if volume.image:
                self._large("reflink", self._large_aim(6.8))

    # --- transfers ---

    def sent_project(self):
        """Small files and a large one, `transfer` bytes, added."""
        where = self.project("sent", max(1000, self.count // 10))
        large_file(where + "/data/big.bin", self.transfer)
        self.bench.time("add", "-q", "data", cwd=where)
        return where

    def _both(self, name, url, words, env, beside):
        bench = self.bench
        times = {"push": [], "pull": []}
        for i in range(bench.options.rounds):
            where = self.sent_project()
            bench.time("remote", "add", "origin", url(i), *words, "--default", "--local", cwd=where)
            settle(where)
            times["push"].append(bench.time("push", "-q", cwd=where, env=env))
            shutil.rmtree(where + "/.mlops/cache")
            shutil.rmtree(where + "/data")
            settle(where)
            times["pull"].append(bench.time("pull", "-q", cwd=where, env=env))
            shutil.rmtree(where)
        told = f"{max(1000, self.count // 10):,} x 4 KiB and {size(self.transfer)}"
        for command, spent in times.items():
            bench.row(f"{command}, {name}: {told}", statistics.median(spent),
                      beside={tool: both[command] for tool, both in beside.items()})

    def _copied(self, commands):
        """{tool: {push:, pull:}} of tools that copy a tree there and back."""
        bench, told = self.bench, {}
        for name, (there, back) in commands.items():
            if not shutil.which(there[0]):
                continue
            where = self.sent_project()
            try:
                settle(where)
                push = bench.once([w.format(source=where + "/data") for w in there], where)[0]
                settle(where)
                pull = bench.once([w.format(target=where + "/back") for w in back], where)[0]
                told[name] = {"push": push, "pull": pull}
            except RuntimeError as error:
                print(f"  {name} left out: {str(error)[-300:]}", file=sys.stderr)
            shutil.rmtree(where)
        return told

    def transfer_(self):
        bench = self.bench
        a, b = bench.fresh("rsync"), bench.fresh("rclone")
        beside = self._copied({
            "rsync": (["rsync", "-a", "{source}/", a], ["rsync", "-a", a + "/", "{target}"]),
            "rclone": (["rclone", "copy", "{source}", b], ["rclone", "copy", b, "{target}"])})
        if "dvc" in bench.peers:
            beside["dvc"] = self._dvc(bench.fresh("dvc-remote"), [], None)
        self._both("directory", lambda i: bench.fresh("remote"), [], None, beside)

    def _dvc(self, url, settings, env):
        bench, tool = self.bench, self.bench.peers["dvc"]

        def fill(where):
            small_files(f"{where}/data", max(1000, self.count // 10), bench.floors)
            large_file(where + "/data/big.bin", self.transfer)
        where = self.peer_project(tool, fill)
        env = dict(tool.env, **(env or {}))
        for command in tool.add(where):
            bench.once(command, where, env)
        bench.once([tool.program, "remote", "add", "-d", "origin", url], where, env)
        for name, value in settings:
            bench.once([tool.program, "remote", "modify", "origin", name, value], where, env)
        push = bench.once([tool.program, "push", "-q"], where, env)[0]
        shutil.rmtree(where + "/.dvc/cache")
        shutil.rmtree(where + "/data")
        pull = bench.once([tool.program, "pull", "-q"], where, env)[0]
        shutil.rmtree(where)
        return {"push": push, "pull": pull}

    def s3(self):
        from servers import base, s3
        bench = self.bench
        try:
            server = s3.S3(bench.fresh("s3"), workers=2)
        except base.Missing as missing:
            print(f"  S3 left out: {missing}", file=sys.stderr)
            return
        with server:
            server.make_bucket("bench")
            env = dict(os.environ, **server.environment())
            os.environ.pop("AWS_CA_BUNDLE", None)  # rclone stops at it
            os.environ.update(rclone_settings(server, s3))
            beside = self._copied({"rclone": (
                ["rclone", "copy", "--transfers=8", "{source}", "bench:bench/rclone"],
                ["rclone", "copy", "--transfers=8", "bench:bench/rclone", "{target}"])})
            if "dvc" in bench.peers:
                try:
                    beside["dvc"] = self._dvc("s3://bench/dvc",
                                              [("endpointurl", server.endpoint())],
                                              server.environment())
                except RuntimeError as error:
                    print(f"  dvc left out: {str(error)[-300:]}", file=sys.stderr)
            words = [f"endpoint={server.endpoint()}", f"region={s3.REGION}"]
            self._both("S3 (Swift)", lambda i: f"s3://bench/mlops{i}", words, env, beside)

    def second(self):
        """The same large file with 1 % changed: what travels, and how long it takes."""
        bench = self.bench
        where, remote = bench.fresh("second"), bench.fresh("remote")
        subprocess.run(["git", "init", "-q"], cwd=where, check=True)
        bench.time("init", cwd=where)
        large_file(where + "/big.bin", self.transfer)
        bench.time("add", "-q", "big.bin", cwd=where)
        bench.time("remote", "add", "origin", remote, "--default", "--local", cwd=where)
        bench.time("push", "-q", cwd=where)
        before = used(remote)
        for title, places_ in (("20 places", 20), ("one place", 1)):
            change_share(where + "/big.bin", places=places_)
            bench.time("add", "-q", "big.bin", cwd=where)
            settle(where)
            spent = bench.time("push", "-q", cwd=where)
            after = used(remote)
            sent, before = after - before, after
            bench.row(f"bytes of a second version, 1 % of {size(self.transfer)} in {title}", sent,
                      0.03 * self.transfer, 0.01 * self.transfer, unit=size,
                      note=f"pushed in {seconds(spent)}; an average chunk is 0.5 MB",
                      beside=self._second_of_peers(places_))

    def _second_of_peers(self, places_):
        told = {}
        for name in ("restic", "borg", "dvc"):
            tool = self.bench.peers.get(name)
            if not tool:
                continue
            try:
                where = self.peer_project(tool, lambda w: large_file(w + "/big.bin", self.transfer))
                for command in tool.add(where, "big.bin"):
                    self.bench.once(command, where, tool.env)
                before = used(where + "/" + tool.store)
                change_share(where + "/big.bin", places=places_)
                for command in tool.add(where, "big.bin", second=True):
                    self.bench.once(command, where, tool.env)
                told[name] = used(where + "/" + tool.store) - before
                shutil.rmtree(where)
            except RuntimeError as error:
                print(f"  {name} left out: {str(error)[-300:]}", file=sys.stderr)
        return told


def rclone_settings(server, s3):
    """A remote `bench:` that stands in no file."""
    values = dict(type="s3", provider="Other", access_key_id=s3.KEY_ID, region=s3.REGION,
                  secret_access_key=s3.SECRET, endpoint=server.endpoint(), force_path_style="true")
    return {f"RCLONE_CONFIG_BENCH_{name.upper()}": value for name, value in values.items()}


def used(directory):
    return sum(os.path.getsize(os.path.join(folder, name))
               for folder, _, names in os.walk(directory) for name in names)


def parse():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mlops", required=True)
    parser.add_argument("--work", help="a directory with room; default: a temporary one")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peer-rounds", type=int, default=3)
    parser.add_argument("--peer-limit", type=int, default=120,
                        help="seconds for one command of a peer; that figure stands for more")
    parser.add_argument("--quick", action="store_true", help="small sizes: does the bench work?")
    parser.add_argument("--big-gib", type=float, help="default: 10, or what there is room for")
    parser.add_argument("--transfer-gib", type=float, default=1)
    parser.add_argument("--warm-gib", type=float, default=4,
                        help="written and removed first, so that the machine has its memory")
    parser.add_argument("--only", default=",".join(ROWS), help="rows, with commas between")
    parser.add_argument("--image", default="ext4", choices=["ext4", "xfs", "btrfs", "none"])
    parser.add_argument("--floors", default=os.environ.get("MLOPS_STOREBENCH"))
    parser.add_argument("--tools", help="where --install-peers puts them; default: below --work")
    parser.add_argument("--install-peers", action="store_true")
    options = parser.parse_args()
    unknown = set(options.only.split(",")) - set(ROWS)
    if unknown:
        parser.error(f"no such rows: {', '.join(unknown)}")
    return options


def main():
    options = parse()
    scratch = tempfile.mkdtemp(prefix="mlops-bench-", dir=options.work)
    options.scratch = scratch
    options.tools = options.tools or os.path.join(options.work or scratch, "tools")
    room = shutil.disk_usage(scratch).free / GIB
    if options.big_gib is None:
        options.big_gib = 10 if room > 45 else max(1, int(room / 5))
    if options.quick:
        options.rounds = options.peer_rounds = 1
    if options.install_peers:
        peers.install(options.tools)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    volume = Volume(scratch, options.image, 4 if options.quick else min(room * 0.8, 60))
    try:
        volume.warm_up(0.1 if options.quick else options.warm_gib)
        bench = Bench(options, volume)
        data = Data(bench)
        for name in options.only.split(","):
            test = getattr(data, name + "_", None) or getattr(data, name)
            try:
                test()
            except RuntimeError as error:
                print(f"  {name} left out: {error}", file=sys.stderr)
        bench.table()
    finally:
        volume.close()
        shutil.rmtree(scratch, ignore_errors=True)


if __name__ == "__main__":
    main()
