#!/usr/bin/env python3
"""test_http.py [TRANSPORT_TOOL]: HTTP and WebDAV against nginx, and what can go wrong on the way."""
import os
import time

from rig import Remote, check, content, main, make_file, proxy, scratch, stops, web

SIZE = 3000000


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def test_operations():
    small, large = make_file("small", 100, seed=1), make_file("large", SIZE)
    with web.Web() as server:
        dav, plain = Remote(url=server.url("dav", "a%20b/c/")), Remote(url=server.url("plain", "a%20b/c"))
        os.makedirs(server.root + "/a b")
        check("nothing is there at first", dav.names() == [] and dav.run("stat", "x").text == "absent")
        first, second = dav.run("put", "pack/x/y/z", large), dav.run("put", "pack/x/y/z", small)
        check("a new name is written once", (first.text, second.text)
              == (f"written {SIZE}", "existed 0"), (first, second))
        check("its parents are made", content(server.root + "/a b/c/pack/x/y/z") == content(large))
        check("a name is replaced", dav.run("replace", "top", large).status == 0
              and dav.run("replace", "top", small).status == 0 and dav.run("get", "top").out == content(small))
        check("all names are listed", dav.names() == ["pack/x/y/z", "top"]
              and dav.names("pack/") == ["pack/x/y/z"] and dav.names("pa/") == [], dav.run("list", "-"))
        check("nothing is left in .tmp", os.listdir(server.root + "/a b/c/.tmp") == [])
        open(server.root + "/a b/c/.tmp/0123456789abcdef", "w").close()
        left = dav.run("unfinished", "-").text.split()
        check("what a dead writer left is listed and removed", left[:1] == [".tmp/0123456789abcdef"]
              and int(left[1]) > 0 and dav.run("abandon", left[0]).status == 0
              and os.listdir(server.root + "/a b/c/.tmp") == [], left)
        check("a part is read", dav.run("get", "pack/x/y/z", "70000", "1000").out
              == content(large)[70000:71000])
        check("the end is read", plain.run("get", "pack/x/y/z", "2999990", "-1").out == content(large)[-10:])
        check("a part behind the end is an error",
              dav.run("get", "top", "90", "20").fails("cannot read 'top'", "ends before"))
        check("plain HTTP reads", plain.run("get", "top").out == content(small)
              and plain.run("stat", "top").text.startswith("100 "))
        check("an absent name is no error", plain.run("get", "nothing").error == "absent\n")
        check("plain HTTP can't be written", plain.run("put", "new", small).fails("webdav://"))
        check("plain HTTP can't be listed", plain.run("list", "-").fails("webdav://"))
        check("a name is removed, and absent is fine", dav.run("remove", "top").status == 0
              and dav.run("remove", "top").status == 0 and dav.names() == ["pack/x/y/z"])
        for name in ("e%20f", "g?h", "ü&amp;<"):
            with open(os.path.join(server.root, name), "w") as file:
                file.write(name)
        check("names of others are left out",
              Remote(url=server.url("dav")).names() == [], Remote(url=server.url("dav")).names())


def test_credentials():
    with web.Web() as server:
        secret = dict(PASSWORD=web.PASSWORD, TOKEN=web.TOKEN, WRONG="secr3t")
        auth, token = server.url("auth"), server.url("token")
        small = make_file("small", 100)
        good = Remote(secret, url=auth, user=web.USER, password_env="PASSWORD")
        check("a password opens", good.run("put", "x", small).status == 0)
        check("the user may stand in the URL", Remote(
            secret, url=auth.replace("//", f"//{web.USER}@"), password_env="PASSWORD").names() == ["x"])
        check("a token opens", Remote(secret, url=token, token_env="TOKEN").names() == ["x"])
        done = Remote(url=auth).run("get", "x")
        check("no credentials are told", done.fails("401", "password_env", "token_env"), done)
        done = Remote(secret, url=auth, user=web.USER, password_env="WRONG").run("put", "y", small)
        check("a wrong password is told, not shown", done.fails("401") and "secr3t" not in done.error, done)
        done = Remote(url=auth, user="a", password_env="NOWHERE").run("list", "-")
        check("a variable that is not set is told", done.fails("NOWHERE is not set"), done)


def test_tls():
    with web.Web() as server:
        tls, ca = server.url("tls"), server.ca
        small = make_file("small", 100)
        check("a certificate of a known authority is good",
              Remote(url=tls, ca=ca).run("put", "x", small).status == 0)
        check("it need not be checked", Remote(url=tls, insecure="yes").names() == ["x"])
        done = Remote(url=tls).run("get", "x")
        check("an unknown authority is refused", done.fails("not trusted", "unable to get", "'ca'"), done)
        done = Remote(url=server.url("tls_expired"), ca=ca).run("get", "x")
        check("an expired certificate is refused", done.fails("not trusted", "expired"), done)
        done = Remote(url=server.url("tls_other"), ca=ca).run("get", "x")
        check("another host's certificate is refused", done.fails("not trusted", "localhost"), done)
        done = Remote(url=server.url("plain").replace("http:", "https:")).run("get", "x")
        check("a server without TLS is told", done.fails("no secure connection"), done)


