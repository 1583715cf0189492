"""A proxy that makes a real server fail: rules say which requests suffer what, a log says what passed.

A rule is a dict: what it matches (all given must), how often, and one or more faults.

    method, path       regular expressions for the whole method and a part of path?query
    skip, times        let the first `skip` matches pass, then spoil `times` (default: all)
    status             answered instead of forwarding; `retry_after` seconds, `body`, `location`
    drop               true: forwarded, and the connection is closed without the answer
    cut_request        the connection ends after so many bytes of the request's body
    cut                the connection ends after so many bytes of the answer's body
    shorten            the answer is that short, and Content-Length says so
    truncate           as `cut`, but closed in good order (FIN, not RST)
    flip               this byte of the answer's body is changed; `flip_request`: of the request's
    replace            the answer's body is this text, status 200
    no_range           true: the server is not told that only a part is wanted
    weak               true: ETags say that they are weak
    chunked            true: the answer's body comes in chunks, its length is not told
    gzip               true: the answer's body is packed (Content-Encoding), asked for or not
    hang_up            true: the connection is closed after the answer, unannounced
    rate               bytes a second, in both directions
    stall              nothing more after so many bytes of the answer, for `seconds` (default 600)
    call               a function, called when the rule strikes (in the proxy's thread)

With raw=True bytes pass as they are (SSH): cut, cut_request, flip, flip_request, rate and stall
count the bytes of a connection, and a match is a connection."""
import asyncio
import gzip
import json
import re
import socket
import struct
import threading

BLOCK = 1 << 16


class Ended(Exception):
    """The connection is to be closed; `reset`: with RST."""

    def __init__(self, reset=True):
        super().__init__()
        self.reset = reset


class Request:
    """What the log holds of each request (raw: of each connection)."""

    def __init__(self, method, path):
        self.method, self.path, self.status = method, path, None
        self.sent = self.received = 0  # bytes of bodies that passed, to the server and back
        self.rule = None


class Pump:
    """Passes the bytes of one body on, in one direction, and spoils them as the rule says."""

    def __init__(self, rule, is_request, writer, count):
        end = "_request" if is_request else ""
        self.cut = rule.get("cut" + end)
        self.truncate = None if is_request else rule.get("truncate")
        self.flip = rule.get("flip" + end)
        self.stall = None if is_request else rule.get("stall")
        self.seconds = rule.get("seconds", 600)
        self.rate = rule.get("rate")
        self.passed = 0
        self.writer, self.count = writer, count

    async def send(self, data):
        while data:
            piece = data[:max(1, min(BLOCK, int(self.rate / 10)))] if self.rate else data
            data = data[len(piece):]
            await self._send(piece)
            if self.rate:
                await asyncio.sleep(len(piece) / self.rate)

    async def _send(self, data):
        if self.flip is not None and self.passed <= self.flip < self.passed + len(data):
            data = bytearray(data)
            data[self.flip - self.passed] ^= 0x20
        for limit, what in ((self.cut, "cut"), (self.truncate, "truncate"), (self.stall, "stall")):
            if limit is not None and self.passed + len(data) >= limit:
                await self._pass(data[:limit - self.passed])
                if what != "stall":
                    raise Ended(reset=what == "cut")
                await asyncio.sleep(self.seconds)
                raise Ended()
        await self._pass(data)

    async def _pass(self, data):
        if data:
            self.passed += len(data)
            self.count(len(data))  # first: who sees the bytes may look at the log
            self.writer.write(data)
            await self.writer.drain()


