#!/usr/bin/env python3
"""test_s3.py [TRANSPORT_TOOL]: S3 against OpenStack Swift, and what can go wrong on the way."""
import json
import shutil
import time

from rig import Remote, base, check, content, main, make_file, proxy, s3, scratch, stops, web

SIZE, PARTS = 3000000, 70000000  # one request; 5 parts
BUCKET = "bucket"


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def uploads(server):
    return server.request("GET", f"/{BUCKET}", {"uploads": ""})[1].count(b"<UploadId>")


def test_operations(server):
    remote = Remote(server.environment(), url=f"s3://{BUCKET}/a+b/c d", endpoint=server.endpoint())
    small, large = make_file("small", 100, seed=1), make_file("large", SIZE)
    check("nothing is there at first", remote.names() == [] and remote.run("stat", "x").text == "absent")
    first, second = remote.run("put", "pack/x-y_z.1", large), remote.run("put", "pack/x-y_z.1", small)
    check("a new name is written once", (first.text, second.text) == (f"written {SIZE}", "existed 0"),
          (first, second))
    check("a name is replaced", remote.run("replace", "top", large).status == 0
          and remote.run("replace", "top", small).status == 0 and remote.run("get", "top").out == content(small))
    check("all names are listed", remote.names() == ["pack/x-y_z.1", "top"]
          and remote.names("pack/") == ["pack/x-y_z.1"], remote.run("list", "-"))
    check("a part is read", remote.run("get", "pack/x-y_z.1", "70000", "1000").out
          == content(large)[70000:71000])
    check("the end is read", remote.run("get", "top", "90", "-1").out == content(small)[90:]
          and remote.run("get", "top", "100", "-1").status == 0)
    check("a part behind the end is an error", remote.run("get", "top", "101", "-1").fails("ends before"))
    check("an absent name is no error", remote.run("get", "nothing").error == "absent\n")
    check("a name is removed, and absent is fine", remote.run("remove", "top").status == 0
          and remote.run("remove", "top").status == 0 and remote.names() == ["pack/x-y_z.1"])
    hosted = Remote(server.environment(), url=f"s3://{BUCKET}/a+b/c d", endpoint=server.endpoint(),
                    path_style="no")
    with proxy.Proxy(server.port) as seen:
        hosted.settings["endpoint"] = f"http://localhost:{seen.port}"
        names, log = hosted.names(), seen.take_log()
        check("the bucket may be part of the host's name", names == ["pack/x-y_z.1"]
              and log[0].path.startswith("/?"), (hosted.run("list", "-"), [each.path for each in log]))
    for name in ("e%f", "g h", "ü&<"):
        server.request("PUT", f"/{BUCKET}/others/{name}", body=b"x")
    others = Remote(server.environment(), url=f"s3://{BUCKET}/others", endpoint=server.endpoint())
    check("names of others are left out", others.names() == [], others.run("list", "-"))
    done = others.run("list", "-", foreign="yes")
    check("unless they are asked for", sorted(done.text.splitlines()) == ["e%f 1", "g h 1", "ü&< 1"], done)


def test_pages(server):
    remote = Remote(server.environment(), url=f"s3://{BUCKET}/many", endpoint=server.endpoint())
    names = [f"n/{number:04}" for number in range(1001)]
    for name in names:
        server.request("PUT", f"/{BUCKET}/many/{name}")
    check("a listing of two pages is whole", remote.names() == names, len(remote.names()))
    with proxy.Proxy(server.port, [dict(path="continuation-token", status=503, times=1)]) as faulty:
        remote.settings["endpoint"] = f"http://localhost:{faulty.port}"
        check("and told once if its second page fails at first", remote.names() == names)