def test_faults_of_reading():
    large = make_file("large", SIZE)
    with web.Web() as server, proxy.Proxy(server.ports["dav"]) as faulty:
        Remote(url=server.url("dav")).run("put", "x", large)
        remote = Remote(url=f"http://localhost:{faulty.port}", timeout_ms=1000)

        def reads(name, rules, requests):
            faulty.set_rules(rules)
            faulty.take_log()
            done = remote.run("get", "x")
            log = faulty.take_log()
            check(name, done.out == content(large) and done.status == 0 and len(log) == requests,
                  (done, [(each.status, each.received) for each in log]))
            return log
        reads("a connection that is lost goes on where it was", [dict(cut=1000000, times=1)], 2)
        log = reads("a body that is cut off goes on", [dict(truncate=500000, times=2)], 3)
        check("and nothing travels twice", [(each.status, each.received) for each in log]
              == [(200, 500000), (206, 500000), (206, SIZE - 1000000)], log)
        faulty.set_rules([dict(shorten=1000, times=1)])
        done = remote.run("get", "x", "0", "2000")
        check("fewer bytes than were asked for go on, too", done.out == content(large)[:2000], done)
        reads("a server that stalls is left and asked again", [dict(stall=700000, times=1)], 2)
        for status in (500, 502, 503, 504, 429):
            reads(f"status {status} is tried again", [dict(status=status, times=2, retry_after=0)], 3)
        reads("an answer that never comes is asked for again", [dict(drop=True, times=1)], 2)
        faulty.set_rules([dict(status=503)])
        done = remote.run("get", "x")
        check("a server that stays away is told", done.fails("answered 503", "busy or away"), done)
        faulty.set_rules([dict(truncate=1000000, times=1),
                          dict(call=lambda: os.utime(server.root + "/x", (1, 1)))])
        done = remote.run("get", "x")
        check("what was changed meanwhile is not joined", done.fails("changed while it was read")
              and content(large).startswith(done.out), done)


def test_death_of_the_server():
    large = make_file("large", SIZE)
    with web.Web() as server, proxy.Proxy(server.ports["dav"]) as faulty:
        remote = Remote(url=f"webdav://localhost:{faulty.port}", timeout_ms=1000)
        Remote(url=server.url("dav")).run("put", "x", large)

        def restart():
            server.kill()
            server.start()
        faulty.set_rules([dict(cut=1000000, times=1, call=restart)])
        check("a server that was killed and came back is read on", remote.run("get", "x").out == content(large))
        faulty.set_rules([dict(method="PUT", cut_request=1000000, times=1, call=restart)])
        done = remote.run("put", "y", large)
        check("and is written again", content(server.root + "/y") == content(large)
              and done.text == f"written {SIZE}", done)
        server.kill()
        done = Remote(url=server.url("dav")).run("get", "x")
        check("a server that is not there is told at once", done.fails("localhost", "no connection"), done)


def test_faults_of_writing():
    large = make_file("large", SIZE)
    with web.Web() as server, proxy.Proxy(server.ports["dav"]) as faulty:
        remote = Remote(url=f"webdav://localhost:{faulty.port}", timeout_ms=1000)

        def writes(name, rules, told=f"written {SIZE}"):
            faulty.set_rules(rules)
            target = name.replace(" ", "-")
            done = remote.run("put", target, large)
            there = os.path.join(server.root, target)
            check(name, done.text == told and content(there) == content(large), done)
            check(f"{name}: nothing half is left", os.listdir(server.root + "/.tmp") == []
                  if all(rule.get("status") for rule in rules) else True)
        writes("a write that breaks off is made again", [dict(method="PUT", cut_request=800000, times=2)])
        writes("a write that is refused for now is made again", [dict(method="PUT", status=503, times=2)])
        writes("a move that fails is made again", [dict(method="MOVE", status=500, times=1)])
        writes("an answer to a move that is lost leaves what was moved",
               [dict(method="MOVE", drop=True, times=1)], "existed 0")
        writes("a server without MOVE is written at once", [dict(method="MOVE", status=501)])
        faulty.set_rules([dict(method="PUT", status=507)])
        done = remote.run("put", "full", large)
        check("a full disk there is told", done.fails("507", "disk is full", "free some space")
              and not os.path.exists(server.root + "/full"), done)
        faulty.set_rules([dict(method="PUT", status=413)])
        done = remote.run("put", "big", large)
        check("what is too large for the server is told", done.fails("413", "client_max_body_size"), done)
        faulty.set_rules([dict(method="PROPFIND", truncate=100)])
        done = remote.run("list", "-")
        check("half a listing is none", done.status == 4 and done.out == b"", done)
        faulty.set_rules([dict(method="PROPFIND", replace="<html>hello</html>")])
        done = remote.run("list", "-")
        check("a page for people is no listing", done.fails("answered 200"), done)


def test_signals():
    large = make_file("large", SIZE)
    with web.Web() as server, proxy.Proxy(server.ports["dav"], [dict(rate=1000)]) as faulty:
        remote = Remote(url=f"webdav://localhost:{faulty.port}")
        check("a stop signal ends a slow write", stops(
            remote, "put", "slow", large,
            after=lambda: wait_for(lambda: any(each.sent for each in faulty.log))))
        check("of which nothing is seen", Remote(url=server.url("dav")).names() == [])


main(test_operations, test_credentials, test_tls, test_faults_of_reading, test_death_of_the_server,
     test_faults_of_writing, test_signals)
