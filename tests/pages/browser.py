"""A headless Chromium that is spoken to over a pipe (DevTools protocol), with nothing but the
standard library. Works as root and without a display."""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--no-default-browser-check", "--disable-extensions", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-features=Translate,OptimizationHints",
    "--hide-scrollbars", "--mute-audio", "--remote-debugging-pipe",
)
START_S = 60
ANSWER_S = 60


class CannotStart(Exception):
    """Chromium is not there or does not run here: a reason to skip."""


class Browser:
    """with Browser() as browser: browser.open(url); browser.evaluate("1 + 1")"""

    def __init__(self):
        program = next((path for path in map(shutil.which, NAMES) if path), None)
        if program is None:
            raise CannotStart("no chromium")
        self.home = tempfile.mkdtemp(prefix="mlops-pages-")
        self.number = 0
        self.buffer = b""
        self.events = []
        self.start(program)
        try:
            self.begin()
        except (CannotStart, TimeoutError, RuntimeError, OSError) as error:
            told = self.log()
            self.close()
            raise CannotStart(f"{program} does not answer ({error}): {told}") from None

    def start(self, program):
        """The browser reads commands from descriptor 3 and writes answers to 4."""
        commands_out, self.commands = os.pipe()
        self.answers, answers_in = os.pipe()

        def connect():
            # Out of the way first: one of the ends may itself be 3 or 4.
            source, sink = os.dup(commands_out), os.dup(answers_in)
            while min(source, sink) <= 4:
                source, sink = os.dup(source), os.dup(sink)
            os.dup2(source, 3)
            os.dup2(sink, 4)

        environment = dict(os.environ, HOME=self.home, XDG_CONFIG_HOME=self.home,
                           XDG_CACHE_HOME=self.home, DBUS_SESSION_BUS_ADDRESS="disabled:")
        with open(self.home + "/log", "wb") as log:
            self.process = subprocess.Popen(
                [program, *OPTIONS, "--user-data-dir=" + self.home + "/profile", "about:blank"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, close_fds=False,
                preexec_fn=connect, start_new_session=True, env=environment)
        os.close(commands_out)
        os.close(answers_in)

    def begin(self):
        """Attaches to the first page and asks for what it has to tell."""
        deadline = time.monotonic() + START_S
        while True:
            targets = self.call("Target.getTargets", session=None, wait_s=START_S)["targetInfos"]
            pages = [target["targetId"] for target in targets if target["type"] == "page"]
            if pages or time.monotonic() > deadline:
                break
            time.sleep(0.05)
        if not pages:
            raise CannotStart("it opened no page")
        self.session = self.call("Target.attachToTarget", session=None, targetId=pages[0],
                                 flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    def log(self):
        with open(self.home + "/log", errors="replace") as log:
            return " | ".join(log.read().split("\n")[-4:]).strip()[-300:]

    def close(self):
        os.close(self.commands)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)  # the group that start() made
        except ProcessLookupError:
            pass
        self.process.wait()
        os.close(self.answers)
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # --- the protocol: JSON texts that end with a NUL ------------------------------------------

    def receive(self, deadline):
        while b"\0" not in self.buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                raise TimeoutError("no answer")
            got = os.read(self.answers, 1 << 20)
            if not got:
                raise RuntimeError("it ended")
            self.buffer += got
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def call(self, method, session="own", wait_s=ANSWER_S, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.commands, data):]
        deadline = time.monotonic() + wait_s
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            if "method" in answer:
                self.events.append(answer)

    def wait_for(self, method):
        deadline = time.monotonic() + ANSWER_S
        while not any(event["method"] == method for event in self.events):
            answer = self.receive(deadline)
            if "method" in answer:
                self.events.append(answer)

    # --- what tests do -------------------------------------------------------------------------

    def window(self, width, height, scheme):
        """Of the next page: its size, and whether people want it "light" or "dark"."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url):
        self.events = []
        self.call("Page.navigate", url=url)
        self.wait_for("Page.loadEventFired")
        self.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:500])
        return result["result"].get("value")

    def screenshot(self, path):
        """Of the whole page, down to 6,000 pixels."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": max(1, size["width"]),
                "height": min(6000, max(1, size["height"])), "scale": 1}
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        with open(path, "wb") as out:
            out.write(base64.b64decode(data["data"]))

    def complaints(self):
        """What the console would show, and requests that failed or left the page's own file."""
        found = []
        for event in self.events:
            told = event.get("params", {})
            if event["method"] == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
                found.append(told["entry"]["text"])
            elif event["method"] == "Runtime.consoleAPICalled":
                found.append(f"console.{told['type']}")
            elif event["method"] == "Runtime.exceptionThrown":
                found.append(told["exceptionDetails"]["text"])
            elif event["method"] == "Network.loadingFailed":
                found.append("failed request: " + told.get("errorText", ""))
            elif event["method"] == "Network.requestWillBeSent":
                url = told["request"]["url"]
                if told.get("type") != "Document" and not url.startswith("data:"):
                    found.append("request: " + url[:200])
        return found