def test_parts(server):
    large = make_file("parts", PARTS)
    with proxy.Proxy(server.port) as faulty:
        remote = Remote(server.environment(), url=f"s3://{BUCKET}", timeout_ms=2000,
                        endpoint=f"http://localhost:{faulty.port}")

        def writes(name, rules, told=f"written {PARTS}"):
            faulty.set_rules(rules)
            faulty.take_log()
            done = remote.run("put", name.replace(" ", "-"), large)
            log = faulty.take_log()
            sent = sum(each.sent for each in log if each.method == "PUT" and not each.rule)
            faulty.set_rules([])
            there = remote.run("get", name.replace(" ", "-"))
            check(name, done.text == told and there.out == content(large), (done, there.error))
            return sent
        check("all is sent once", writes("large files go in parts", []) == PARTS)
        sent = writes("a part that breaks off is sent again", [dict(path="partNumber=3", cut_request=5000000, times=1)])
        check("and the others are not", sent == PARTS, sent)
        sent = writes("a part that is refused is sent again", [dict(path="partNumber=2", status=503, times=2)])
        check("the others are not, then", sent == PARTS, sent)
        writes("a lost answer to the last request leaves what was written",
               [dict(method="POST", path="uploadId", drop=True, times=1)], "existed 0")
        writes("an error under status 200 is one", [dict(
            method="POST", path="uploadId", times=1,
            replace="<Error><Code>InternalError</Code><Message>again</Message></Error>")], "existed 0")
        check("no upload is left", uploads(server) == 0)

        faulty.set_rules([dict(path="partNumber=4", status=403)])
        done = remote.run("put", "refused", large)
        check("a part that is refused for good ends it", done.fails("part 4", "403"), done)
        check("and the upload is removed", uploads(server) == 0)

        faulty.set_rules([dict(path="partNumber=4", rate=100000)])
        faulty.take_log()
        ended = stops(remote, "put", "stopped", large, after=lambda: wait_for(
            lambda: any("partNumber=4" in each.path and each.sent for each in faulty.log)))
        check("a stop signal ends a slow write", ended and uploads(server) == 1)
        faulty.take_log()
        sent = writes("stopped", [])
        check("what was stopped goes on where it was", sent < PARTS / 2, sent)


def test_unfinished(server):
    remote = Remote(server.environment(), url=f"s3://{BUCKET}/u", endpoint=server.endpoint())
    check("nothing is unfinished at first", remote.run("unfinished", "-").text == "")
    for name in ("u/pack/left", "u/other", "pack/elsewhere"):
        server.request("POST", f"/{BUCKET}/{name}", {"uploads": ""})
    left = remote.run("unfinished", "-")
    words = left.text.split()
    check("unfinished uploads of packs are listed", len(words) == 3 and words[0] == "pack/left"
          and int(words[1]) > 0, left)
    check("and removed", remote.run("abandon", words[0], words[2]).status == 0
          and remote.run("abandon", words[0], words[2]).status == 0
          and remote.run("unfinished", "-").text == "" and uploads(server) == 2)