class Proxy:
    """Listens at `port` in a thread of its own; `rules` may be replaced at any time."""

    def __init__(self, target, rules=(), raw=False, port=0):
        self.target, self.raw = target, raw
        self.rules, self.log = [], []
        self.lock = threading.Lock()
        self.set_rules(rules)
        self.loop = asyncio.new_event_loop()
        ready = threading.Event()
        self.thread = threading.Thread(target=self._serve, args=(port, ready), daemon=True)
        self.thread.start()
        ready.wait(10)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def set_rules(self, rules):
        """Counts of `skip` and `times` begin again."""
        with self.lock:
            self.rules = [dict(rule, seen=0) for rule in rules]

    def take_log(self):
        with self.lock:
            log, self.log = self.log, []
        return log

    def stop(self):
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join(10)

    def _serve(self, port, ready):
        asyncio.set_event_loop(self.loop)

        async def begin():
            server = await asyncio.start_server(self._client, "127.0.0.1", port, limit=1 << 20)
            self.port = server.sockets[0].getsockname()[1]
            ready.set()
        self.loop.run_until_complete(begin())
        self.loop.run_forever()
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        self.loop.run_until_complete(asyncio.sleep(0))

    def _strike(self, request):
        """The first rule that matches and whose turn it is."""
        with self.lock:
            self.log.append(request)
            for rule in self.rules:
                if not (re.fullmatch(rule.get("method", ".*"), request.method)
                        and re.search(rule.get("path", ""), request.path)):
                    continue
                rule["seen"] += 1
                first = rule.get("skip", 0)
                if first < rule["seen"] <= first + rule.get("times", 1 << 60):
                    request.rule = rule
                    break
        if request.rule and "call" in request.rule:
            request.rule["call"]()
        return request.rule or {}

    async def _client(self, reader, writer):
        server = None
        try:
            server = await asyncio.open_connection("127.0.0.1", self.target, limit=1 << 20)
            if self.raw:
                await self._pass_raw(reader, writer, *server)
            else:
                while await self._exchange(reader, writer, *server):
                    pass
        except Ended as end:
            if end.reset:
                reset(writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ValueError,
                IndexError):
            reset(writer)
        finally:
            for each in filter(None, (writer, server and server[1])):
                each.close()

    async def _pass_raw(self, reader, writer, from_server, to_server):
        request = Request("", "")
        rule = self._strike(request)

        async def direction(source, pump):
            while data := await source.read(BLOCK):
                await pump.send(data)
            raise Ended(reset=False)
        up = direction(reader, Pump(rule, True, to_server, counter(request, "sent")))
        down = direction(from_server, Pump(rule, False, writer, counter(request, "received")))
        await gather(up, down)

    async def _exchange(self, reader, writer, from_server, to_server):
        """One request and its answer; whether the connection goes on."""
        head = await read_head(reader)
        if head is None:
            return False
        method, path = head.first.split(" ")[:2]
        request = Request(method, path)
        rule = self._strike(request)
        if "status" in rule:
            await answer(reader, writer, head, request, rule)
            return False
        to_server.write(without_range(head.raw) if "no_range" in rule else head.raw)
        up = asyncio.ensure_future(pass_body(
            reader, head, Pump(rule, True, to_server, counter(request, "sent")), False))
        try:
            return await self._answered(writer, from_server, up, request, rule)
        finally:
            up.cancel()

    async def _answered(self, writer, from_server, up, request, rule):
        while True:
            waiting = asyncio.ensure_future(read_head(from_server))
            await asyncio.wait({waiting, up}, return_when=asyncio.FIRST_COMPLETED)
            if up.done() and up.exception():
                waiting.cancel()
                raise up.exception()
            head = await waiting
            if head is None:
                return False
            status = int(head.first.split(" ")[1])
            if status >= 200:
                break
            writer.write(head.raw)
        request.status = status
        if "drop" in rule:
            raise Ended()
        if "replace" in rule:
            body = rule["replace"].encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
            return False
        pump = Pump(rule, False, writer, counter(request, "received"))
        raw = head.raw
        if "shorten" in rule:
            pump.truncate = rule["shorten"]
            raw = re.sub(rb"(?i)(content-length:\s*)\d+", rb"\g<1>%d" % rule["shorten"], raw)
        if "weak" in rule:
            raw = re.sub(rb'(?i)(\r\netag:\s*)"', rb'\1W/"', raw)
        has_body = request.method != "HEAD" and status not in (204, 304)
        if has_body and ("chunked" in rule or "gzip" in rule):
            await pass_anew(from_server, writer, head, raw, rule)
            return False
        writer.write(raw)
        goes_on = not has_body or await pass_body(from_server, head, pump, True)
        await writer.drain()
        if "hang_up" in rule or not up.done():  # answered before all was read: the rest would be taken for a request
            return False
        return goes_on and head.get("connection").lower() != "close"


