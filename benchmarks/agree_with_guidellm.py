#!/usr/bin/env python3
"""Checks that `./sluice bench serve` and guidellm say the same of the same server under the same workload.

    benchmarks/agree_with_guidellm.py [--url http://127.0.0.1:8000 --model NAME] [--rounds 3] [--report FILE]

Installs guidellm from PyPI into target/guidellm-venv. Without --url the server is `./sluice bench sink`, which gives the first
token after 200 ms and a token every 20 ms: there what is true is known as well. Both tools keep the same number of requests under
way with outputs of the same length, in turn, in rounds; medians over the rounds are compared. Exit code 1: they differ by more
than 5 %. Whatever makes a tool slow, such as a busy machine, counts against it.
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
VENV = HERE / "target" / "guidellm-venv"
GUIDELLM = "guidellm==0.8.1"
MOST = 0.05
STREAMS, REQUESTS, OUTPUT = 4, 48, 64
FIRST_MS, GAP_MS = 200, 20
FIGURES = ["TTFT p50, ms", "gap between tokens, mean, ms", "whole answer p50, ms"]


def install():
    if not (VENV / "bin" / "guidellm").exists():
        subprocess.run([sys.executable, "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin" / "pip", "install", "-q", "--disable-pip-version-check", GUIDELLM], check=True)


def by_sluice(url, model, work):
    out = work / "sluice.json"
    subprocess.run(
        [HERE / "sluice", "bench", "serve", "--url", url, "--model", model, "--concurrency", str(STREAMS),
         "--requests", str(REQUESTS), "--duration", "10m", "--output-tokens", str(OUTPUT), "--ignore-eos", "--json", out],
        check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    all_of_it = json.loads(out.read_text())["all"]
    return [all_of_it["ttftMs"]["p50"], all_of_it["meanTokenMs"]["mean"], all_of_it["wholeAnswerMs"]["p50"]]


def by_guidellm(url, model, work):
    prompts, out = work / "prompts.jsonl", work / "guidellm.json"
    with prompts.open("w") as file:
        for i in range(REQUESTS):
            file.write(json.dumps({"prompt": f"Number {i}: " + "word " * 250, "output_tokens_count": OUTPUT}) + "\n")
    said = subprocess.run(
        [VENV / "bin" / "guidellm", "run", "--backend", f"kind=openai_http,target={url},model={model}",
         "--profile", f"kind=concurrent,streams={STREAMS}", "--constraint", f"kind=max_requests,count={REQUESTS}",
         "--data", f"kind=json_file,path={prompts}", "--output", f"kind=json,path={out}", "--disable-console"],
        capture_output=True, text=True, env=os.environ | {"HF_HUB_OFFLINE": "1"})
    if said.returncode:
        raise SystemExit("guidellm failed:\n" + said.stderr[-2000:])
    metrics = json.loads(out.read_text())["benchmarks"][0]["metrics"]
    if metrics["request_totals"]["successful"] != REQUESTS:
        raise SystemExit(f"guidellm did not have all of its answers: {metrics['request_totals']}")
    return [metrics["time_to_first_token_ms"]["successful"]["median"],
            metrics["inter_token_latency_ms"]["successful"]["mean"],
            metrics["request_latency"]["successful"]["median"] * 1000]


def sink(port):
    process = subprocess.Popen(
        [HERE / "sluice", "bench", "sink", "--port", str(port), "--first", f"{FIRST_MS}ms", "--gap", f"{GAP_MS}ms"],
        stdout=subprocess.DEVNULL)
    for _ in range(1200):
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/v1/models", timeout=5).read()
            return process
        except OSError:
            if process.poll() is not None:
                raise SystemExit("the sink did not start; is its port taken?")
            time.sleep(0.1)
    process.terminate()
    raise SystemExit("the sink did not answer within two minutes")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a server that runs; without it a sink is started")
    parser.add_argument("--model", default="sink")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", type=Path)
    args = parser.parse_args()
    install()
    load = os.getloadavg()[0]
    process = None if args.url else sink(9391)
    url = args.url or "http://127.0.0.1:9391"
    try:
        rounds = []
        with tempfile.TemporaryDirectory() as folder:
            for i in range(args.rounds):
                print(f"round {i + 1} of {args.rounds}", file=sys.stderr)
                rounds.append((by_sluice(url, args.model, Path(folder)), by_guidellm(url, args.model, Path(folder))))
    finally:
        if process:
            process.terminate()
            process.wait()
    commit = subprocess.run(["git", "-C", HERE, "describe", "--always", "--dirty", "--abbrev=12", "--match", ""],
                            capture_output=True, text=True).stdout.strip()
    known = [FIRST_MS, GAP_MS, FIRST_MS + (OUTPUT - 1) * GAP_MS]
    lines = ["# `bench serve` and guidellm on the same server", "",
             f"Written by `benchmarks/agree_with_guidellm.py`, commit {commit}, {platform.processor() or platform.machine()},"
             f" {os.cpu_count()} processors, Python {platform.python_version()}, {GUIDELLM.replace('==', ' ')}. Processes ready to"
             f" run before: {load:.2f}, after: {os.getloadavg()[0]:.2f}.", "",
             f"{STREAMS} requests at a time, {REQUESTS} in each of {args.rounds} rounds, {OUTPUT} output tokens each; server: "
             + (args.url or f"`bench sink --first {FIRST_MS}ms --gap {GAP_MS}ms`") + ". Medians over the rounds.", "",
             "| figure | bench serve | guidellm | ratio |" + ("" if args.url else " true |"),
             "|---|---|---|---|" + ("" if args.url else "---|")]
    agree = True
    for i, figure in enumerate(FIGURES):
        ours = statistics.median(it[0][i] for it in rounds)
        theirs = statistics.median(it[1][i] for it in rounds)
        agree &= abs(ours / theirs - 1) <= MOST
        lines.append(f"| {figure} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.3f} |" + ("" if args.url else f" {known[i]} |"))
    lines += ["", f"They {'agree' if agree else 'DO NOT agree'} within {MOST:.0%}."]
    text = "\n".join(lines) + "\n"
    print(text)
    if args.report:
        args.report.write_text(text)
    sys.exit(0 if agree else 1)


if __name__ == "__main__":
    main()
