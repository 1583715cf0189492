#!/usr/bin/env python3
"""test_web_odd.py [TRANSPORT_TOOL]: what stands between a client and a web server, and what servers do
that is allowed and rarely seen: redirects, packed and chunked bodies, ranges passed over, weak tags,
pages for people, proxies, addresses of IPv6, closed connections, a crawl."""
import base64
import http.server
import os
import socket
import threading
import time

from rig import Remote, check, content, main, make_file, proxy, stops, web

SIZE = 3000000


class Served:
    """nginx with one large file `x` behind a proxy that does odd things."""

    def __init__(self):
        self.server = web.Web()
        self.faulty = proxy.Proxy(self.server.ports["dav"])
        self.large = make_file("large", SIZE)
        Remote(url=self.server.url("dav")).run("put", "x", self.large)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.faulty.stop()
        self.server.stop()

    def remote(self, kind="http", **settings):
        return Remote(url=f"{kind}://localhost:{self.faulty.port}", timeout_ms=2000, **settings)

    def get(self, rules, *range_, **settings):
        self.faulty.set_rules(rules)
        self.faulty.take_log()
        return self.remote(**settings).run("get", "x", *range_)


class Watcher:
    """Another host: what was asked of it, with which headers."""

    def __init__(self):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(dict(self.headers))
                self.send_response(200)
                self.send_header("Content-Length", "5")
                self.end_headers()
                self.wfile.write(b"there")

            def log_message(self, *_):
                pass
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_redirects():
    secret = dict(PASSWORD=web.PASSWORD, TOKEN=web.TOKEN)
    with Served() as served:
        elsewhere = served.server.url("plain", "x")
        done = served.get([dict(status=302, location=elsewhere, times=1)])
        check("a read follows a redirect", done.out == content(served.large), done)
        secure = served.server.url("tls", "x").replace("webdavs", "https")
        done = served.get([dict(status=302, location=secure, times=1)], ca=served.server.ca)
        check("also from http to https", done.out == content(served.large), done)
        done = served.get([dict(status=302, location="/x")])
        check("one that leads nowhere is told", done.fails("redirects"), done)
        watcher = Watcher()
        for settings in (dict(user=web.USER, password_env="PASSWORD"), dict(token_env="TOKEN")):
            watcher.seen.clear()
            served.faulty.set_rules([dict(status=307, times=1, location=f"http://127.0.0.1:{watcher.port}/x")])
            done = Remote(secret, url=f"http://localhost:{served.faulty.port}", **settings).run("get", "x")
            check(f"no {list(settings)[-1]} goes to another host", done.out == b"there" and watcher.seen
                  and "Authorization" not in watcher.seen[0], (done, watcher.seen))
        watcher.stop()
        served.faulty.set_rules([dict(method="PUT|PROPFIND", status=301,
                                     location="https://new.example.org/p?Signature=s3cret")])
        for words in (("put", "y", served.large), ("list", "-")):
            done = served.remote("webdav").run(*words)
            check(f"a {words[0]} follows none and tells where it leads",
                  done.fails("301", "https://new.example.org/p") and "s3cret" not in str(done), done)
        with proxy.Proxy(served.server.ports["tls"], raw=True) as front:
            back = f"http://localhost:{served.server.ports['plain']}/x"
            with web.Web(upstream={"s3": served.faulty.port}) as tls:
                served.faulty.set_rules([dict(status=302, location=back)])
                done = Remote(url=f"https://localhost:{tls.ports['s3']}", ca=tls.ca).run("get", "x")
                check("never from https to http", done.status == 4 and not done.out, (done, front.port))


def test_bodies():
    with Served() as served:
        want = content(served.large)
        done = served.get([dict(chunked=True)])
        check("a body in chunks, of unknown length, is read", done.out == want, done)
        done = served.get([dict(chunked=True)], "1000", "5000")
        check("also a part of one", done.out == want[1000:6000], done)
        done = served.get([dict(gzip=True)])
        check("a packed body is told, and not used", done.fails("Content-Encoding: gzip", "as they are")
              and not done.out, done)
        done = served.get([dict(no_range=True, rate=1000000)], "70000", "1000")
        check("a server that gives all where a part is wanted serves", done.out == want[70000:71000], done)
        received = sum(each.received for each in served.faulty.take_log())
        check("and is left when the part is there", received < SIZE, received)
        done = served.get([dict(no_range=True, truncate=1000000, times=1), dict(no_range=True)])
        check("a read that breaks off there goes on", done.out == want, done)
        done = served.get([dict(weak=True, truncate=1000000, times=1), dict(weak=True)])
        check("weak tags do not say that two parts are of one content",
              done.fails("does not tell whether") and want.startswith(done.out), done)
        done = served.get([dict(weak=True)])
        check("but a whole read needs no tag", done.out == want, done)


