#!/usr/bin/env python3
"""Remotes that claim or deliver far too much: refused with a line that says what, within bounds of
memory. The servers are ours here, since no honest one does this.

    hostile.py [CASE...]"""
import hashlib
import http.server
import os
import resource
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import places  # noqa: E402
import project  # noqa: E402
from places import fault  # noqa: E402

MIB = 1 << 20


def peak_of(where, *words, **more):
    """What a command said, and the most memory it had, in MiB."""
    process = subprocess.Popen([fault.MLOPS, *words], cwd=where, env=fault.environment(**more),
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    told = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return told, process.returncode, usage.ru_maxrss / 1024


def judge(done, word, most_mib, statuses=(fault.MACHINE, fault.STORED)):
    told, status, peak = done
    faults = [] if status in statuses else [f"status {status}: {told[-500:]}"]
    faults += [] if word in told else [f"'{word}' is not said: {told[-500:]}"]
    return faults + ([] if peak < most_mib else [f"{peak:.0f} MiB of memory, more than {most_mib}"])


class Flood:
    """A web server each of whose answers is what `answer(method, path)` gives: a status, and bytes to
    be sent over and over (`times`)."""

    def __init__(self, answer):
        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def respond(self):
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                status, head, block, times, tail = answer(self.command, self.path)
                self.send_response(status)
                self.send_header("Content-Length", str(len(head) + len(block) * times + len(tail)))
                self.send_header("ETag", '"1"')
                self.end_headers()
                try:
                    self.wfile.write(head)
                    for _ in range(times):
                        self.wfile.write(block)
                    self.wfile.write(tail)
                except OSError:
                    self.close_connection = True
            do_GET = do_PROPFIND = do_HEAD = respond

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return f"localhost:{self.server.server_port}"

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


FORMAT = (200, b"mlops remote 1\n", b"", 0, b"")
NOTHING = (404, b"", b"", 0, b"")


def fresh(name, url, *settings):
    where = os.path.join(fault.scratch(), name)
    fault.remove(where)
    os.makedirs(where)
    project.git(where, "init", "-q")
    project.done(where, "init")
    project.done(where, "remote", "add", "origin", url, *settings, "--default")
    fault.write(f"{where}/data", "data\n")
    project.done(where, "add", "data")
    fault.remove(f"{where}/data")
    fault.remove(f"{where}/.mlops/cache")
    return where


def pull_from(answer, scheme="webdav"):
    with Flood(answer) as host:
        return peak_of(fresh("flooded", f"{scheme}://{host}/r"), "pull")


def try_endless_listing():
    """A page of 1000 names that is never the last."""
    rows = b"".join(b"<Contents><Key>p/pack/%064x</Key><Size>1000</Size><ETag>&quot;%032x&quot;</ETag></Contents>"
                    % (number, number) for number in range(1000))
    page = (b"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>x"
            b"</NextContinuationToken>" + rows + b"</ListBucketResult>")

    def answer(_, path):
        if "list-type" in path:
            return (200, page, b"", 0, b"")
        return FORMAT if path.endswith("/format") else NOTHING
    with Flood(answer) as host:
        where = fresh("s3", "s3://bucket/p", f"endpoint=http://{host}")
        done = peak_of(where, "pull", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
    return judge(done, "more than", 1000)


def try_many_elements():
    def answer(method, _):
        return (207, b"<multistatus>", b"<a/>" * 1024, 16000, b"</multistatus>") if method == "PROPFIND" \
            else FORMAT
    return judge(pull_from(answer), "elements", 300)


def try_one_element():
    """All of it inside of what is looked at as one."""
    def answer(method, _):
        return (207, b"<multistatus><response>", b"<a/>" * 1024, 16000, b"</response></multistatus>") \
            if method == "PROPFIND" else FORMAT
    return judge(pull_from(answer), "elements", 300)


def try_deep():
    def answer(method, _):
        return (207, b"", b"<a>" * 1024, 20000, b"") if method == "PROPFIND" else FORMAT
    return judge(pull_from(answer), "deeper", 200)


def try_long_answer():
    def answer(method, _):
        return (207, b"<multistatus>", b" " * MIB, 4000, b"") if method == "PROPFIND" else FORMAT
    return judge(pull_from(answer), "more than 67108864 bytes", 300)


def try_long_format():
    return judge(pull_from(lambda *_: (200, b"<html>", b" " * MIB, 4000, b"")), "holds something else", 100)


def try_long_list():
    def answer(_, path):
        return (200, b"", b"%064x\n" % 7 * 1024, 100000, b"") if path.endswith("list/packs") else FORMAT
    return judge(pull_from(answer, "http"), "more than", 600)


# --- packs that lie; they may be large, and take no room on the disk ---


def write_pack(folder, rows, size, count=None):
    """Rows (digest, offset, stored, raw, kind); all but the index is a hole."""
    index = b"".join(struct.pack("<32sQIIII", *row, 0) for row in sorted(rows))
    name = hashlib.sha256(index).hexdigest()
    rows_told = len(rows) if count is None else count
    offset = size - 64 - 56 * rows_told
    foot = struct.pack("<QQ", rows_told, offset) + bytes.fromhex(name) + bytes(8) + b"mlpkend1"
    os.makedirs(f"{folder}/pack", exist_ok=True)
    with open(f"{folder}/pack/{name}", "wb") as file:
        file.truncate(size)
        file.write(b"mlpack1\n")
        file.seek(size - 64 - len(index))
        file.write(index + foot)
    return name


def lying(name, make, keeps=False):
    """A project whose large file only such a pack claims to have; `keeps`: its own store has it."""
    where, store = (os.path.join(fault.scratch(), part) for part in (name, name + "-store"))
    for each in (where, store):
        fault.remove(each)
        os.makedirs(each)
    fault.write(f"{store}/format", "mlops remote 1\n")
    project.git(where, "init", "-q")
    project.done(where, "init")
    project.done(where, "remote", "add", "origin", store, "--default")
    big = os.urandom(3 * MIB)
    fault.write(f"{where}/big", big)
    project.done(where, "add", "big")
    if not keeps:
        fault.remove(f"{where}/.mlops/cache")
        fault.remove(f"{where}/big")
    make(store, hashlib.sha256(big).digest(), big)
    return where


def try_large_index():
    def make(store, *_):
        write_pack(store, [], 2 << 30, count=19 << 20)
    return judge(peak_of(lying("index", make), "pull"), "can't be used", 100, (fault.ANSWER,))


def try_large_manifest():
    def make(store, digest, _):
        write_pack(store, [(digest, 8, 400 * MIB, 400 * MIB, 2)], 500 * MIB)
    return judge(peak_of(lying("manifest", make), "pull"), "", 100, (fault.ANSWER,))


def try_larger_manifest():
    def make(store, digest, _):
        write_pack(store, [(digest, 8, 3 << 30, 3 << 30, 2)], 4 << 30)
    return judge(peak_of(lying("larger", make), "pull"), "too large", 100, (fault.ANSWER,))


def try_many_manifests():
    """A push looks at them all: each is within the limit, and none is of its file."""
    def make(store, digest, big):
        for number in range(16):
            write_pack(store, [(digest, 8 + number, 200 * MIB, 200 * MIB, 2)], 300 * MIB)
    where = lying("manifests", make, keeps=True)
    faults = judge(peak_of(where, "push"), "damaged", 400, (fault.OK,))
    fault.remove(f"{where}/.mlops/cache")
    fault.remove(f"{where}/big")
    return faults + judge(peak_of(where, "pull"), "", 100, (fault.OK,))


def try_packed():
    """Four GiB that claim to be one of two MiB when unpacked."""
    def make(store, digest, _):
        write_pack(store, [(digest, 8, 4000 * MIB, 2 * MIB, 1)], 4001 * MIB)
    return judge(peak_of(lying("packed", make), "pull"), "can't be used", 100, (fault.ANSWER,))


def try_beyond():
    """Rows that begin behind the end, or whose end overflows."""
    def make(store, digest, _):
        for offset in (1 << 40, (1 << 64) - 100, 1 << 63):
            write_pack(store, [(digest, offset, 100, 100, 0)], 1000)
    return judge(peak_of(lying("beyond", make), "pull"), "does not lie within it", 100, (fault.ANSWER,))


def try_many_rows():
    """A hundred thousand rows that all say they are the same bytes."""
    def make(store, _, big):
        rows = [(hashlib.sha256(b"%d" % number).digest(), 8, 2 * MIB, 2 * MIB, 0)
                for number in range(100000)]
        write_pack(store, rows, 20 * MIB)
    return judge(peak_of(lying("rows", make), "pull"), "", 200, (fault.ANSWER,))


def main():
    chosen = fault.arguments((["cases"], dict(nargs="*", help="names of cases")))
    tally = fault.Tally("hostile remotes")
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name, test in list(globals().items()):
        if name.startswith("try_") and (not chosen.cases or name[4:] in chosen.cases):
            tally.check(name[4:].replace("_", " "), test())
    sys.exit(1 if tally.bad else 0)


main()
