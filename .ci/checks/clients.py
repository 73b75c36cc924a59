"""Clients of other languages and makers, and a tool that makes requests of the API's own description.

They come with many dependencies, so each has a folder of its own under `target`: none can change what another gets.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import openai

from checks.server import ROOT, Server

CLIENTS = ROOT / ".ci" / "clients"
WORK = ROOT / "target" / "ci-clients"
SCHEMA = {"type": "object", "properties": {"zone": {"enum": ["UTC", "CET"]}}, "required": ["zone"], "additionalProperties": False}
CLOCK = {"type": "function", "function": {"name": "clock", "parameters": SCHEMA}}


class Described(Server):
    """With short answers: what matters is that there is one. Batches have a folder, or their routes would say there is none."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory()
        super().__init__("clients", "--max-tokens-default", "8", "--max-model-len", "512", "--batch-dir", self.folder.name)

    def kill(self):
        super().kill()
        self.folder.cleanup()


def run(*command, seconds, **options):
    """What the command says; a failure says it too."""
    done = subprocess.run(
        [str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds, **options)
    assert done.returncode == 0, f"{command[0]} ended with {done.returncode}:\n{done.stdout[-6000:]}"
    return done.stdout


def fetch(source, *command, **options):
    """Runs what downloads. If nothing comes, that is what is to be said, not that a client failed."""
    try:
        return run(*command, **options)
    except (AssertionError, subprocess.TimeoutExpired) as failure:
        raise AssertionError(f"{source} did not give what this check needs, so no client was tried. Is it reachable? {failure}") from None


def expect_ok(output, count):
    assert output.count("ok ") >= count, output


def openais_client_for_node(server):
    npm = shutil.which("npm")
    assert npm, "npm is not there: install Node (.ci/run does so where it may)"
    folder = WORK / "node"
    folder.mkdir(parents=True, exist_ok=True)
    for file in (CLIENTS / "node").iterdir():
        shutil.copy(file, folder)
    fetch("npm's registry", npm, "install", "--no-fund", "--no-audit", "--loglevel", "error", cwd=folder, seconds=300)
    expect_ok(run("node", "check.mjs", server.url, server.key, server.model, cwd=folder, seconds=300), 7)


def clients_for_java(server):
    """OpenAI's and langchain4j's."""
    WORK.mkdir(parents=True, exist_ok=True)
    classpath = WORK / "java-classpath.txt"
    fetch("Maven Central", ROOT / "mvnw", "-B", "-q", "-ntp", "-f", CLIENTS / "java" / "pom.xml",
        "org.apache.maven.plugins:maven-dependency-plugin:3.11.0:build-classpath", f"-Dmdep.outputFile={classpath}", seconds=600)
    home = run("bash", "-c", f'here={ROOT}; . {ROOT}/.mvn/find-jdk.sh; echo "$JAVA_HOME"', seconds=60).split()[-1]
    output = run(pathlib.Path(home) / "bin" / "java", "-cp", classpath.read_text().strip(), CLIENTS / "java" / "Check.java",
                 server.url, server.key, server.model, seconds=400)
    expect_ok(output, 8)


def free_port():
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return any_port.getsockname()[1]


@contextlib.contextmanager
def litellm(server):
    """LiteLLM's proxy before the server."""
    folder = WORK / "litellm"
    if not (folder / "bin" / "litellm").exists():
        run(sys.executable, "-m", "venv", folder, seconds=120)
        fetch("PyPI", folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check",
              "-r", ROOT / ".ci" / "requirements-litellm.txt", seconds=900)
    config = WORK / "litellm.yaml"
    parameters = {"model": "openai/" + server.model, "api_base": server.url + "/v1", "api_key": server.key}
    config.write_text(json.dumps({  # JSON is YAML
        "model_list": [{"model_name": "sluice", "litellm_params": parameters}],
        "litellm_settings": {"num_retries": 0, "telemetry": False}}))
    port = free_port()
    log = WORK / "litellm.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [str(folder / "bin" / "litellm"), "--config", str(config), "--host", "127.0.0.1", "--port", str(port)],
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True, cwd=WORK,
            env=os.environ | {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "LITELLM_LOCAL_MODEL_COST_MAP": "True"})
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 180
        while True:
            assert process.poll() is None and time.monotonic() < deadline, f"LiteLLM did not start:\n{log.read_text()[-4000:]}"
            with contextlib.suppress(OSError, urllib.error.URLError):
                if urllib.request.urlopen(url + "/health/liveliness", timeout=5).status == 200:
                    break
            time.sleep(0.2)
        yield openai.OpenAI(base_url=url + "/v1", api_key="sk-any", max_retries=0, timeout=120)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def litellm_as_a_proxy(server):
    messages = [{"role": "user", "content": "Tell me a story about a fox."}]
    with litellm(server) as client:
        request = dict(model="sluice", messages=messages, max_tokens=20, temperature=0)
        whole = client.chat.completions.create(**request)
        text = "".join(chunk.choices[0].delta.content or "" for chunk in client.chat.completions.create(**request, stream=True) if chunk.choices)
        assert text == whole.choices[0].message.content and text.strip(), (text, whole)
        assert whole.usage.completion_tokens > 0, whole
        call = client.chat.completions.create(
            model="sluice", messages=messages, tools=[CLOCK], tool_choice="required", parallel_tool_calls=False, max_tokens=60).choices[0]
        assert json.loads(call.message.tool_calls[0].function.arguments)["zone"] in ("UTC", "CET"), call
        assert len(client.embeddings.create(model="sluice", input=["a", "b"]).data) == 2
        try:
            client.chat.completions.create(**request | {"temperature": 7})
            raise AssertionError("nonsense was accepted")
        except openai.BadRequestError as error:
            assert "temperature" in str(error), error


def requests_made_of_the_description_are_answered_as_it_says(server):
    """Right and wrong ones, for every route: no status of a mistake, and no answer of another form than was described.

    By one worker: Python 3.11 parses its own sources wrongly in several threads at once, and the tool does that.
    """
    WORK.mkdir(parents=True, exist_ok=True)
    run(pathlib.Path(sys.executable).parent / "schemathesis", "run", server.url + "/openapi.json",
        "--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance",
        "--phases", "examples,coverage,fuzzing", "--max-examples", "6", "--workers", "1", "--seed", "7", "--request-timeout", "60", "--max-time", "90",
        "--continue-on-failure", "--warnings", "off", "--generation-database", "none", "--suppress-health-check", "all", "--no-color",
        cwd=WORK, seconds=300)
    assert server.client.models.list().data, "the server is gone"


CHECKS = [
    openais_client_for_node, clients_for_java, litellm_as_a_proxy, requests_made_of_the_description_are_answered_as_it_says,
]