def without_range(raw):
    return re.sub(rb"(?i)\r\n(if-)?range:[^\r]*", b"", raw)


async def pass_anew(reader, writer, head, raw, rule):
    """The same body in another form."""
    body = await reader.readexactly(int(head.get("content-length") or 0))
    raw = re.sub(rb"(?i)\r\n(content-length|accept-ranges):[^\r]*", b"", raw)
    fields = b"Connection: close\r\n"
    if "gzip" in rule:
        body = gzip.compress(body, 1)
        fields += b"Content-Encoding: gzip\r\n"
    if "chunked" in rule:
        fields += b"Transfer-Encoding: chunked\r\n"
        pieces = [body[at:at + 10000] for at in range(0, len(body), 10000)] + [b""]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
    else:
        fields += b"Content-Length: %d\r\n" % len(body)
    writer.write(raw[:-2] + fields + b"\r\n" + body)
    await writer.drain()


class Head:
    def __init__(self, raw):
        self.raw = raw
        lines = raw.decode("latin-1").split("\r\n")
        self.first = lines[0]
        self.fields = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if colon:
                self.fields[name.strip().lower()] = value.strip()

    def get(self, name):
        return self.fields.get(name, "")


async def read_head(reader):
    try:
        return Head(await reader.readuntil(b"\r\n\r\n"))
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None


async def pass_body(reader, head, pump, is_answer):
    """Whether the end of the body was told, so that another message may follow."""
    if head.get("transfer-encoding").lower() == "chunked":
        while True:
            line = await reader.readuntil(b"\r\n")
            size = int(line.split(b";")[0], 16)
            await pump.send(line + await reader.readexactly(size + 2))
            if size == 0:
                return True
    length = head.get("content-length")
    if length:
        left = int(length)
        while left > 0:
            data = await reader.read(min(left, BLOCK))
            if not data:
                raise Ended(reset=False)
            left -= len(data)
            await pump.send(data)
        return True
    if not is_answer:
        return True
    while data := await reader.read(BLOCK):
        await pump.send(data)
    return False


async def answer(reader, writer, head, request, rule):
    """An answer of our own. The body is taken first, or the client would see a reset."""
    if head.get("expect").lower() != "100-continue" and head.get("content-length"):
        left = int(head.get("content-length"))
        while left > 0 and (data := await reader.read(min(left, BLOCK))):
            left -= len(data)
    request.status = rule["status"]
    more = f"Retry-After: {rule['retry_after']}\r\n" if "retry_after" in rule else ""
    more += f"Location: {rule['location']}\r\n" if "location" in rule else ""
    body = b"" if request.method == "HEAD" else rule.get("body", "injected\n").encode()
    writer.write(f"HTTP/1.1 {rule['status']} Injected\r\nContent-Type: text/plain\r\n{more}"
                 f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
    await writer.drain()


async def gather(*coroutines):
    """Until the first ends, as all do with an exception; the others are given up."""
    tasks = [asyncio.ensure_future(each) for each in coroutines]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()


def counter(request, field):
    def count(number):
        setattr(request, field, getattr(request, field) + number)
    return count


def reset(writer):
    """Closed with RST: what was sent last may be lost, as with a cable pulled."""
    connection = writer.get_extra_info("socket")
    if connection is not None:
        try:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        except OSError:
            pass
    writer.transport.abort()


def parse_rule(text):
    """`method=PUT status=503 times=2` or JSON, for the command line."""
    if text.startswith("{"):
        return json.loads(text)
    rule = {}
    for word in text.split():
        name, _, value = word.partition("=")
        rule[name] = int(value) if value.isdigit() else value
    return rule
