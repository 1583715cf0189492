#!/usr/bin/env python3
"""The servers and the proxy do what their README says."""
import http.client
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from servers import base, proxy, s3, ssh, web  # noqa: E402

bad = 0


def check(name, holds, told=""):
    global bad
    print(("ok " if holds else "not ok ") + name + ("" if holds else f"\n  {told}"), flush=True)
    bad += not holds


def shell(*words, text=None):
    return subprocess.run(words, input=text, capture_output=True, text=True, timeout=60)


def curl(*words):
    done = shell("curl", "-sS", "-m", "20", "-w", "\n%{http_code}", *words)
    body, _, status = done.stdout.rpartition("\n")
    return int(status or 0), body, done.stderr


def test_ssh(with_binary):
    name = "sftp-server" if with_binary else "internal sftp"
    with ssh.Ssh(with_binary=with_binary) as server:
        base.write(server.root + "/a", "hello\n")
        done = shell("sftp", "-q", "-F", server.config, "-b", "-", ssh.ALIAS,
                     text=f"cd {server.root}\nrename a b\nput {server.root}/b c\n")
        check(f"{name} takes files", done.returncode == 0
              and sorted(os.listdir(server.root)) == ["b", "c"], done)
    gone = shell("ssh", "-F", server.config, ssh.ALIAS, "true")
    check(f"{name} is gone afterwards", gone.returncode == 255 and not os.path.exists(server.directory))


def test_web():
    with web.Web() as server:
        def url(name):
            return server.url(name, "d/x").replace("webdav", "http")
        user, ca = ("-u", f"{web.USER}:{web.PASSWORD}"), ("--cacert", server.ca)
        status = [curl("-T", __file__, url("dav"))[0], curl(url("plain"))[0],
                  curl("-T", __file__, url("plain"))[0], curl(url("auth"))[0],
                  curl(*user, url("auth"))[0], curl(url("token"))[0],
                  curl("-H", "Authorization: Bearer " + web.TOKEN, url("token"))[0],
                  curl(*ca, url("tls"))[0], curl(url("tls"))[0], curl(*ca, url("tls_other"))[0],
                  curl(*ca, url("tls_expired"))[0], curl(*ca, *user, url("tls_auth"))[0]]
        check("nginx answers at each port as it should",
              status == [201, 200, 403, 401, 200, 401, 200, 200, 0, 0, 0, 200], status)
        listed = curl("-X", "PROPFIND", "-H", "Depth: 1", server.url("dav").replace("webdav", "http"))
        check("nginx lists by WebDAV", listed[0] == 207 and "<D:href>/d/" in listed[1], listed)


def test_s3(server):
    server.make_bucket("bucket")
    put = server.request("PUT", "/bucket/pack/x", body=b"hello" * 100)
    check("S3 keeps objects", put[0] == 200, put)
    part = server.request("GET", "/bucket/pack/x", headers={"Range": "bytes=2-6"})
    check("S3 knows ranges", part[:2] == (206, b"llohe"), part)
    wrong = server.request("GET", "/bucket", secret="wrong")
    check("S3 checks signatures", wrong[0] == 403 and b"SignatureDoesNotMatch" in wrong[1], wrong)
    late = server.request("GET", "/bucket", when=time.time() - 3600)
    check("S3 checks the clock", late[0] == 403 and b"RequestTimeTooSkewed" in late[1], late)
    begun = server.request("POST", "/bucket/big", {"uploads": ""})
    upload = re.search(rb"<UploadId>(.*?)<", begun[1]).group(1).decode()
    parts = [server.request("PUT", "/bucket/big", {"partNumber": str(i + 1), "uploadId": upload},
                            body=body) for i, body in enumerate((b"a" * (5 << 20), b"b"))]
    listed = server.request("GET", "/bucket/big", {"uploadId": upload})
    check("S3 lists parts", listed[1].count(b"<Part>") == 2, listed)
    text = "".join(f"<Part><PartNumber>{i + 1}</PartNumber><ETag>{part[2]['ETag']}</ETag></Part>"
                   for i, part in enumerate(parts))
    server.request("POST", "/bucket/big", {"uploadId": upload},
                   body=f"<CompleteMultipartUpload>{text}</CompleteMultipartUpload>".encode())
    size = server.request("HEAD", "/bucket/big")[2]["Content-Length"]
    check("S3 puts parts together", size == str((5 << 20) + 1), size)
    other = curl("--aws-sigv4", f"aws:amz:{s3.REGION}:s3", "-u", f"{s3.KEY_ID}:{s3.SECRET}", "-H",
                 "x-amz-content-sha256: UNSIGNED-PAYLOAD",
                 f"http://bucket.localhost:{server.port}/pack/x")
    check("S3 takes virtual-host style, signed by curl", other[:2] == (200, "hello" * 100), other)


def test_s3_restart(server):
    server.kill()
    try:
        server.request("GET", "/bucket")
        check("S3 is gone when killed", False)
    except OSError:
        check("S3 is gone when killed", True)
    server.start()
    got = server.request("GET", "/bucket/pack/x")
    check("S3 keeps its objects over a kill", got[1] == b"hello" * 100, got)


def get(port, method="GET", body=None):
    """(status, body), or what went wrong."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request(method, "/x", body=body)
        answer = connection.getresponse()
        return answer.status, answer.read(), dict(answer.headers)
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__, getattr(error, "partial", b""), {}
    finally:
        connection.close()


def test_proxy():
    with web.Web() as server, proxy.Proxy(server.ports["dav"]) as faulty:
        content = bytes(range(256)) * 1000
        check("the proxy passes requests", get(faulty.port, "PUT", content)[0] == 201)
        check("the proxy passes answers", get(faulty.port)[1] == content)
        log = faulty.take_log()
        check("the proxy counts bytes", (log[0].sent, log[1].received) == (len(content),) * 2)
        for name, rule, holds in [
                ("status", dict(status=503, retry_after=7), lambda a: a[0] == 503
                 and a[2]["Retry-After"] == "7"),
                ("cut", dict(cut=1000), lambda a: a[0] in ("ConnectionResetError", "IncompleteRead")),
                ("truncate", dict(truncate=1000), lambda a: a[0] == "IncompleteRead"
                 and len(a[1]) == 1000),
                ("shorten", dict(shorten=1000), lambda a: a[:2] == (200, content[:1000])),
                ("flip", dict(flip=70000), lambda a: a[0] == 200 and len(a[1]) == len(content)
                 and sum(x != y for x, y in zip(a[1], content)) == 1),
                ("replace", dict(replace="no"), lambda a: a[:2] == (200, b"no")),
                ("stall", dict(stall=1000), lambda a: a[0] in ("TimeoutError", "timeout")),
                ("drop", dict(drop=True), lambda a: isinstance(a[0], str)),
                ("rate", dict(rate=1 << 20), lambda a: a[1] == content)]:
            faulty.set_rules([dict(rule, method="GET", path="/x", times=1)])
            told = get(faulty.port)
            check(f"the proxy can {name}", holds(told), told[:1])
            check(f"the proxy can {name} once", get(faulty.port)[1] == content)
        faulty.set_rules([dict(method="PUT", cut_request=1000)])
        told = get(faulty.port, "PUT", b"other" * 1000)
        check("the proxy can cut requests", isinstance(told[0], str)
              and get(server.ports["dav"])[1] == content, told)


def main():
    try:
        test_ssh(False)
        test_ssh(True)
        test_web()
        test_proxy()
        with s3.S3() as server:
            test_s3(server)
            test_s3_restart(server)
    except base.Missing as missing:
        print("skipped:", missing)
        sys.exit(77)
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
