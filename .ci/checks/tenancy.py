"""Keys, tenants, quotas and their reload, as an operator sets them up and the official client meets them."""

import json
import os
import shutil
import signal
import socket
import subprocess

import openai

from checks.server import LOGS, ROOT, Server, status, wait_for


def sluice(*arguments):
    """Runs a command to its end and returns what it printed."""
    return subprocess.run([str(ROOT / "sluice"), *arguments], check=True, capture_output=True, text=True, cwd="/").stdout


class Tenancy:
    """A server with keys and a policy, as an operator sets it up."""

    POLICY = "admin-port: {port}\npolicy: {{tenants: {{acme: {{class: interactive, requests-per-minute: {limit}}}}}}}\n"

    def __init__(self):
        self.folder = LOGS / "tenancy"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.keys = str(self.folder / "keys")
        self.config = self.folder / "sluice.yaml"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.admin_port = free.getsockname()[1]
        self.write_policy(3)
        self.acme, self.umbrella = (self.new_key("--tenant", name) for name in ("acme", "umbrella"))
        self.admin = self.new_key("--admin", "--tenant", "operators")
        self.server = Server("tenancy", "--config", str(self.config), "--api-keys-file", self.keys, key=self.admin)
        self.admin_url = f"http://127.0.0.1:{self.admin_port}"

    def write_policy(self, limit):
        self.config.write_text(self.POLICY.format(port=self.admin_port, limit=limit))

    def new_key(self, *arguments):
        return sluice("keys", "create", "--file", self.keys, *arguments).strip()

    def client(self, key):
        return openai.OpenAI(base_url=self.server.url + "/v1", api_key=key, max_retries=0, timeout=120)

    def ask(self, key, **more):
        return self.client(key).completions.create(
            **(dict(model=self.server.model, prompt="Once upon a time", max_tokens=8) | more))

    def explain(self, request_id):
        return json.loads(self.server.get(f"{self.admin_url}/admin/requests/{request_id}"))


def keys_decide_who_asks(tenancy):
    assert status(tenancy.server.url + "/v1/models") == 401
    assert status(tenancy.server.url + "/metrics") == 401
    assert status(tenancy.server.url + "/readyz") == 200
    try:
        tenancy.ask(tenancy.acme + "x")
        raise AssertionError("a wrong key was accepted")
    except openai.AuthenticationError as error:
        assert error.code == "invalid_api_key", error.body
    for key, tenant in ((tenancy.umbrella, "umbrella"), (tenancy.admin, "operators")):
        answer = tenancy.ask(key, user="acme", extra_headers={"x-tenant": "acme"})
        assert tenancy.explain(answer.id)["tenant"] == tenant, tenancy.explain(answer.id)


def quotas_hold_and_say_when_to_come_back(tenancy):
    for left in (2, 1, 0):
        raw = tenancy.client(tenancy.acme).completions.with_raw_response.create(
            model=tenancy.server.model, prompt="Once", max_tokens=4)
        assert raw.headers["x-ratelimit-limit-requests"] == "3", raw.headers
        assert int(raw.headers["x-ratelimit-remaining-requests"]) >= left, raw.headers
    try:
        for _ in range(4):  # a slow machine may have refilled one
            tenancy.ask(tenancy.acme)
        raise AssertionError("a quota was not enforced")
    except openai.RateLimitError as error:
        assert error.code == "requests_per_minute", error.body
        assert 1 <= int(error.response.headers["retry-after"]) <= 20, error.response.headers
        told = tenancy.explain(error.request_id)["decision"]
        assert told["status"] == 429 and told["code"] == "requests_per_minute", told


def a_signal_reloads_what_a_dry_run_announced(tenancy):
    tenancy.write_policy(1000)
    said = sluice("policy", "check", "--config", str(tenancy.config), "--url", tenancy.admin_url, "--key", tenancy.admin)
    assert "policy.tenants.acme.requests-per-minute: 3 -> 1000" in said, said
    os.kill(tenancy.server.process.pid, signal.SIGHUP)
    wait_for("the reload", lambda: "policy reloaded" in tenancy.server.log.read_text())
    for _ in range(10):
        tenancy.ask(tenancy.acme)
    assert "would change nothing" in sluice(
        "policy", "check", "--config", str(tenancy.config), "--url", tenancy.admin_url, "--key", tenancy.admin)


def the_streams_of_a_revoked_key_end(tenancy):
    key = tenancy.new_key("--tenant", "acme")
    os.kill(tenancy.server.process.pid, signal.SIGHUP)
    wait_for("the new key", lambda: tenancy_accepts(tenancy, key))
    # Many long choices, so that the fastest machine is still at it.
    stream = tenancy.ask(key, stream=True, max_tokens=900, n=64, extra_body={"ignore_eos": True})
    chunks = iter(stream)
    next(chunks)
    sluice("keys", "revoke", "--file", tenancy.keys, key.split("-")[2])
    os.kill(tenancy.server.process.pid, signal.SIGHUP)
    try:
        for _ in chunks:
            pass
        raise AssertionError("the stream ended as if it were complete")
    except openai.APIError as error:
        assert error.body["code"] == "key_revoked", error.body
    assert not tenancy_accepts(tenancy, key)
    tenancy.server.wait_until_idle()


def tenancy_accepts(tenancy, key):
    try:
        tenancy.client(key).models.list()
        return True
    except openai.AuthenticationError:
        return False


CHECKS = [keys_decide_who_asks, quotas_hold_and_say_when_to_come_back, a_signal_reloads_what_a_dry_run_announced,
          the_streams_of_a_revoked_key_end]
