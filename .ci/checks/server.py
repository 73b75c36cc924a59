"""A running `./sluice serve`, started as a user would, and what checks ask of it."""

import contextlib
import os
import pathlib
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import openai

ROOT = pathlib.Path(__file__).resolve().parents[2]
LOGS = ROOT / "target" / "end-to-end"


class Server:
    """Found by the address that it prints. Ends, with everything that it started, when the `with` does."""

    def __init__(self, name, *arguments, port=0, java_options="", key="unused"):
        LOGS.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.key = key
        self.log = LOGS / f"{name}.log"
        self.started = time.monotonic()
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [str(ROOT / "sluice"), "serve", "--port", str(port), *arguments],
                stdout=out, stderr=subprocess.STDOUT, cwd="/", start_new_session=True,
                env=os.environ | {"SLUICE_JAVA_OPTS": java_options})
        try:
            self.url = self.wait_until_listening()
            self.client = openai.OpenAI(base_url=self.url + "/v1", api_key=key, max_retries=0, timeout=120)
            self.model = self.client.models.list().data[0].id
        except BaseException:
            self.kill()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()

    @property
    def address(self):
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def wait_until_listening(self):
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            found = re.search(r"http://127\.0\.0\.1:\d+", self.log.read_text())
            if found and status(found.group() + "/readyz") == 200:
                return found.group()
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise AssertionError(f"the server did not start:\n{self.log.read_text()}")

    def get(self, url):
        request = urllib.request.Request(url, headers={"Authorization": "Bearer " + self.key})
        return urllib.request.urlopen(request, timeout=10).read().decode()

    def metric(self, name):
        """The sum over the series of this metric family."""
        text = self.get(self.url + "/metrics")
        found = re.findall(rf"^{re.escape(name)}(?:\{{[^}}]*\}})? (\S+)$", text, re.M)
        assert found, f"/metrics has no {name}"
        return sum(map(float, found))

    def finished(self, reason):
        """Choices that ended so."""
        text = self.get(self.url + "/metrics")
        found = re.search(rf'^sluice_choices_finished_total\{{.*reason="{reason}".*\}} (\S+)$', text, re.M)
        assert found, f"no choices are counted as {reason}"
        return float(found.group(1))

    def wait_until_idle(self):
        wait_for("no request to run", lambda: self.metric("sluice_requests_running") == 0)
        wait_for("no block to be in use", lambda: self.metric("sluice_kv_blocks_used") == 0)

    def terminate(self):
        os.kill(self.process.pid, signal.SIGTERM)

    def stop(self):
        self.terminate()
        return self.process.wait(240)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def status(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def wait_for(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"within {seconds} s not seen: {what}")
