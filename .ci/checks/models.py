"""What must hold for any model, checked with the official openai client, and what must hold for one."""

import json
import re
import socket
import subprocess

import openai

from checks.server import ROOT, status, wait_for


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
    aborted = server.finished("abort")
    stream = server.client.chat.completions.create(
        **long, messages=[{"role": "user", "content": "Tell me a long story."}], stream=True,
        extra_body={"ignore_eos": True})
    next(iter(stream))
    assert server.metric("sluice_requests_running") >= 1
    stream.close()
    wait_for("the choices to end as aborted", lambda: server.finished("abort") == aborted + 64)
    server.wait_until_idle()

    # The same while nothing is written: a client that waits for a whole answer and leaves.
    body = json.dumps(long | dict(prompt="Once", ignore_eos=True)).encode()
    address = server.url.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1]))) as raw:
        raw.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                    b"Content-Length: %d\r\n\r\n" % len(body) + body)
        wait_for("the request to run", lambda: server.metric("sluice_requests_running") >= 1)
    wait_for("the choices to end as aborted", lambda: server.finished("abort") == aborted + 128)
    server.wait_until_idle()


PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "colours": {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "maxItems": 3},
        "friend": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}},
                                               "required": ["name"], "additionalProperties": False}]},
    },
    "required": ["name", "age", "colours", "friend"],
    "additionalProperties": False,
}


def check_person(person):
    assert list(person) == ["name", "age", "colours", "friend"], person
    assert len(person["name"]) <= 20 and isinstance(person["age"], int) and 0 <= person["age"] <= 120, person
    assert len(person["colours"]) <= 3 and set(person["colours"]) <= {"red", "green", "blue"}, person
    assert person["friend"] is None or list(person["friend"]) == ["name"], person


def structured_outputs_are_what_was_asked_for(server):
    request = dict(model=server.model, messages=[{"role": "user", "content": "Describe a person as JSON."}], max_tokens=400)
    schema = {"type": "json_schema", "json_schema": {"name": "person", "strict": True, "schema": PERSON}}
    # Hot enough that nothing but the mask keeps the model to it.
    answer = server.client.chat.completions.create(**request, temperature=2.0, seed=5, n=4, response_format=schema)
    for choice in answer.choices:
        assert choice.finish_reason == "stop", choice
        check_person(json.loads(choice.message.content))

    text, reason = "", None
    for chunk in server.client.chat.completions.create(**request, temperature=0, response_format=schema, stream=True):
        text += chunk.choices[0].delta.content or ""
        reason = chunk.choices[0].finish_reason or reason
    assert reason == "stop", reason
    check_person(json.loads(text))

    cut = server.client.chat.completions.create(**request | dict(max_tokens=2), response_format=schema).choices[0]
    assert cut.finish_reason == "length", cut

    for extra, fits in [({"guided_regex": "[a-f]{3}-[0-9]{2}"}, lambda it: re.fullmatch("[a-f]{3}-[0-9]{2}", it)),
                        ({"structured_outputs": {"choice": ["yes", "no"]}}, lambda it: it in ("yes", "no")),
                        ({"grammar": 'root ::= "<" [a-z]{1,5} ">"'}, lambda it: re.fullmatch("<[a-z]{1,5}>", it))]:
        answer = server.client.chat.completions.create(**request, temperature=1.5, seed=1, extra_body=extra)
        assert answer.choices[0].finish_reason == "stop" and fits(answer.choices[0].message.content), (extra, answer)


def impossible_structures_are_refused_by_name(server):
    for schema, word in [({"type": "array", "uniqueItems": True}, "uniqueItems"), ({"not": {}}, "not")]:
        try:
            server.client.chat.completions.create(
                model=server.model, messages=[{"role": "user", "content": "x"}],
                response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}})
            raise AssertionError(f"{schema} was accepted")
        except openai.BadRequestError as error:
            assert word in error.message and error.param == "response_format.json_schema.schema", error.body


def sigterm_ends_politely(server):
    assert server.stop() == 0, "SIGTERM must end with exit code 0"


ANY_MODEL = [
    structured_outputs_are_what_was_asked_for, impossible_structures_are_refused_by_name,
    chat_answers, stream_equals_blocking, stop_string_ends_before_it, max_tokens_is_length, seeds_repeat,
    several_choices, logprobs_add_up, invalid_requests_are_400, unknown_model_and_route_are_404,
    a_client_that_leaves_frees_its_blocks,
]


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


def the_capital_of_france_is_completed_as_paris(server):
    # Not asked as a chat: with weights as stored this model's first token is there a tie to within 0.08.
    answer = server.client.completions.create(
        model=server.model, prompt="The capital of France is", max_tokens=8, temperature=0).choices[0].text
    assert "Paris" in answer, answer


def capital_of_france_is_paris(server):
    answer = server.client.chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "What is the capital of France?"}],
        max_tokens=30, temperature=0).choices[0].message.content
    assert "Paris" in answer, answer


DEMO = [held_out_prompts_are_answered, the_curl_line_works_as_it_stands]
SMOLLM2 = [the_capital_of_france_is_completed_as_paris]
SMOLLM2_DECODED = [capital_of_france_is_paris]
