#!/usr/bin/env python3
"""serve.py KIND... [--dir DIR] [--rule RULE]... -- COMMAND...

Starts servers, runs the command with what it needs to know of them in its environment, ends the
servers and exits as the command did. Kinds: ssh, ssh-binary (sftp-server), web, s3. With a rule
(proxy.py) each is behind a proxy that makes it fail. `sleep 3600` is a command, too.
A server that can't run here: `skipped: REASON`, exit status 77.

    MLOPS_SSH_COMMAND MLOPS_SSH_URL MLOPS_SSH_ROOT
    MLOPS_WEB_PLAIN MLOPS_WEB_DAV ..._AUTH ..._TOKEN ..._TLS ..._TLS_AUTH ..._TLS_OTHER
    ..._TLS_EXPIRED (URLs) MLOPS_WEB_ROOT MLOPS_WEB_CA MLOPS_WEB_USER MLOPS_WEB_PASSWORD
    MLOPS_WEB_TOKEN_TEXT
    MLOPS_S3_ENDPOINT MLOPS_S3_BUCKET AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY ...
"""
import argparse
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from servers import base, proxy, s3, ssh, web  # noqa: E402

BUCKET = "mlops-test"


def behind(port, rules, raw=False):
    return proxy.Proxy(port, rules, raw=raw).port if rules else port


def start_ssh(kind, directory, rules):
    server = ssh.Ssh(directory, with_binary=kind == "ssh-binary")
    if rules:
        port = behind(server.port, rules, raw=True)
        for name in ("config", "known_hosts"):
            with open(server.path(name)) as file:
                text = file.read().replace(str(server.port), str(port))
            base.write(server.path(name), text, 0o600)
    return server, dict(MLOPS_SSH_COMMAND=server.command, MLOPS_SSH_URL=server.url(),
                        MLOPS_SSH_ROOT=server.root)


def start_web(directory, rules):
    server = web.Web(directory)
    found = dict(MLOPS_WEB_ROOT=server.root, MLOPS_WEB_CA=server.ca, MLOPS_WEB_USER=web.USER,
                 MLOPS_WEB_PASSWORD=web.PASSWORD, MLOPS_WEB_TOKEN_TEXT=web.TOKEN)
    for name in list(server.ports):
        if not name.startswith("tls"):
            server.ports[name] = behind(server.ports[name], rules)
        found["MLOPS_WEB_" + name.upper()] = server.url(name)
    return server, found


def start_s3(directory, rules):
    server = s3.S3(directory)
    server.make_bucket(BUCKET)
    server.port = behind(server.port, rules)
    return server, dict(server.environment(), MLOPS_S3_ENDPOINT=server.endpoint(),
                        MLOPS_S3_BUCKET=BUCKET)


def start(kind, directory, rules):
    directory = os.path.join(directory, kind) if directory else None
    if kind in ("ssh", "ssh-binary"):
        return start_ssh(kind, directory, rules)
    return {"web": start_web, "s3": start_s3}[kind](directory, rules)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="+", choices=["ssh", "ssh-binary", "web", "s3"])
    parser.add_argument("--dir", help="kept; default: a temporary one")
    parser.add_argument("--rule", action="append", default=[], type=proxy.parse_rule)
    words = sys.argv[1:]
    at = words.index("--") if "--" in words else len(words)
    options, command = parser.parse_args(words[:at]), words[at + 1:]
    if not command:
        parser.error("no command behind --")
    servers, environment = [], dict(os.environ)
    try:
        for kind in options.kinds:
            server, found = start(kind, options.dir, options.rule)
            servers.append(server)
            environment.update(found)
        status = subprocess.call(command, env=environment)
    except base.Missing as missing:
        print("skipped:", missing)
        status = 77
    finally:
        for server in servers:
            server.stop()
    sys.exit(status)


if __name__ == "__main__":
    main()
