#!/usr/bin/env python3
"""test_s3_second.py [TRANSPORT_TOOL]: S3 against every other server of servers/second.py that is here."""
import threading
import time

from rig import Remote, base, check, content, main, make_file, proxy, stops
from servers import second

PARTS, BUCKET, PREFIX = 70000000, "bucket", "a b/pré+x"  # 5 parts


class Scene:
    def __init__(self, server):
        self.server = server
        self.small, self.other = make_file("small", 100, seed=1), make_file("other", 200, seed=2)
        self.parts = make_file("parts", PARTS)

    def remote(self, port=None, **settings):
        settings.setdefault("url", f"s3://{BUCKET}/{PREFIX}")
        return Remote(self.server.environment(), endpoint=f"http://localhost:{port or self.server.port}",
                      **settings)

    def check(self, name, holds, told=""):
        check(f"{self.server.kind}: {name}", holds, told)


def try_operations(scene):
    remote = scene.remote()
    scene.check("nothing is there at first", remote.names() == [] and remote.run("stat", "x").text == "absent")
    first, second_ = remote.run("put", "pack/x", scene.small), remote.run("put", "pack/x", scene.other)
    scene.check("a new name is written once", (first.text, second_.text) == ("written 100", "existed 0")
                and remote.run("get", "pack/x").out == content(scene.small), (first, second_))
    scene.check("a name is replaced", remote.run("replace", "top", scene.small).status == 0
                and remote.run("replace", "top", scene.other).status == 0
                and remote.run("get", "top").out == content(scene.other))
    scene.check("all names are listed, below what holds blanks and more than ASCII",
                remote.names() == ["pack/x", "top"] and remote.names("pack/") == ["pack/x"], remote.names())
    scene.check("a part is read", remote.run("get", "top", "70", "10").out == content(scene.other)[70:80])
    scene.check("the end is read", remote.run("get", "top", "190", "-1").out == content(scene.other)[190:]
                and remote.run("get", "top", "200", "-1").status == 0)
    scene.check("a part behind the end is an error", remote.run("get", "top", "201", "-1").fails("ends before"))
    scene.check("an absent name is no error", remote.run("get", "nothing").error == "absent\n")
    scene.check("a name is removed, and absent is fine", remote.run("remove", "top").status == 0
                and remote.run("remove", "top").status == 0 and remote.names() == ["pack/x"])
    done = scene.remote(url="s3://no-such-bucket/x").run("list", "-")
    scene.check("a bucket that is not there is told", done.fails("NoSuchBucket"), done)


def try_pages(scene):
    remote = scene.remote(url=f"s3://{BUCKET}/many")
    names = [f"n/{number:04}" for number in range(1003)]
    for name in names:
        scene.server.request("PUT", f"/{BUCKET}/many/{name}", body=b"x")
    scene.check("a listing of two pages is whole", remote.names() == names, len(remote.names()))


def try_two_writers(scene):
    """Of many that write one name at once, what lies there is of one of them, whole."""
    results = []
    threads = [threading.Thread(target=lambda path=path: results.append(
        scene.remote().run("put", "pack/race", path))) for path in [scene.small, scene.other] * 3]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    there = scene.remote().run("get", "pack/race").out
    scene.check("writers at once leave the bytes of one", all(each.status == 0 for each in results)
                and there in (content(scene.small), content(scene.other)), results)


def try_parts(scene):
    with proxy.Proxy(scene.server.port) as faulty:
        remote = scene.remote(faulty.port, timeout_ms=5000)

        def sent():
            return sum(each.sent for each in faulty.take_log() if each.method == "PUT" and not each.rule)
        done = remote.run("put", "pack/big", scene.parts)
        scene.check("a large file goes in parts", done.text == f"written {PARTS}" and sent() == PARTS
                    and remote.run("get", "pack/big").out == content(scene.parts), done)
        scene.check("and is not replaced", remote.run("put", "pack/big", scene.parts).text == "existed 0")
        faulty.set_rules([dict(path="partNumber=3", cut_request=5000000, times=1)])
        faulty.take_log()
        done = remote.run("put", "pack/cut", scene.parts)
        scene.check("only a part that breaks off is sent again", done.text == f"written {PARTS}"
                    and sent() == PARTS and remote.run("get", "pack/cut").out == content(scene.parts), done)
        faulty.set_rules([dict(path="partNumber=4", rate=100000)])
        faulty.take_log()

        def reached():
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and not any(
                    "partNumber=4" in each.path and each.sent for each in faulty.log):
                time.sleep(0.05)
        ended = stops(remote, "put", "pack/stopped", scene.parts, after=reached)
        left = remote.run("unfinished", "-").text.splitlines()
        scene.check("what was stopped is left unfinished", ended
                    and [line.split()[0] for line in left] == ["pack/stopped"], left)
        faulty.set_rules([])
        faulty.take_log()
        done = remote.run("put", "pack/stopped", scene.parts)
        again = sent()
        scene.check("and goes on where it was", done.text == f"written {PARTS}" and again < PARTS / 2
                    and remote.run("get", "pack/stopped").out == content(scene.parts), (done, again))
        scene.check("nothing is unfinished then", remote.run("unfinished", "-").text == "")


def try_server(kind):
    with second.Second(kind) as server:
        server.make_bucket(BUCKET)
        scene = Scene(server)
        for test in (try_operations, try_pages, try_two_writers, try_parts):
            test(scene)


def run_all():
    for kind in second.KINDS:
        try:
            try_server(kind)
        except base.Missing as error:
            print(f"ok {kind} # skip {error}", flush=True)


if __name__ == "__main__":
    main(run_all)
