#!/usr/bin/env python3
"""test_rclone.py [TRANSPORT_TOOL]: SFTP and WebDAV against servers that are no file systems."""
import os

from rig import Remote, check, content, main, make_file
from servers import second

SIZE = 3000000


def try_kind(kind):
    small, large = make_file("small", 100, seed=1), make_file("large", SIZE)
    with second.Rclone(kind) as server:
        remote = Remote(**server.settings())
        check(f"{kind}: nothing is there at first", remote.names() == []
              and remote.run("stat", "x").text == "absent")
        first, again = remote.run("put", "pack/x/y", large), remote.run("put", "pack/x/y", small)
        there = os.path.join(server.root, "store/pack/x/y")
        check(f"{kind}: what was written is there, once", (first.text, again.text)
              == (f"written {SIZE}", "existed 0") and os.path.exists(there)
              and content(there) == content(large), (first, again))
        check(f"{kind}: a name is replaced", remote.run("replace", "top", large).status == 0
              and remote.run("replace", "top", small).status == 0
              and remote.run("get", "top").out == content(small))
        check(f"{kind}: a part is read", remote.run("get", "pack/x/y", "70000", "1000").out
              == content(large)[70000:71000])
        check(f"{kind}: all are listed", remote.names() == ["pack/x/y", "top"]
              and remote.names("pack/") == ["pack/x/y"], remote.run("list", "-"))
        check(f"{kind}: nothing is left in .tmp", os.listdir(server.root + "/store/.tmp") == [])
        check(f"{kind}: a name is removed, and absent is fine", remote.run("remove", "top").status == 0
              and remote.run("remove", "top").status == 0 and remote.names() == ["pack/x/y"])


main(lambda: try_kind("sftp"), lambda: try_kind("webdav"))