def test_connections():
    with Served() as served:
        remote = served.remote("webdav")
        served.faulty.set_rules([dict(hang_up=True)])
        for number in range(3):
            done = remote.run("put", f"closed{number}", served.large)
            there = os.path.join(served.server.root, f"closed{number}")
            check("a connection closed between requests is opened again",
                  done.text == f"written {SIZE}" and content(there) == content(served.large), done)
        done = served.get([dict(rate=100)])
        check("a crawl is given up", done.fails("hardly anything"), done)
        served.faulty.set_rules([dict(stall=1000)])
        served.faulty.take_log()
        check("a stop signal ends a read that stalls", stops(
            Remote(url=f"http://localhost:{served.faulty.port}"), "get", "x",
            after=lambda: wait_for(lambda: any(each.received for each in served.faulty.log))))
        with socket.socket() as deaf:  # takes connections, and says nothing
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            check("and one that never begins", stops(
                Remote(url=f"http://127.0.0.1:{deaf.getsockname()[1]}"), "get", "x", after=lambda: time.sleep(1)))


def wait_for(condition):
    deadline = time.monotonic() + 20
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.02)


def test_addresses():
    with Served() as served:
        os.makedirs(served.server.root + "/a b/ü")
        for written in ("a b/ü", "a%20b/%C3%BC"):
            remote = Remote(url=served.server.url("dav", written))
            done = remote.run("put", "pack/z" + str(len(written)), served.large)
            check(f"a path with a blank and more than ASCII, as '{written}'", done.text == f"written {SIZE}"
                  and len(remote.names("pack/")) >= 1, (done, remote.run("list", "-")))
        check("both are one place", len(os.listdir(served.server.root + "/a b/ü/pack")) == 2)
        try:
            listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
        except OSError:
            print("ok an address of IPv6 # skip there is none here")
            return
        threading.Thread(target=forward, args=(listener, served.server.ports["dav"]), daemon=True).start()
        done = Remote(url=f"webdav://[::1]:{listener.getsockname()[1]}").run("put", "six", served.large)
        check("an address of IPv6", done.text == f"written {SIZE}", done)
        listener.close()


def forward(listener, port, read_target=None):
    """Every connection to a port of ours; with read_target: to what the client names (CONNECT)."""
    while True:
        try:
            client = listener.accept()[0]
        except OSError:
            return
        threading.Thread(target=join, args=(client, port, read_target), daemon=True).start()


def join(client, port, read_target):
    if read_target:
        port = read_target(client)
    server = socket.create_connection(("127.0.0.1", port))
    for source, target in ((client, server), (server, client)):
        threading.Thread(target=pump, args=(source, target), daemon=True).start()


def pump(source, target):
    try:
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def test_proxies():
    with Served() as served:
        want = content(served.large)
        through = dict(http_proxy=f"http://localhost:{served.faulty.port}")
        plain = served.server.url("plain")
        done = Remote(through, url=plain).run("get", "x")
        check("a proxy of the environment is used", done.out == want
              and "http://" in served.faulty.take_log()[0].path, done)
        done = Remote(dict(through, no_proxy="localhost"), url=plain).run("get", "x")
        check("unless the host is to be reached without", done.out == want
              and not served.faulty.take_log(), done)
        done = Remote(dict(http_proxy="http://localhost:9"), url=plain).run("get", "x")
        check("a proxy that is not there is told", done.fails("no connection"), done)
        asked = []

        def read_target(client):
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            asked.append(head)
            client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            return int(head.split()[1].rsplit(b":", 1)[1])
        listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=forward, args=(listener, 0, read_target), daemon=True).start()
        user = base64.b64encode(b"me:word").decode()
        tunnel = dict(https_proxy=f"http://me:word@127.0.0.1:{listener.getsockname()[1]}")
        done = Remote(dict(tunnel, PASSWORD=web.PASSWORD), url=served.server.url("tls_auth"), user=web.USER,
                      password_env="PASSWORD", ca=served.server.ca).run("get", "x")
        check("a tunnel carries TLS, and its password is not the server's", done.out == want and asked
              and f"Proxy-Authorization: Basic {user}".encode() in asked[0]
              and b"\r\nAuthorization" not in asked[0], (done, asked))
        listener.close()


main(test_redirects, test_bodies, test_connections, test_addresses, test_proxies)
