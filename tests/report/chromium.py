"""A real Chromium without a screen, spoken to over a pipe (the DevTools protocol): no driver, no port, no network."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT

UNPACKED = ROOT / ".tools" / "chromium"
"""Where `.ci/get-chromium` puts it."""
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
ANSWER_S = 60.0
KEYS = {"Tab": 9, "Enter": 13, " ": 32}


class Chromium:
    """One browser, with one page at a time; used in a `with` statement."""

    def __init__(self, folder: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self.downloads = folder / "downloads"
        self._asked, self._session = 0, ""
        self._rest = b""
        hears, self._write = _pipe()
        self._read, says = _pipe()
        program, environment = installed()
        command = [program, *FLAGS, f"--user-data-dir={folder / 'profile'}"]
        # the protocol wants its pipes at 3 and 4
        shell = f'exec 3<&{hears} 4>&{says}; exec "$@"'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "chromium", *command],
            pass_fds=(hears, says),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | environment | {"HOME": str(folder)},
        )
        os.close(hears)
        os.close(says)
        self._open()

    def __enter__(self) -> Chromium:
        return self

    def __exit__(self, *_: object) -> None:
        self._session = ""
        self._send("Browser.close", {})
        self._process.wait(ANSWER_S)
        os.close(self._write)
        os.close(self._read)

    def _open(self) -> None:
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable")

    def show(self, page: Path, *, width: int = 1280, dark: bool = False, media: str = "") -> None:
        """Load a page from disk in a window of so many pixels.

        Args:
            page: the file.
            width: of the window.
            dark: as who prefers dark pages sees it.
            media: `print` for how it is printed.
        """
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.events.clear()
        self.ask("Page.navigate", url=page.as_uri())
        self._wait_for("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """Run a script in the page, and return what it says."""
        told = self.ask("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        typed = {"key": key, "windowsVirtualKeyCode": KEYS[key], "code": "Space" if key == " " else key}
        text = {"Enter": "\r", " ": " "}.get(key)
        self.ask("Input.dispatchKeyEvent", type="keyDown", **typed, **({"text": text} if text else {}))
        self.ask("Input.dispatchKeyEvent", type="keyUp", **typed)

    def saved(self, script: str) -> tuple[str, str]:
        """Run a script that saves a file; return its name and what is in it."""
        self.downloads.mkdir(exist_ok=True)
        where = {"behavior": "allow", "downloadPath": str(self.downloads), "eventsEnabled": True}
        self.ask("Browser.setDownloadBehavior", **where)
        self.events.clear()
        self.ask("Runtime.evaluate", expression=script, userGesture=True)
        name = self._wait_for("Browser.downloadWillBegin")["suggestedFilename"]
        while self._wait_for("Browser.downloadProgress")["state"] != "completed":
            self.events[:] = [one for one in self.events if one["method"] != "Browser.downloadProgress"]
        path = self.downloads / name
        text = path.read_text(encoding="utf-8")
        path.unlink()
        return name, text

    def picture(self) -> bytes:
        """Return the whole page as PNG."""
        whole = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        return base64.b64decode(whole["data"])

    def printed(self) -> bytes:
        """Return the page as PDF."""
        return base64.b64decode(self.ask("Page.printToPDF", preferCSSPageSize=True)["data"])

    @property
    def complaints(self) -> list[str]:
        """What went to the console since the page was loaded: errors, warnings, what the policy stopped."""
        loud = ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded")
        return [json.dumps(one["params"]) for one in self.events if one["method"] in loud]

    @property
    def requests(self) -> list[str]:
        """Addresses that were asked for since then, what the page holds itself left out."""
        asked = [one["params"]["request"]["url"] for one in self.events if one["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if not url.startswith("data:")]

    def ask(self, method: str, **options: Any) -> dict[str, Any]:
        """Send a command, and wait for the answer."""
        number = self._send(method, options)
        while True:
            told = self._next()
            if told.get("id") == number:
                assert "error" not in told, (method, told)
                answer: dict[str, Any] = told["result"]
                return answer

    def _send(self, method: str, options: dict[str, Any]) -> int:
        self._asked += 1
        message: dict[str, Any] = {"id": self._asked, "method": method, "params": options}
        if self._session and not method.startswith("Browser."):
            message["sessionId"] = self._session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._write, data) :]
        return self._asked

    def _wait_for(self, event: str) -> dict[str, Any]:
        while True:
            for one in self.events:
                if one["method"] == event:
                    params: dict[str, Any] = one["params"]
                    return params
            self._next()

    def _next(self) -> dict[str, Any]:
        """Return the next message; events are kept, too."""
        end = time.monotonic() + ANSWER_S
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(end - time.monotonic(), 0))
            got = os.read(self._read, 1 << 20) if ready else b""
            assert got, "Chromium has gone away" if ready else "Chromium does not answer"
            self._rest += got
        data, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(data)
        if "method" in message:
            self.events.append(message)
        return message


def installed() -> tuple[str, dict[str, str]]:
    """Return where Chromium is, and the variables that it needs; CI has it."""
    own = UNPACKED / "usr" / "lib" / "chromium" / "chromium"
    on_path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if on_path:
        return on_path, {}
    if own.is_file():
        folders = ("usr/lib/*-linux-gnu", "usr/lib/*-linux-gnu/pulseaudio", "lib/*-linux-gnu")
        libraries = ":".join(str(path) for folder in folders for path in UNPACKED.glob(folder))
        return str(own), {"LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(UNPACKED / "fonts.conf")}
    told = "there is no Chromium (.ci/get-chromium gets it)"
    assert "CI" not in os.environ, told
    pytest.skip(told)


def _pipe() -> tuple[int, int]:
    """Return both ends of a pipe, with numbers that the first ten are not overwritten by."""
    ends = os.pipe()
    read, write = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends)
    for end in ends:
        os.close(end)
    return read, write
