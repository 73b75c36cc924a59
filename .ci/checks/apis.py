"""The APIs besides chat and completions, and the fields that clients send, checked with the official clients."""

import json
import tempfile

import anthropic
import openai

from checks.server import Server, wait_for


def texts_become_tokens_and_texts_again(server):
    text = "Once upon a time, naïve 😀"
    tokens = server.client.post("/../tokenize", cast_to=object, body={"prompt": text, "add_special_tokens": False})
    assert tokens["count"] == len(tokens["tokens"]) > 0, tokens
    back = server.client.post("/../detokenize", cast_to=object, body={"tokens": tokens["tokens"]})
    assert back["prompt"].strip() == text, back


def a_rendered_prompt_is_what_an_answer_counts(server):
    request = dict(model=server.model, messages=[{"role": "user", "content": "Tell me a story about a fox."}])
    rendered = server.client.post("/chat/completions/render", cast_to=object, body=request)
    answer = server.client.chat.completions.create(**request, max_tokens=1)
    assert answer.usage.prompt_tokens == rendered["count"] == len(rendered["token_ids"]), (answer, rendered)
    again = server.client.completions.create(model=server.model, prompt=rendered["token_ids"], max_tokens=1)
    assert again.usage.prompt_tokens == rendered["count"], again


def models_say_what_they_are(server):
    model = server.client.models.retrieve(server.model)
    assert model.owned_by == "sluice" and model.created > 0, model
    assert model.max_model_len > 0 and model.architecture and model.weights, model


def echoes_and_token_prompts(server):
    request = dict(model=server.model, max_tokens=4, temperature=0, echo=True)
    prompts = ["Once upon a time", "The sun"]
    for choice, prompt in zip(server.client.completions.create(prompt=prompts, **request).choices, prompts):
        assert choice.text.startswith(prompt) and len(choice.text) > len(prompt), choice
    streamed = "".join(chunk.choices[0].text for chunk in server.client.completions.create(
        prompt=prompts[0], stream=True, **request))
    assert streamed.startswith(prompts[0]), streamed


def prompts_have_log_probabilities(server):
    """The sum over a text is the same whether it was read as a prompt or written, and whatever the cache has."""
    request = dict(model=server.model, temperature=0)
    text = "Once upon a time there was a"
    written = server.client.completions.create(prompt=text, max_tokens=6, logprobs=1, **request).choices[0]
    for _ in range(2):  # the second time the prompt is in the cache
        read = server.client.completions.create(
            prompt=text + written.text, max_tokens=0, echo=True, logprobs=1, **request)
        assert read.choices[0].text == text + written.text and read.usage.completion_tokens == 0, read
        logprobs = read.choices[0].logprobs
        assert logprobs.token_logprobs[0] is None and len(logprobs.tokens) == read.usage.prompt_tokens, read
        if logprobs.tokens[-6:] == written.logprobs.tokens:  # else the text has other tokens when it is read
            for one, other in zip(logprobs.token_logprobs[-6:], written.logprobs.token_logprobs):
                assert abs(one - other) < 0.1, (logprobs, written.logprobs)
    chat = server.client.chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "Hi"}], max_tokens=1, extra_body={"prompt_logprobs": 2})
    assert len(chat.prompt_logprobs) == chat.usage.prompt_tokens and chat.prompt_logprobs[0] is None, chat
    assert all(2 <= len(candidates) <= 3 for candidates in chat.prompt_logprobs[1:]), chat


def cosine(one, other):
    return sum(a * b for a, b in zip(one, other))


def texts_have_embeddings(server):
    """The official client asks for base64 unless told otherwise."""
    texts = ["The cat sat on the mat.", "A cat was sitting on the mat.", "0x7f 0x45 0x4c 0x46"]
    def embed(**more):
        answer = server.client.embeddings.create(model=server.model, input=texts, **more)
        assert [one.index for one in answer.data] == [0, 1, 2] and answer.usage.prompt_tokens == answer.usage.total_tokens > 10
        return [one.embedding for one in answer.data]
    numbers = embed()
    for one, other in zip(numbers, embed(encoding_format="float")):
        assert abs(cosine(one, other) - 1) < 1e-5 and abs(cosine(one, one) - 1) < 1e-5, (one, other)
    assert len(embed(dimensions=8)[0]) == 8
    mean = embed(extra_body={"pooling": "mean"})
    assert cosine(mean[0], mean[1]) > cosine(mean[0], mean[2]), "two sentences about a cat are further apart than a cat and numbers"
    try:
        embed(dimensions=1_000_000)
        raise AssertionError("more dimensions than the model has were given")
    except openai.BadRequestError as error:
        assert error.param == "dimensions", error


