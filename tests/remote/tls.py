#!/usr/bin/env python3
"""TLS: a certificate that nobody vouches for, of another host, expired; and a good one."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
import places  # noqa: E402
import project  # noqa: E402
from places import fault  # noqa: E402

WORDS = ("certificate", "origin")
CASES = [("nobody vouches for it", "tls", False, fault.MACHINE),
         ("another host's", "tls_other", True, fault.MACHINE),
         ("expired", "tls_expired", True, fault.MACHINE), ("good", "tls", True, fault.OK)]


def main():
    fault.arguments()
    tally = fault.Tally("remote TLS")
    origin = project.make(many=5, big=100)
    try:
        place = places.Webdav()
    except places.base.Missing as missing:
        fault.skip(missing)
    with place:
        for name, port, has_ca, status in CASES:
            words = ["ca=" + place.server.ca] if has_ca else []
            fault.mlops(origin, "remote", "remove", "origin")
            project.done(origin, "remote", "add", "origin", place.server.url(port, "remote"), *words,
                         "--default", "--local")
            result = fault.mlops(origin, "push")
            faults = [] if result.status == status else [f"status is not {status}: {result}"]
            if status != fault.OK:
                faults += [f"'{word}' is not said: {result}" for word in WORDS
                           if word not in result.err]
                faults += ["something was written"] if place.names() else []
            tally.check(f"TLS, {name}", faults)
    sys.exit(1 if tally.bad else 0)


main()
