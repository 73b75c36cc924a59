"""Starts `./sluice serve` as a user would, once per model, and checks it with the official openai client.

Every check is a function; a failed one is printed with its reason and the run ends non-zero.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import traceback
import urllib.error
import urllib.request

import openai

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = os.environ.get("SLUICE_SHARED")
LOGS = ROOT / "target" / "end-to-end"


class Server:
    """A running `./sluice serve`, found by the address that it prints."""

    def __init__(self, name, *arguments, key="unused"):
        self.key = key
        LOGS.mkdir(parents=True, exist_ok=True)
        self.log = LOGS / f"{name}.log"
        self.started = time.monotonic()
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [str(ROOT / "sluice"), "serve", "--port", "0", *arguments],
                stdout=out, stderr=subprocess.STDOUT, cwd="/", start_new_session=True)
        self.url = self.wait_until_listening()
        self.client = openai.OpenAI(base_url=self.url + "/v1", api_key=key, max_retries=0, timeout=120)
        self.model = self.client.models.list().data[0].id

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

    def aborted(self):
        """Choices that ended because their client left."""
        text = self.get(self.url + "/metrics")
        return float(re.search(r'^sluice_choices_finished_total\{.*reason="abort".*\} (\S+)$', text, re.M).group(1))

    def wait_until_idle(self):
        wait_for("no request to run", lambda: self.metric("sluice_requests_running") == 0)
        wait_for("no block to be in use", lambda: self.metric("sluice_kv_blocks_used") == 0)

    def stop(self):
        os.kill(self.process.pid, signal.SIGTERM)
        return self.process.wait(60)

    def kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)


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


# ---- checks that hold for any model ----


def chat_answers(server):
    answer = server.client.chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "Who are you?"}], max_tokens=40, temperature=0)
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and choice.message.content.strip(), answer
    assert choice.finish_reason in ("stop", "length"), answer
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens, answer
    assert 0 < answer.usage.completion_tokens <= 40, answer


def stream_equals_blocking(server):
    request = dict(model=server.model, messages=[{"role": "user", "content": "Tell me a story about a fox."}],
                   max_tokens=60, temperature=0)
    whole = server.client.chat.completions.create(**request)
    text, reasons, usage, roles = "", [], None, []
    for chunk in server.client.chat.completions.create(
            **request, stream=True, stream_options={"include_usage": True}):
        if chunk.usage:
            assert chunk.choices == [], chunk
            usage = chunk.usage
        for choice in chunk.choices:
            text += choice.delta.content or ""
            roles += [choice.delta.role] if choice.delta.role else []
            reasons += [choice.finish_reason] if choice.finish_reason else []
    assert text == whole.choices[0].message.content, (text, whole.choices[0].message.content)
    assert reasons == [whole.choices[0].finish_reason], reasons
    assert roles == ["assistant"], roles
    assert usage and usage.completion_tokens == whole.usage.completion_tokens, usage


def stop_string_ends_before_it(server):
    request = dict(model=server.model, messages=[{"role": "user", "content": "Tell me a story about a dog."}],
                   max_tokens=60, temperature=0)
    text = server.client.chat.completions.create(**request).choices[0].message.content
    stop = text.strip().split()[3]
    cut = server.client.chat.completions.create(**request, stop=[stop]).choices[0]
    assert cut.finish_reason == "stop", cut
    assert stop not in cut.message.content and text.startswith(cut.message.content), (text, stop, cut)


def max_tokens_is_length(server):
    answer = server.client.chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "Count."}], max_tokens=3,
        extra_body={"ignore_eos": True})
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 3, answer


def seeds_repeat(server):
    def ask(seed):
        return server.client.completions.create(
            model=server.model, prompt="Once upon a time", max_tokens=24, temperature=1.0, seed=seed,
            extra_body={"ignore_eos": True}).choices[0].text
    assert ask(7) == ask(7)
    assert len({ask(seed) for seed in range(4)}) > 1


def several_choices(server):
    answer = server.client.chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "Tell me a story about a cat."}],
        n=3, max_tokens=24, temperature=1.0, seed=1)
    assert [choice.index for choice in answer.choices] == [0, 1, 2], answer
    assert len({choice.message.content for choice in answer.choices}) > 1, answer


def logprobs_add_up(server):
    answer = server.client.chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "Hello"}], max_tokens=5, temperature=0,
        logprobs=True, top_logprobs=3)
    for entry in answer.choices[0].logprobs.content:
        assert len(entry.top_logprobs) == 3, entry
        assert entry.top_logprobs[0].token == entry.token, "greedy takes the most likely"
        assert entry.logprob <= 0 and entry.top_logprobs[0].logprob >= entry.top_logprobs[1].logprob, entry


def invalid_requests_are_400(server):
    cases = [
        (dict(temperature=9), "temperature"), (dict(max_tokens=0), "max_tokens"), (dict(n=0), "n"),
        (dict(stop=["a"] * 9), "stop"), (dict(max_tokens=10_000_000), "max_tokens"),
    ]
    for change, parameter in cases:
        try:
            server.client.chat.completions.create(
                **(dict(model=server.model, messages=[{"role": "user", "content": "x"}]) | change))
            raise AssertionError(f"{change} was accepted")
        except openai.BadRequestError as error:
            assert error.param == parameter, (change, error.body)
            assert error.request_id, "every answer has a request id"


def unknown_model_and_route_are_404(server):
    try:
        server.client.chat.completions.create(model="nope", messages=[{"role": "user", "content": "x"}])
        raise AssertionError("an unknown model was accepted")
    except openai.NotFoundError as error:
        assert error.code == "model_not_found", error.body
    assert status(server.url + "/v1/nothing") == 404


def a_client_that_leaves_frees_its_blocks(server):
    # Many long choices, so that the fastest machine is still at it when the client leaves: only leaving ends them.
    long = dict(model=server.model, max_tokens=900, n=64)
    server.wait_until_idle()
    aborted = server.aborted()
    stream = server.client.chat.completions.create(
        **long, messages=[{"role": "user", "content": "Tell me a long story."}], stream=True,
        extra_body={"ignore_eos": True})
    next(iter(stream))
    assert server.metric("sluice_requests_running") >= 1
    stream.close()
    wait_for("the choices to end as aborted", lambda: server.aborted() == aborted + 64)
    server.wait_until_idle()

    # The same while nothing is written: a client that waits for a whole answer and leaves.
    body = json.dumps(long | dict(prompt="Once", ignore_eos=True)).encode()
    address = server.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as raw:
        raw.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(body) + body)
        wait_for("the request to run", lambda: server.metric("sluice_requests_running") >= 1)
    wait_for("the choices to end as aborted", lambda: server.aborted() == aborted + 128)
    server.wait_until_idle()


def sigterm_ends_politely(server):
    assert server.stop() == 0, "SIGTERM must end with exit code 0"


ANY_MODEL = [
    chat_answers, stream_equals_blocking, stop_string_ends_before_it, max_tokens_is_length, seeds_repeat,
    several_choices, logprobs_add_up, invalid_requests_are_400, unknown_model_and_route_are_404,
    a_client_that_leaves_frees_its_blocks,
]


# ---- checks of one model ----


def held_out_prompts_are_answered(server):
    prompts = (ROOT / "benchmarks/src/main/resources/io/sluice/demomodel/held-out-prompts.txt").read_text().splitlines()
    assert len(prompts) == 100, len(prompts)
    stopped = 0
    for prompt in prompts:
        choice = server.client.chat.completions.create(
            model=server.model, messages=[{"role": "user", "content": prompt}], max_tokens=200, temperature=0).choices[0]
        stopped += choice.finish_reason == "stop" and bool(choice.message.content.strip())
    assert stopped >= 95, f"only {stopped} of 100 stopped by themselves"


def the_curl_line_works_as_it_stands(server):
    lines = server.log.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if "curl " in line)
    command = lines[start][lines[start].index("curl "):]
    while command.endswith("\\"):
        start += 1
        command = command[:-1] + " " + lines[start].strip()
    out = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
    assert out.returncode == 0 and ("choices" in out.stdout), (command, out)


def capital_of_france_is_paris(server):
    answer = server.client.chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "What is the capital of France?"}],
        max_tokens=30, temperature=0).choices[0].message.content
    assert "Paris" in answer, answer


# ---- keys, tenants, quotas, reload ----


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


TENANCY = [keys_decide_who_asks, quotas_hold_and_say_when_to_come_back, a_signal_reloads_what_a_dry_run_announced,
           the_streams_of_a_revoked_key_end]


def main():
    runs = [("demo", [], ANY_MODEL + [held_out_prompts_are_answered, the_curl_line_works_as_it_stands, sigterm_ends_politely])]
    if SHARED:
        path = subprocess.check_output(["bash", f"{SHARED}/tools/get_model.sh"], text=True).strip()
        runs.append(("smollm2", ["--model", path], [capital_of_france_is_paris] + ANY_MODEL + [sigterm_ends_politely]))
    passed, failed = 0, 0
    subjects = [(name, lambda name=name, arguments=arguments: Server(name, *arguments), checks)
                for name, arguments, checks in runs] + [("tenancy", Tenancy, TENANCY)]
    for name, start, checks in subjects:
        subject = start()
        server = getattr(subject, "server", subject)
        print(f"{name}: ready after {time.monotonic() - server.started:.2f} s, serving {server.model} at {server.url}")
        try:
            for check in checks:
                try:
                    check(subject)
                    passed += 1
                    print(f"  ok   {name}: {check.__name__}")
                except Exception:
                    failed += 1
                    print(f"  FAIL {name}: {check.__name__}\n{traceback.format_exc()}")
        finally:
            server.kill()
        if failed:
            print(f"--- log of {name}\n{server.log.read_text()[-4000:]}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