def tiers_and_labels(server):
    answer = server.client.chat.completions.create(
        model=server.model, messages=[{"role": "user", "content": "Hi"}], max_tokens=2, service_tier="flex",
        user="ann", metadata={"job": "nightly"})
    assert answer.service_tier == "flex", answer
    for refused in (dict(store=True), dict(extra_body={"best_of": 3})):
        try:
            server.client.chat.completions.create(
                model=server.model, messages=[{"role": "user", "content": "Hi"}], max_tokens=2, **refused)
            raise AssertionError(f"{refused} was accepted")
        except openai.BadRequestError as error:
            assert error.code == "unsupported_parameter", error


TOKENS = [
    texts_become_tokens_and_texts_again, a_rendered_prompt_is_what_an_answer_counts, models_say_what_they_are,
    echoes_and_token_prompts, prompts_have_log_probabilities, texts_have_embeddings, tiers_and_labels,
]


WEATHER = {"type": "function", "function": {
    "name": "weather", "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}}}


def tools_are_described_and_results_taken(server):
    messages = [
        {"role": "user", "content": "How is the weather in Rome?"},
        {"role": "assistant", "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rome"}'}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": "sunny, 21 degrees"},
    ]
    rendered = server.client.post("/chat/completions/render", cast_to=object, body=dict(
        model=server.model, messages=messages, tools=[WEATHER]))
    assert "The weather of a city" in rendered["prompt"] and "sunny, 21 degrees" in rendered["prompt"], rendered
    answer = server.client.chat.completions.create(
        model=server.model, messages=messages, tools=[WEATHER], max_tokens=12, temperature=0)
    assert answer.choices[0].finish_reason in ("stop", "length", "tool_calls"), answer


CLOCK = {"type": "function", "function": {"name": "clock", "strict": True, "parameters": {
    "type": "object", "properties": {"zone": {"enum": ["UTC", "CET"]}, "hours": {"type": "integer", "minimum": 0, "maximum": 24}},
    "required": ["zone", "hours"], "additionalProperties": False}}}


def assert_fits(call):
    arguments = json.loads(call.function.arguments)
    if call.function.name == "clock":
        assert arguments["zone"] in ("UTC", "CET") and 0 <= arguments["hours"] <= 24 and len(arguments) == 2, call
    else:
        assert call.function.name == "weather" and isinstance(arguments["city"], str), call


def a_call_that_is_required_is_made(server):
    """Whatever the model would rather say: small models rarely call anything of their own accord."""
    request = dict(model=server.model, messages=[{"role": "user", "content": "Tell me a story."}], tools=[WEATHER, CLOCK],
                   max_tokens=400, extra_body={"temperature": 1.0})
    named = {"type": "function", "function": {"name": "clock"}}
    for seed in range(4):
        answer = server.client.chat.completions.create(**request, tool_choice=named, seed=seed).choices[0]
        assert answer.finish_reason == "tool_calls" and [c.function.name for c in answer.message.tool_calls] == ["clock"], answer
        assert_fits(answer.message.tool_calls[0])
        answer = server.client.chat.completions.create(
            **request, tool_choice="required", parallel_tool_calls=False, seed=seed).choices[0]
        if answer.finish_reason == "tool_calls":  # else a long name of a city met the limit
            assert len(answer.message.tool_calls) == 1 and not answer.message.content, answer
            assert_fits(answer.message.tool_calls[0])
    with server.client.chat.completions.stream(
            model=server.model, messages=request["messages"], tools=[CLOCK], tool_choice=named, max_tokens=100) as stream:
        assert_fits(stream.get_final_completion().choices[0].message.tool_calls[0])
    claudes = claude(server).messages.create(
        model=server.model, max_tokens=100, messages=request["messages"], tool_choice={"type": "tool", "name": "clock"},
        tools=[{"name": "clock", "input_schema": CLOCK["function"]["parameters"]}])
    block = claudes.content[-1]
    assert block.type == "tool_use" and block.input["zone"] in ("UTC", "CET"), claudes


TOOLS = [tools_are_described_and_results_taken, a_call_that_is_required_is_made]


def claude(server):
    return anthropic.Anthropic(base_url=server.url, api_key=server.key, max_retries=0, timeout=120)


def messages_are_answered(server):
    request = dict(model=server.model, max_tokens=20, system="You are brief.",
                   extra_body={"temperature": 0}, messages=[{"role": "user", "content": "Tell me a story about a fox."}])
    client = claude(server)
    whole = client.messages.create(**request)
    text = "".join(block.text for block in whole.content if block.type == "text")
    assert text.strip() and whole.stop_reason in ("end_turn", "max_tokens"), whole
    with client.messages.stream(**request) as stream:
        assert "".join(stream.text_stream) == text
        final = stream.get_final_message()
    assert final.stop_reason == whole.stop_reason and final.usage.output_tokens == whole.usage.output_tokens, final
    counted = client.messages.count_tokens(
        model=server.model, system=request["system"], messages=request["messages"]).input_tokens
    assert counted == whole.usage.input_tokens + whole.usage.cache_read_input_tokens, (counted, whole)


def messages_are_refused_as_their_client_expects(server):
    for change, expected in ((dict(model="nope"), anthropic.NotFoundError), (dict(extra_body={"temperature": 7}), anthropic.BadRequestError)):
        request = dict(model=server.model, max_tokens=4, messages=[{"role": "user", "content": "Hi"}]) | change
        try:
            claude(server).messages.create(**request)
            raise AssertionError(f"{change} was accepted")
        except expected as error:
            assert error.body["type"] == "error" and error.body["error"]["message"], error.body


MESSAGES = [messages_are_answered, messages_are_refused_as_their_client_expects]


def responses_are_answered_and_followed(server):
    request = dict(model=server.model, input="Tell me a story about a fox.", max_output_tokens=30, temperature=0)
    whole = server.client.responses.create(**request)
    assert whole.output_text.strip() and whole.status in ("completed", "incomplete") and whole.store, whole
    text, last = "", None
    for last in server.client.responses.create(**request, stream=True):
        text += last.delta if last.type == "response.output_text.delta" else ""
    assert text == whole.output_text == last.response.output_text, (text, whole)
    second = server.client.responses.create(
        model=server.model, input="And then?", previous_response_id=whole.id, max_output_tokens=5)
    assert second.usage.input_tokens > whole.usage.input_tokens + 10, second
    assert server.client.responses.retrieve(whole.id).output_text == whole.output_text
    server.client.responses.delete(whole.id)
    try:
        server.client.responses.retrieve(whole.id)
        raise AssertionError("a deleted response was found")
    except openai.NotFoundError as error:
        assert error.code == "response_not_here", error


RESPONSES = [responses_are_answered_and_followed]
CHECKS = TOKENS + TOOLS + MESSAGES + RESPONSES


def batches_survive_a_restart(_):
    """A server is killed in the middle of a batch; another one, with its folder, goes on and does nothing twice."""
    with tempfile.TemporaryDirectory() as folder:
        with Server("batch-first", "--batch-dir", folder) as server:
            lines = [json.dumps({
                "custom_id": f"line-{i}", "method": "POST", "url": "/v1/chat/completions",
                "body": {"model": server.model, "max_tokens": 200, "ignore_eos": True,
                         "messages": [{"role": "user", "content": f"Tell me a story about {i} foxes."}]}}) for i in range(60)]
            file = server.client.files.create(file=("in.jsonl", "\n".join(lines).encode()), purpose="batch")
            batch = server.client.batches.create(
                input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
            wait_for("some lines", lambda: server.client.batches.retrieve(batch.id).request_counts.completed > 2)
            server.kill()
        with Server("batch-second", "--batch-dir", folder) as server:
            wait_for("the batch to end", lambda: server.client.batches.retrieve(batch.id).status == "completed")
            over = server.client.batches.retrieve(batch.id)
            assert (over.request_counts.total, over.request_counts.completed) == (60, 60), over
            results = [json.loads(line) for line in server.client.files.content(over.output_file_id).text.splitlines()]
            assert sorted(r["custom_id"] for r in results) == sorted(f"line-{i}" for i in range(60)), results
            assert all(r["response"]["body"]["usage"]["completion_tokens"] == 200 for r in results)
            assert [b.id for b in server.client.batches.list()] == [batch.id]
            server.client.files.delete(file.id)
            try:
                server.client.batches.retrieve(batch.id)
                raise AssertionError("a batch outlived its input")
            except openai.NotFoundError as error:
                assert error.code == "not_here", error


BATCHES = [batches_survive_a_restart]
