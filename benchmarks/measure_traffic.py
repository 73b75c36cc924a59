#!/usr/bin/env python3
"""Checks on a running server what the simulation says of traffic: `./sluice serve` with the demo model, keys and a policy, under
`./sluice bench serve`.

    benchmarks/measure_traffic.py [--report docs/measurements/real-server-traffic.md] [--seconds 20]

The server computes on one thread, so that the load generator has a core of its own on a machine of two. Its KV cache is small
and so is the number of sequences at once: waiting begins at rates that the generator reaches. Rates are given relative to the
capacity that a closed loop measured first. Needs nothing but python3. --nice -10 (root only) puts the server before the generator,
which in earnest runs on another machine: else a refusal waits for the generator's slices of the processors.
"""
import argparse
import http.client
import json
import os
import platform
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
PROMPT, OUTPUT = 128, 192
LATE_MS = 10  # as `sluice bench serve` says it: a generator that sends later measures itself
TEN_TO_ONE = "3.3219"  # Zipf's exponent by which the first of two tenants sends ten times as much
SERVE = ["--threads", "1", "--max-num-seqs", "8", "--kv-cache-memory", "2560KiB", "--deterministic"]
CLASSES = dict(gold="guaranteed", heavy="standard", light="standard", bulk="batch")
POLICY = """policy:
  classes:
    standard: {ttft: 10s}
    guaranteed: {ttft: 4s}
  tenants:
    gold: {class: guaranteed}
    bulk: {class: batch}
    quota: {requests-per-minute: 1}
"""
SLOS = ["guaranteed:ttft=2s,itl=200ms", "standard:ttft=10s,itl=200ms", "batch:e2e=600s"]


NICE = ["nice", "-n", "0"]  # before the server


def sluice(*arguments):
    return subprocess.run([str(HERE / "sluice"), *arguments], check=True, capture_output=True, text=True).stdout


class Server:
    """With a key for each tenant, and one for its operator."""

    def __init__(self, folder):
        self.folder, self.loads = folder, 0
        (folder / "sluice.yaml").write_text(POLICY)
        self.keys = {name: self.key("--tenant", name) for name in (*CLASSES, "quota")}
        self.admin = self.key("--admin")
        self.log = folder / "log"
        self.process = subprocess.Popen(
            [*NICE, str(HERE / "sluice"), "serve", "--port", "0", "--config", str(folder / "sluice.yaml"),
             "--api-keys-file", str(folder / "keys"), *SERVE],
            stdout=self.log.open("w"), stderr=subprocess.STDOUT, start_new_session=True)
        while not (found := re.search(r"(?s)Serving .*? at (http://\S+) .*Admin +(http://[^/]+)/", self.log.read_text())):
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        self.url, self.admin_url = found.groups()

    def key(self, *arguments):
        return sluice("keys", "create", "--file", str(self.folder / "keys"), *arguments).strip()

    def get(self, url):
        request = urllib.request.Request(url, headers={"x-api-key": self.admin})
        return urllib.request.urlopen(request, timeout=60).read().decode()

    def metric(self, beginning):
        lines = [line for line in self.get(self.url + "/metrics").splitlines() if line.startswith(beginning)]
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines)

    def served(self, *tenants):
        """Tokens of ended requests, prompt and output, at one moment."""
        text = self.get(self.url + "/metrics")
        found = re.findall(r'^sluice_tenant_(?:prompt|generation)_tokens_total\{.*tenant="([^"]+)".*\} (\S+)$', text, re.M)
        return [sum(float(count) for name, count in found if name == tenant) for tenant in tenants]

    def first_tokens(self, tenant, count):
        """Milliseconds from arrival to first token, by the server's own records, of the tenant's latest requests."""
        records = json.loads(self.get(f"{self.admin_url}/admin/requests?limit=4096"))["requests"]
        own = [record["id"] for record in records if record["tenant"] == tenant][:count]
        whole = [json.loads(self.get(f"{self.admin_url}/admin/requests/{id}")) for id in own]
        return [record["first_token_ms"] for record in whole if record.get("first_token_ms") is not None]

    def await_idle(self):
        while self.metric("sluice_requests_running{") + self.metric("sluice_requests_waiting{") > 0:
            time.sleep(0.2)

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(60)


