"""Two instances behind a plain proxy, each restarted in turn under load: no request is lost, and no stream.

The proxy's configuration is the one that docs/operations.md shows.
"""

import contextlib
import functools
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

from checks.server import LOGS, ROOT, Server, status, wait_for
from checks.tcp_proxy import TcpProxy
from checks.wire import Answer, Response

PATH = "/v1/chat/completions"
FLAGS = ["--deterministic", "--drain-delay", "3s", "--drain-timeout", "200s"]
QUESTIONS = ["Who are you?", "Tell me a story about a fox.", "What is the capital of France?", "Count to ten."]
CLIENTS = 6
LONG_CLIENTS = 2  # a long answer each, one whole and one streamed, so that both are always under way
ROUNDS = 2
PAUSE = 0.05  # between two requests of a client: the machine is to start servers too


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    """HAProxy or nginx as they come, with the configuration from the documentation."""

    def __init__(self, kind, instances):
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="sluice-proxy-")
        text = documented(kind).replace(":80\n", f":{self.port}\n").replace(":80;", f":{self.port};")
        for name, port in zip(("10.0.0.1:8000", "10.0.0.2:8000"), instances):
            assert name in text, f"the documented configuration has no {name}"
            text = text.replace(name, f"127.0.0.1:{port}")
        config = pathlib.Path(self.folder.name) / "proxy.conf"
        log = (LOGS / f"{kind}.log").open("w")
        if kind == "haproxy":
            config.write_text(text)
            command = ["haproxy", "-db", "-f", str(config)]
        else:
            temporary = "".join(f"{what}_temp_path {self.folder.name}/{what};\n"
                                for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
            config.write_text(f"pid {self.folder.name}/pid;\nerror_log stderr;\ndaemon off;\nevents {{}}\n"
                              f"http {{\naccess_log off;\n{temporary}{text}}}\n")
            command = ["nginx", "-p", self.folder.name, "-c", str(config)]
        self.process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_for("the proxy to serve", lambda: status(f"http://127.0.0.1:{self.port}/readyz") == 200)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        self.folder.cleanup()


def documented(kind):
    page = (ROOT / "docs" / "operations.md").read_text()
    return re.search(rf"```{kind}\n(.*?)```", page, re.S).group(1)


def installed():
    """One that is installed, or those of haproxy, nginx and tcp that PROXIES_TO_CHECK names."""
    kinds = [kind for kind in ("haproxy", "nginx") if shutil.which(kind)] + ["tcp"]
    if kinds == ["tcp"]:
        print("       neither haproxy nor nginx is installed: behind a proxy of our own instead")
    wanted = os.environ.get("PROXIES_TO_CHECK")
    return wanted.split(",") if wanted else kinds[:1]


class Load:
    """Clients that ask one question after another, half of them for streams, and believe nothing that is not complete."""

    def __init__(self, port, expected):
        self.port, self.expected = port, expected
        self.answers, self.faults = [], []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(number,)) for number in range(CLIENTS)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        asked = number
        # A connection that is kept, as real clients do; streams come on one each.
        kept = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        while not self.stop.is_set():
            request = body(QUESTIONS[asked % len(QUESTIONS)], number % 2 == 1, number < LONG_CLIENTS)
            try:
                text = (self.streamed if request["stream"] else functools.partial(self.whole, kept))(request)
                expected = self.expected[key(request)]
                assert text == expected, f"{text!r} instead of {expected!r}"
                self.answers.append("stream" if request["stream"] else "whole")
            except Exception as fault:
                self.faults.append(f"{time.strftime('%X')} client {number}: {type(fault).__name__}: {fault}")
                kept.close()
            asked += 1
            self.stop.wait(PAUSE)
        kept.close()

    def whole(self, connection, request):
        connection.request("POST", PATH, json.dumps(request), {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        assert response.status == 200, (response.status, text)
        answer = json.loads(text)
        assert all(choice["finish_reason"] in ("stop", "length") for choice in answer["choices"]), answer
        return "".join(choice["message"]["content"] for choice in answer["choices"])

    def streamed(self, request):
        with Response(("127.0.0.1", self.port), "POST", PATH, request) as response:
            assert response.read_head().status == 200, (response.status, response.json())
            answer = Answer()
            for _, event_type, data in response.events():
                answer.add(event_type, data)
            assert answer.complete, vars(answer)
            return answer.text

    def finish(self):
        self.stop.set()
        for thread in self.threads:
            thread.join()


def body(question, stream, long):
    # Long enough to be under way when the drain delay is over.
    size = dict(n=20, max_tokens=900, ignore_eos=True) if long else dict(max_tokens=100)
    return dict(messages=[{"role": "user", "content": question}], temperature=0, stream=stream, **size)


def key(request):
    return request["messages"][0]["content"], request["max_tokens"]


def gets_requests(server):
    before = server.metric("sluice_requests_admitted_total")
    time.sleep(1)
    return server.metric("sluice_requests_admitted_total") > before


def answer(server, request):
    with Response(server.address, "POST", PATH, request) as response:
        choices = response.read_head().json()["choices"]
        return "".join(choice["message"]["content"] for choice in choices)


def a_rolling_restart_loses_nothing(_):
    for kind in installed():
        with contextlib.ExitStack() as instances:
            ports = [free_port(), free_port()]
            servers = [instances.enter_context(Server(f"{kind}-{number}", *FLAGS, port=port))
                       for number, port in enumerate(ports)]
            requests = [body(question, False, long) for question in QUESTIONS for long in (False, True)]
            expected = {key(request): answer(servers[0], request) for request in requests}
            with (TcpProxy(ports) if kind == "tcp" else Proxy(kind, ports)) as proxy:
                load = Load(proxy.port, expected)
                try:
                    for turn in range(ROUNDS * len(ports)):
                        number = turn % len(ports)
                        answered = len(load.answers)
                        code = servers[number].stop()
                        assert code == 0, f"instance {number} ended with {code}"
                        servers[number] = instances.enter_context(
                            Server(f"{kind}-{number}-again-{turn}", *FLAGS, port=ports[number]))
                        wait_for("both to get requests", lambda: all(gets_requests(each) for each in servers), 60)
                        assert len(load.answers) > answered, "nothing was answered meanwhile"
                finally:
                    load.finish()
            print(f"       {kind}: {load.answers.count('whole')} whole answers and {load.answers.count('stream')} streams over "
                  f"{ROUNDS * len(ports)} restarts, {len(load.faults)} lost")
            assert not load.faults, "\n".join(load.faults[:10])
            assert {"whole", "stream"} <= set(load.answers)


CHECKS = [a_rolling_restart_loses_nothing]
