"""Starts `./sluice serve` as a user would, once per model, and checks it with official and with unusual clients.

Every check is a function; a failed one is printed with its reason and the run ends non-zero.
Names of checks as arguments run those alone.
"""

import os
import subprocess
import sys
import time
import traceback

from checks import apis, clients, models, rolling_restart, stopping, streams, tenancy, timing_attack
from checks.server import Server

SHARED = os.environ.get("SLUICE_SHARED")


def runs():
    """Name, what the checks are given (None: they start servers of their own), checks."""
    yield "demo", lambda: Server("demo"), models.ANY_MODEL + models.DEMO + apis.CHECKS + [models.sigterm_ends_politely]
    # What is the same must be the same on every machine.
    yield "streams", lambda: Server("streams", "--deterministic"), streams.CHECKS
    if SHARED:
        path = subprocess.check_output(["bash", f"{SHARED}/tools/get_model.sh"], text=True).strip()
        yield ("smollm2", lambda: Server("smollm2", "--model", path),
               models.SMOLLM2 + models.ANY_MODEL + apis.CHECKS + [models.sigterm_ends_politely])
        yield ("smollm2-decoded", lambda: Server("smollm2-decoded", "--model", path, "--quantized-weights", "decode"),
               models.SMOLLM2_DECODED)
    yield "tenancy", tenancy.Tenancy, tenancy.CHECKS
    yield "clients", clients.Described, clients.CHECKS
    yield "batches", lambda: None, apis.BATCHES
    yield "isolation", lambda: None, timing_attack.CHECKS
    yield "stopping", lambda: None, stopping.CHECKS + rolling_restart.CHECKS


def main():
    chosen = set(sys.argv[1:])
    passed, failed = 0, 0
    for name, start, checks in runs():
        checks = [check for check in checks if not chosen or check.__name__ in chosen]
        if not checks:
            continue
        subject = start()
        server = getattr(subject, "server", subject)
        if server:
            print(f"{name}: ready after {time.monotonic() - server.started:.2f} s, serving {server.model} at {server.url}")
        before = failed
        try:
            for check in checks:
                begun = time.monotonic()
                try:
                    check(subject)
                    passed += 1
                    print(f"  ok   {name}: {check.__name__} ({time.monotonic() - begun:.1f} s)", flush=True)
                except Exception:
                    failed += 1
                    print(f"  FAIL {name}: {check.__name__}\n{traceback.format_exc()}", flush=True)
        finally:
            if server:
                server.kill()
        if server and failed > before:
            print(f"--- log of {name}\n{server.log.read_text()[-4000:]}")
    print(f"{passed} passed, {failed} failed")
    assert passed + failed, "there is no such check"
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
