#!/usr/bin/env python3
"""test_ssh.py [TRANSPORT_TOOL]: SFTP against OpenSSH, and what can go wrong on the way."""
import os
import subprocess
import time

from rig import Remote, check, content, main, make_file, proxy, scratch, ssh, stops

SIZE = 8000000


def remote_of(server, below="store", port=None, **settings):
    """With a port: through a proxy there, with the server's key all the same."""
    command = server.command
    if port:
        command += f" -p {port} -oHostKeyAlias=[127.0.0.1]:{server.port}"
    return Remote(url=server.url(below), ssh_command=command, **settings)


def temporary(server):
    return os.listdir(server.root + "/store/.tmp")


def test_operations():
    small, large = make_file("small", 100, seed=1), make_file("large", SIZE)
    for with_binary in (False, True):
        kind = "sftp-server" if with_binary else "internal-sftp"
        with ssh.Ssh(with_binary=with_binary) as server:
            remote = remote_of(server)
            check(f"{kind}: nothing is there at first", remote.names() == []
                  and remote.run("stat", "x").text == "absent")
            first, second = remote.run("put", "pack/x/y", large), remote.run("put", "pack/x/y", small)
            check(f"{kind}: a new name is written once", (first.text, second.text)
                  == (f"written {SIZE}", "existed 0"), (first, second))
            check(f"{kind}: it is all there", remote.run("get", "pack/x/y").out == content(large))
            check(f"{kind}: a name is replaced", remote.run("replace", "top", large).status == 0
                  and remote.run("replace", "top", small).status == 0
                  and remote.run("get", "top").out == content(small))
            check(f"{kind}: a part is read", remote.run("get", "pack/x/y", "70000", "1000").out
                  == content(large)[70000:71000])
            check(f"{kind}: a part behind the end is an error",
                  remote.run("get", "top", "90", "20").fails("cannot read 'top'"))
            check(f"{kind}: nothing is left in .tmp", temporary(server) == [], temporary(server))
            open(server.root + "/store/.tmp/0123456789abcdef", "w").close()
            left = remote.run("unfinished", "-").text.split()
            check(f"{kind}: what a dead writer left is listed and removed", left[:1] == [".tmp/0123456789abcdef"]
                  and int(left[1]) > 0 and remote.run("abandon", left[0]).status == 0
                  and temporary(server) == [], left)
            check(f"{kind}: all are listed", remote.names() == ["pack/x/y", "top"]
                  and remote.names("pack/") == ["pack/x/y"])
            check(f"{kind}: a name is removed, and absent is fine", remote.run("remove", "top").status == 0
                  and remote.run("remove", "top").status == 0 and remote.names() == ["pack/x/y"])


def test_who_may():
    small = make_file("small", 100)
    with ssh.Ssh() as server:
        done = Remote(url=server.url("store"), ssh_command=server.command.replace("ssh -F", "nossh -F")
                      ).run("get", "x")
        check("a program that is not there is told", done.fails("not found", "ssh_command"), done)
        with open(server.path("known_hosts"), "w") as file:
            file.write("")
        done = remote_of(server).run("get", "x")
        check("an unknown host is refused", done.fails("Host key verification failed", "hint:", "fingerprint"),
              done)
        with open(server.path("stranger.pub")) as file:
            key = " ".join(file.read().split()[:2])
        with open(server.path("known_hosts"), "w") as file:
            file.write(f"[127.0.0.1]:{server.port} {key}\n")
        done = remote_of(server).run("get", "x")
        check("a host with another key is refused", done.fails("IDENTIFICATION HAS CHANGED", "known_hosts"), done)
    with ssh.Ssh(with_key=False) as server:
        started = time.monotonic()
        done = remote_of(server).run("get", "x")
        check("no key is told at once", done.fails("Permission denied (publickey)", "ssh-add")
              and time.monotonic() - started < 20, done)
    with ssh.Ssh() as server:
        server.kill()
        done = remote_of(server).run("get", "x")
        check("no server is told", done.fails("Connection refused", "is sshd running"), done)
    with ssh.Ssh() as server:
        done = remote_of(server, "no/such/place").run("put", "x", small)
        check("a directory in a place that is not there is not made", done.fails("no/such/place", "mount it"), done)
        check("but nothing is found there", remote_of(server, "no/such/place").names() == [])
        done = Remote(url=server.url("store").replace("sftp://", "sftp://-oProxyCommand=x@"),
                      ssh_command=server.command).run("get", "x")
        check("no user is an option", done.status == 3 and "begins with '-'" in done.error, done)
        os.makedirs(server.root + "/store/pack/x")
        done = remote_of(server).run("get", "pack/x")
        check("a directory is no file", done.status == 4 and "pack/x" in done.error, done)
        chatty = server.path("chatty")
        with open(chatty, "w") as file:
            file.write("#!/bin/sh\necho Welcome to the lab\nexec sleep 5\n")
        os.chmod(chatty, 0o755)
        done = Remote(url=server.url("store"), ssh_command=chatty).run("get", "x")
        check("a shell that greets is told", done.fails("sent text where an answer should be", "true"), done)