class Load:
    """One run of the load generator."""

    def __init__(self, server, tenants, seconds, *arguments):
        self.server, self.seconds = server, seconds
        number = server.loads = server.loads + 1
        self.json = server.folder / f"load-{number}.json"
        keys = server.folder / f"keys-{number}"
        keys.write_text("".join(f"{name} {server.keys[name]} {CLASSES[name]}\n" for name in tenants))
        slos = [word for slo in SLOS for word in ("--slo", slo)]
        self.process = subprocess.Popen(
            [str(HERE / "sluice"), "bench", "serve", "--url", server.url, "--endpoint", "completions", "--ignore-eos",
             "--prompt-tokens", str(PROMPT), "--output-tokens", str(OUTPUT), "--duration", f"{seconds}s",
             "--keys", str(keys), "--json", str(self.json), *slos, *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def result(self):
        _, problem = self.process.communicate()
        assert self.json.exists(), problem
        result = json.loads(self.json.read_text())
        result["by"] = {tenant["name"]: tenant for tenant in result["tenants"]}
        self.server.await_idle()
        return result


def run(server, tenants, seconds, *arguments):
    return Load(server, tenants, seconds, *map(str, arguments)).result()


def capacity(server, seconds):
    run(server, ["heavy"], 5, "--concurrency", 16)  # warms up
    result = run(server, ["heavy"], seconds, "--concurrency", 16)
    return result["all"]["answered"] / (result["seconds"] + result["drainSeconds"])


class Watch(threading.Thread):
    """What was served of two tenants, and how much of them waits, as often as the server answers."""

    def __init__(self, server, names):
        super().__init__()
        self.server, self.names, self.samples, self.over = server, names, [], threading.Event()

    def run(self):
        while not self.over.wait(0.3):
            served = self.server.served(*self.names)
            queue = json.loads(self.server.get(self.server.admin_url + "/admin/queue"))["requests"]
            waiting = [sum(row["tenant"] == name and row["state"] == "waiting" for row in queue) for name in self.names]
            self.samples.append((served, waiting))

    def while_all_waited(self):
        """The longest time in which all of them had something waiting: served in it, and least waiting."""
        best, run = [], []
        for sample in self.samples:
            run = run + [sample] if min(sample[1]) > 0 else []
            best = max(best, run, key=len)
        if len(best) < 3:
            return [float("nan")] * len(self.names), 0
        return [late - early for early, late in zip(best[0][0], best[-1][0])], len(best)


def fairness(server, seconds):
    """Closed loops: however fast the server is, both always have something waiting."""
    watch = Watch(server, ["heavy", "light"])
    watch.start()
    try:
        loads = [Load(server, [name], seconds, "--concurrency", str(count)) for name, count in (("heavy", 100), ("light", 10))]
        for load in loads:
            load.process.wait()
    finally:
        watch.over.set()
        watch.join()
    (heavy, light), samples = watch.while_all_waited()
    return heavy, light, samples, [load.result() for load in loads]


def guaranteed(server, rate, seconds):
    # Two tenants at 2x: the second sends 15 %.
    result = run(server, ["heavy", "gold"], seconds, "--rate", 2 * rate, "--zipf", "2.5")
    return result, server.metric("sluice_guaranteed_preemptions_total")


def light_tenant(server, rate, seconds):
    alone = run(server, ["light"], seconds, "--rate", 0.2 * rate)
    alone_at_server = server.first_tokens("light", alone["by"]["light"]["sent"])
    beside = run(server, ["heavy", "light"], seconds, "--rate", 2.2 * rate, "--zipf", TEN_TO_ONE)
    return alone, beside, alone_at_server, server.first_tokens("light", beside["by"]["light"]["sent"])


def retries(server, rate, seconds):
    return {what: run(server, ["heavy"], seconds, "--rate", 2 * rate, "--retry-after", what, "--patience", "30s")
            for what in ("ignore", "obey")}


class Asking:
    """Requests that are refused, timed from their sending to their status line."""

    def __init__(self, server, key, **headers):
        self.connection = http.client.HTTPConnection(*server.url.removeprefix("http://").split(":"), timeout=60)
        self.headers = {"Content-Type": "application/json", "x-api-key": key, **headers}
        self.server = server
        self.body = json.dumps(dict(prompt="word " * PROMPT, max_tokens=OUTPUT))

    def times(self, count):
        """Milliseconds of refusals at the client, and from arrival to sent at the server."""
        client, at_server = [], []
        for number in range(count):
            name = f"asked-{time.monotonic_ns()}"
            begun = time.perf_counter()
            self.connection.request("POST", "/v1/completions", self.body, self.headers | {"x-request-id": name})
            response = self.connection.getresponse()
            took = (time.perf_counter() - begun) * 1000
            response.read()
            time.sleep(0.02)
            if response.status == 200:
                continue
            told = json.loads(self.server.get(f"{self.server.admin_url}/admin/requests/{name}"))["decision"]
            client.append(took)
            at_server.append(told["sent_ms"])
        return client, at_server


def refusals(server, rate, seconds):
    """While the server is sent four times what it can do."""
    load = Load(server, ["heavy", "bulk"], seconds, "--rate", str(4 * rate), "--zipf", "1")
    time.sleep(seconds * 0.3)
    buckets = refusal_buckets(server)
    deadline = Asking(server, server.keys["bulk"], **{"x-sluice-ttft-ms": "1"}).times(100)
    quota = Asking(server, server.keys["quota"]).times(100)
    later = refusal_buckets(server)
    result = load.result()
    return {bound: later[bound] - buckets.get(bound, 0) for bound in later}, deadline, quota, result


def refusal_buckets(server):
    found = re.findall(r'^sluice_refusal_seconds_bucket\{.*le="([^"]+)".*\} (\S+)$', server.get(server.url + "/metrics"), re.M)
    return {float(bound): float(count) for bound, count in found}


def percentile(values, part):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))] if ordered else float("nan")