def test_faults(server):
    large = make_file("large", SIZE)
    with proxy.Proxy(server.port) as faulty:
        remote = Remote(server.environment(), url=f"s3://{BUCKET}", timeout_ms=1000,
                        endpoint=f"http://localhost:{faulty.port}")
        remote.run("put", "x", large)

        def passes(name, rules, *words):
            faulty.set_rules(rules)
            faulty.take_log()
            done = remote.run(*words)
            good = content(large) if words[0] == "get" else f"written {SIZE}\n".encode()
            check(name, done.status == 0 and done.out == good, done)
            return faulty.take_log()
        log = passes("a read that is cut off goes on", [dict(truncate=500000, times=2)], "get", "x")
        check("and nothing travels twice", [(each.status, each.received) for each in log]
              == [(200, 500000), (206, 500000), (206, SIZE - 1000000)], log)
        passes("a server that stalls is left and asked again", [dict(stall=700000, times=1)], "get", "x")
        slow = "<Error><Code>SlowDown</Code><Message>Reduce your request rate.</Message></Error>"
        for number, (status, body) in enumerate([(500, ""), (503, slow), (429, ""), (400, slow)]):
            passes(f"status {status} {body[:20]} is tried again",
                   [dict(method="PUT", status=status, body=body, times=2)], "put", f"s{number}", large)
        passes("a write that breaks off is made again",
               [dict(method="PUT", cut_request=700000, times=2)], "put", "broken", large)
        passes("a write that was changed on its way is made again",
               [dict(method="PUT", flip_request=1000, times=1)], "put", "flipped", large)
        check("and is what it was", remote.run("get", "flipped").out == content(large))

        faulty.set_rules([dict(truncate=1000000, times=1), dict(
            call=lambda: server.request("PUT", f"/{BUCKET}/x", body=b"other" * 500000))])
        done = remote.run("get", "x")
        check("what was changed meanwhile is not joined", done.fails("changed while it was read"), done)
        faulty.set_rules([dict(method="GET", truncate=100)])
        done = remote.run("list", "-")
        check("half a listing is none", done.status == 4 and not done.out, done)
        faulty.set_rules([dict(method="GET", replace="<html>hello</html>")])
        done = remote.run("list", "-")
        check("a page for people is no listing", done.fails("no ListBucketResult"), done)
        faulty.set_rules([dict(status=301, body="<Error><Code>PermanentRedirect</Code><Message>m"
                               "</Message><Region>eu-north-1</Region></Error>")])
        done = remote.run("get", "y")
        check("another region is named", done.fails("PermanentRedirect", "'eu-north-1'"), done)


def test_credentials(server):
    good, endpoint = server.environment(), server.endpoint()
    settings = dict(url=f"s3://{BUCKET}/credentials", endpoint=endpoint)
    keys = f"aws_access_key_id = {s3.KEY_ID}\naws_secret_access_key = {s3.SECRET}\n"
    base.write(scratch + "/aws/.aws/credentials", f"[Team A]\n{keys}")
    base.write(scratch + "/aws/.aws/config", f"[profile b]\ncredential_process = cat {scratch}/aws/json\n"
               f"region = us-east-1\nendpoint_url = {endpoint}\n[profile c]\nregion = us-east-1\n")
    home = dict(HOME=scratch + "/aws")

    def give(expires):
        base.write(scratch + "/aws/json", json.dumps(dict(
            Version=1, AccessKeyId=s3.KEY_ID, SecretAccessKey=s3.SECRET, Expiration=expires)))
    give("2099-01-01T00:00:00Z")
    check("a profile of the remote opens", Remote(home, **settings, profile="Team A").run("list", "-").status == 0)
    check("so does one of the environment", Remote(
        dict(home, AWS_PROFILE="Team A"), **settings).run("list", "-").status == 0)
    done = Remote(dict(home, AWS_PROFILE="b"), url=settings["url"]).run("list", "-")
    check("a program of a profile opens, and its endpoint counts", done.status == 0, done)
    check("a program of the remote opens", Remote(
        {}, **settings, credential_process=f"cat {scratch}/aws/json").run("list", "-").status == 0)
    done = Remote({}, **settings, credential_process="echo no").run("list", "-")
    check("a program that gives none is told", done.fails("no credentials of Version 1"), done)
    done = Remote({}, **settings, credential_process="exit 7").run("list", "-")
    check("a program that fails is told", done.fails("exit status 7"), done)
    done = Remote(home, **settings).run("list", "-")
    check("no credentials are told", done.fails("no credentials", "AWS_ACCESS_KEY_ID", "'default'"), done)
    done = Remote(home, **settings, profile="nobody").run("list", "-")
    check("a profile that is not there is told", done.fails("no profile 'nobody'"), done)
    done = Remote(dict(good, AWS_SECRET_ACCESS_KEY="wr0ng"), **settings).run("list", "-")
    check("a wrong secret is told, not shown", done.fails("SignatureDoesNotMatch", "secret key")
          and "wr0ng" not in done.error, done)
    done = Remote(dict(good, AWS_ACCESS_KEY_ID="NOBODY"), **settings).run("put", "x", make_file("small", 100))
    check("an unknown key is told", done.fails("403"), done)
    with proxy.Proxy(server.port) as faulty:
        expired = dict(status=400, body="<Error><Code>ExpiredToken</Code><Message>m</Message></Error>")
        through = dict(settings, endpoint=f"http://localhost:{faulty.port}")
        faulty.set_rules([expired])
        done = Remote(good, **through).run("list", "-")
        check("an expired token is told", done.fails("ExpiredToken", "get new credentials"), done)
        base.write(scratch + "/aws/give", f"echo x >>{scratch}/aws/given; cat {scratch}/aws/json\n")
        faulty.set_rules([dict(expired, times=1)])
        done = Remote({}, **through, credential_process=f"sh {scratch}/aws/give").run("list", "-")
        check("and a program is asked for another", done.status == 0
              and content(scratch + "/aws/given") == b"x\nx\n", done)
    reader = dict(good, AWS_ACCESS_KEY_ID=s3.OTHER_ID, AWS_SECRET_ACCESS_KEY=s3.OTHER_SECRET)
    done = Remote(reader, **settings).run("list", "-")
    check("who may not is told so", done.fails("AccessDenied", "policy"), done)
    done = Remote(good, **dict(settings, url="s3://no-such-bucket/x")).run("get", "x")
    check("a bucket that is not there is told", done.fails("NoSuchBucket", "make the bucket"), done)