def test_read_only():
    small = make_file("small", 100)
    with ssh.Ssh() as server:
        os.makedirs(server.root + "/store")
        if subprocess.call(["mount", "-t", "tmpfs", "-o", "ro", "none", server.root + "/store"]) != 0:
            print("skipped: no file system may be mounted here")
            return
        done = remote_of(server).run("put", "x", small)
        subprocess.call(["umount", server.root + "/store"])
        check("what may not be written is told", done.status == 4 and "cannot make" in done.error, done)


def test_faults():
    large = make_file("large", SIZE)
    with ssh.Ssh() as server, proxy.Proxy(server.port, raw=True) as faulty:
        remote_of(server).run("put", "x", large)
        remote = remote_of(server, port=faulty.port, timeout_ms=2000)

        def restart():
            server.kill()
            server.start()

        def reads(name, *rules):
            faulty.set_rules(list(rules))
            done = remote.run("get", "x")
            check(name, done.status == 0 and done.out == content(large), done)

        def writes(name, target, *rules):
            faulty.set_rules(list(rules))
            done = remote.run("put", target, large)
            there = f"{server.root}/store/{target}"
            check(name, done.text == f"written {SIZE}" and content(there) == content(large), done)
        reads("a read that breaks off goes on", dict(cut=3000000, times=1))
        reads("a read that stalls goes on", dict(stall=3000000, times=1))
        reads("a byte that was changed on the way is no byte of ours", dict(flip=3000000, times=1))
        reads("a server that was killed and came back is read on", dict(cut=3000000, times=1, call=restart))
        writes("a write that breaks off is made again", "y", dict(cut_request=3000000, times=1))
        writes("a server that was killed and came back is written to", "z",
               dict(cut_request=3000000, times=1, call=restart))
        faulty.set_rules([dict(cut=3000000, times=1),
                          dict(call=lambda: os.utime(server.root + "/store/x", (1, 1)))])
        done = remote.run("get", "x")
        check("what was changed meanwhile is not joined", done.fails("replaced while it was read")
              and content(large).startswith(done.out), done)
        faulty.set_rules([dict(cut=100)])
        done = remote.run("get", "x")
        check("a line that never holds is told", done.status == 4 and "remote 'origin'" in done.error, done)
        faulty.set_rules([dict(rate=200000)])
        check("a stop signal ends a slow write", stops(remote, "put", "slow", large, after=lambda: time.sleep(2)))
        check("of which nothing is seen", "slow" not in remote_of(server).names())


def test_killed_ssh():
    large = make_file("large", SIZE)
    with ssh.Ssh() as server, proxy.Proxy(server.port, [dict(rate=2000000)], raw=True) as faulty:
        process = remote_of(server, port=faulty.port).start("put", "x", large)
        time.sleep(2)
        faulty.set_rules([])
        subprocess.call(["pkill", "-KILL", "-P", str(process.pid), "-x", "ssh"])
        out, error = process.communicate(timeout=60)
        check("an ssh that was killed is started again", process.returncode == 0
              and content(server.root + "/store/x") == content(large), (out, error))


main(test_operations, test_who_may, test_read_only, test_faults, test_killed_ssh)