def within(buckets, part):
    """The bound below which that part lies."""
    total = buckets[float("inf")]
    return next(bound for bound, count in sorted(buckets.items()) if count >= part * total)


def spread(values):
    return f"{percentile(values, 0.5):.2f} / {percentile(values, 0.99):.2f} ms of {len(values)}"


def tenant_row(what, tenant):
    ttft = tenant["ttftMs"]
    refused = sum(tenant["refusals"].values())
    failed = sum(tenant["failures"].values())
    return (f"| {what} | {tenant['sent']} | {tenant['answered']} | {refused} | {failed} | {tenant['good']} | "
            f"{ttft.get('p50', float('nan')):.0f} | {ttft.get('p99', float('nan')):.0f} |")


HEADER = "| | sent | answered | refused | failed | as promised | TTFT p50 ms | p99 ms |\n|---|---|---|---|---|---|---|---|"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--report", type=Path)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--nice", default="0")
    chosen = parser.parse_args()
    NICE[-1] = chosen.nice
    sluice("--version"), sluice("bench", "--help")  # built before anything is timed
    noise = [os.getloadavg()[0]]
    stop = threading.Event()
    threading.Thread(target=lambda: [noise.append(os.getloadavg()[0]) for _ in iter(lambda: stop.wait(5), True)]).start()
    try:
        with tempfile.TemporaryDirectory(prefix="sluice-traffic-") as folder:
            server = Server(Path(folder))
            try:
                text = report(server, chosen.seconds)
            finally:
                server.stop()
    finally:
        stop.set()
    commit = subprocess.run(["git", "-C", str(HERE), "describe", "--always", "--dirty", "--abbrev=12", "--match", ""],
                            capture_output=True, text=True).stdout.strip()
    text = text.replace("LOAD", f"{min(noise):.1f} to {max(noise):.1f}").replace("COMMIT", commit)
    print(text)
    if chosen.report:
        chosen.report.write_text(text)


