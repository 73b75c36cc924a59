"""An attack on a running server: does the time to the first token tell whether another tenant has sent the same prompt?

In each trial a victim sends a prompt, and an attacker then sends the same one or another; a coin decides which. If the
attacker's times tell the two kinds apart, the cache leaks. How well they do is the AUC: the part of all pairs of trials in
which the one with the other prompt took longer. A half is as good as guessing; at most 0.55 is promised.

Samples are added until the upper end of a 95 % confidence interval is below the promise, so that noise can neither fail
the check on a slow machine nor pass it for want of samples. That the attack works at all is shown by the same attack with
another key of the victim's tenant, which shares its cache.
"""

import http.client
import json
import math
import random
import shutil
import time

from checks.server import LOGS, Server
from checks.tenancy import sluice

PROMISE = 0.55
DEVIATIONS = 1.645  # 95 %, one-sided
ROUND = 200  # trials of each kind between two looks
ROUNDS_MAX = 10  # a server that leaks nothing needs more once in ten thousand runs
CONTROL = 60  # trials of each kind, at each look, of the attack that must succeed
CONTROL_MAX = 480
CERTAIN = 3  # deviations by which it must be better than what is promised of the other
PROMPT_WORDS = 150  # some ten blocks: what a hit saves is most of the time
WORDS = "the a fox dog cat house tree river stone bird fish sun moon rain snow wind road hill boat lamp".split()


class Client:
    """One tenant's, on a connection that stays open: what is measured is the server."""

    def __init__(self, server, key):
        self.connection = http.client.HTTPConnection(*server.address, timeout=120)
        self.headers = {"Content-Type": "application/json", "Authorization": "Bearer " + key}

    def time_to_first_token(self, prompt):
        body = json.dumps(dict(prompt=prompt, max_tokens=1, temperature=0))
        begun = time.perf_counter()
        self.connection.request("POST", "/v1/completions", body, self.headers)
        response = self.connection.getresponse()
        text = response.read()
        took = time.perf_counter() - begun
        assert response.status == 200, (response.status, text)
        return took, json.loads(text)["usage"]["prompt_tokens_details"]["cached_tokens"]


class Attack:
    """Trials so far."""

    def __init__(self, victim, attacker, coin):
        self.victim, self.attacker, self.coin = victim, attacker, coin
        self.same, self.other, self.cached = [], [], 0

    def prompt(self):
        return " ".join(self.coin.choice(WORDS) for _ in range(PROMPT_WORDS))

    def go_on_until(self, count):
        while min(len(self.same), len(self.other)) < count:
            secret = self.prompt()
            same = self.coin.random() < 0.5
            self.victim.time_to_first_token(secret if same else self.prompt())
            took, cached = self.attacker.time_to_first_token(secret)
            (self.same if same else self.other).append(took)
            self.cached += cached

    def auc(self):
        """By ranks (Mann and Whitney): equal times share theirs."""
        times = sorted([(t, 0) for t in self.same] + [(t, 1) for t in self.other])
        ranks, at = 0.0, 0
        while at < len(times):
            end = at
            while end < len(times) and times[end][0] == times[at][0]:
                end += 1
            ranks += (at + 1 + end) / 2 * sum(kind for _, kind in times[at:end])
            at = end
        n, m = len(self.other), len(self.same)
        return (ranks - n * (n + 1) / 2) / (n * m)

    def deviation(self):
        """Of the AUC, if times tell nothing."""
        n, m = len(self.other), len(self.same)
        return math.sqrt((n + m + 1) / (12 * n * m))


def works(control):
    return control.auc() - CERTAIN * control.deviation() > PROMISE


def another_tenants_prompts_cannot_be_found_out_by_timing(_):
    folder = LOGS / "timing-attack"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    keys = str(folder / "keys")
    victim, sibling, attacker = (
        sluice("keys", "create", "--file", keys, "--tenant", tenant).strip() for tenant in ("victim", "victim", "attacker"))
    seed = random.SystemRandom().randrange(1 << 32)
    with Server("timing-attack", "--api-keys-file", keys, "--admin-port", "off", key=victim) as server:
        coin = random.Random(seed)
        clients = [Client(server, key) for key in (victim, sibling, attacker)]
        control = Attack(clients[0], clients[1], coin)
        for count in range(CONTROL, CONTROL_MAX + 1, CONTROL):
            control.go_on_until(count)
            if works(control):
                break
        attack = Attack(clients[0], clients[2], coin)
        for count in range(ROUND, ROUND * ROUNDS_MAX + 1, ROUND):
            attack.go_on_until(count)
            # Hits that took longer would tell just as much.
            leak = max(attack.auc(), 1 - attack.auc())
            if leak + DEVIATIONS * attack.deviation() <= PROMISE:
                break
        print(f"       AUC {attack.auc():.3f} +- {attack.deviation():.3f} from {len(attack.same)} and {len(attack.other)} trials; "
              f"within the tenant {control.auc():.3f} from {len(control.same)} and {len(control.other)}; seed {seed}")
        assert works(control), f"the attack does not work at all: AUC {control.auc()}"
        assert control.cached > 0 and attack.cached == 0, (control.cached, attack.cached)
        assert leak + DEVIATIONS * attack.deviation() <= PROMISE, f"AUC {attack.auc()}, seed {seed}"


CHECKS = [another_tenants_prompts_cannot_be_found_out_by_timing]