def test_clock(server):
    if not shutil.which("faketime"):
        raise base.Missing("faketime is not installed (Debian: faketime)")
    small = make_file("small", 100)
    for name, shift in (("fast", "+2h"), ("slow", "-2h")):
        remote = Remote(server.environment(), ["faketime", "-f", shift], url=f"s3://{BUCKET}/{name}",
                        endpoint=server.endpoint())
        done = remote.run("put", "x", small)
        check(f"a {name} clock is made up for", done.text == "written 100" and remote.names() == ["x"], done)
    with proxy.Proxy(server.port, [dict(status=403, body="<Error><Code>RequestTimeTooSkewed</Code>"
                                        "<Message>The clock.</Message></Error>")]) as faulty:
        remote.settings["endpoint"] = f"http://localhost:{faulty.port}"
        done = remote.run("list", "-")
        check("a clock that is refused is told", done.fails("RequestTimeTooSkewed", "clock"), done)


def test_tls(server):
    with web.Web(upstream={"s3": server.port}) as front:
        endpoint = f"https://localhost:{front.ports['s3']}"
        remote = Remote(server.environment(), url=f"s3://{BUCKET}/tls", endpoint=endpoint, ca=front.ca)
        done = remote.run("put", "x", make_file("small", 100))
        check("TLS with an authority of one's own", done.text == "written 100", done)
        remote.settings.pop("ca")
        done = remote.run("list", "-")
        check("an unknown authority is refused", done.fails("not trusted", "'ca'"), done)


def test_death_of_the_server(server):
    large = make_file("large", SIZE)
    with proxy.Proxy(server.port) as faulty:
        remote = Remote(server.environment(), url=f"s3://{BUCKET}/death", timeout_ms=3000,
                        endpoint=f"http://localhost:{faulty.port}")
        remote.run("put", "x", large)

        def restart():
            server.kill()
            server.start()
        faulty.set_rules([dict(truncate=1000000, times=1), dict(call=restart, times=1)])
        done = remote.run("get", "x")
        check("a server that was killed and came back is read on", done.out == content(large), done)
        server.kill()
        done = Remote(server.environment(), url=f"s3://{BUCKET}", endpoint=server.endpoint()).run("get", "x")
        check("a server that is not there is told at once", done.fails("no connection"), done)


def run_all():
    with s3.S3() as server:
        server.make_bucket(BUCKET)
        for test in (test_operations, test_pages, test_parts, test_unfinished, test_faults, test_credentials,
                     test_clock, test_tls, test_death_of_the_server):
            test(server)


main(run_all)