def report(server, seconds):
    rate = capacity(server, seconds)
    heavy, light, samples, fair = fairness(server, 2 * seconds)
    gold, guaranteed_preemptions = guaranteed(server, rate, seconds)
    alone, beside, alone_at_server, beside_at_server = light_tenant(server, rate, seconds)
    retried = retries(server, rate, seconds)
    buckets, deadline, quota, overload = refusals(server, rate, seconds)
    late = max(result["sentLateMs"].get("p99", 0) for result in (gold, alone, beside, overload, *retried.values()))
    warning = "" if late <= LATE_MS else f"; **more than {LATE_MS} ms: the generator shares the machine, and times of such a run are its own in part**"
    cpu = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")), platform.processor())
    shares = (f"Served tokens, prompt and output: `heavy` {heavy:.0f}, `light` {light:.0f}: **1 to {light / heavy:.2f}**."
              if samples else "**No result**: one of them was refused so often that it was never backlogged for long.")
    priority = "" if NICE[-1] == "0" else f"; at nice {NICE[-1]}, before the generator, which runs on the same machine"
    rows = "\n".join([HEADER, tenant_row("`gold`, guaranteed", gold["by"]["gold"]),
                      tenant_row("`heavy`, standard", gold["by"]["heavy"])])
    lights = "\n".join([HEADER, tenant_row("alone", alone["by"]["light"]),
                        tenant_row("beside ten times as much", beside["by"]["light"]),
                        tenant_row("(the other)", beside["by"]["heavy"])])
    obeyed = "\n".join([HEADER.replace("| | ", "| | attempts | ", 1).replace("|---|", "|---|---|", 1)] + [
        tenant_row(f"{what} | {result['attempts']}", result["by"]["heavy"]) for what, result in retried.items()])
    return f"""# The demo model's server under traffic

Made by `benchmarks/measure_traffic.py`; how to read the columns is in [benchmarking](../benchmarking.md).

| | |
|---|---|
| commit | COMMIT |
| machine | {cpu}, {os.cpu_count()} processors; load average LOAD meanwhile, this measurement's own included |
| server | `sluice serve {' '.join(SERVE)}`, demo model; `standard` with `ttft: 10s`, `guaranteed` with 4 s, the rest as it comes{priority} |
| requests | {PROMPT} words of prompt, exactly {OUTPUT} tokens of output, streamed; open loop, Poisson, {seconds} s each, where nothing else is said |
| capacity | {rate:.1f} requests per second in a closed loop of 16 |
| generator | requests sent late by at most {late:.1f} ms (p99 of the worst run){warning} |

## Two backlogged tenants, ten to one

`heavy` has 100 requests under way at all times, `light` 10, with equal weights; counted while both had requests waiting, in
{samples} looks. {shares}

## A guaranteed class at twice the capacity

{rows}

Preemptions of the guaranteed class: {guaranteed_preemptions:.0f}.

## A light tenant beside a heavy one

`light` sends 0.2 of the capacity in both runs; beside it `heavy` sends twice the capacity.

{lights}

At the clients p99 beside the heavy one is {beside['by']['light']['ttftMs']['p99'] / alone['by']['light']['ttftMs']['p99']:.2f} times what it is alone. That counts from the moment at which the generator meant to
send, and it is late under this load (above). At the server, from arrival to first token, p50 / p99:
alone {spread(alone_at_server)}, beside {spread(beside_at_server)}: **{percentile(beside_at_server, 0.99) / percentile(alone_at_server, 0.99):.2f} times**.

## Retry-After, ignored and obeyed

Twice the capacity from one tenant.

{obeyed}

## Refusals

While four times the capacity is sent. Of {buckets[float('inf')]:.0f} refusals of tokenised requests, half had left after at most
{within(buckets, 0.5) * 1000:g} ms since the prompt was tokenised, **99 % after at most {within(buckets, 0.99) * 1000:g} ms**.

| p50 / p99 | from arrival to sent, at the server | from sending to the status line, at a client on the same machine |
|---|---|---|
| deadlines that cannot be met | {spread(deadline[1])} | {spread(deadline[0])} |
| quotas | {spread(quota[1])} | {spread(quota[0])} |
"""


if __name__ == "__main__":
    main()
