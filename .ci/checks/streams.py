"""Streams that survive, and readers that are slow: with connections that no client library would make."""

import threading

from checks.server import Server, status, wait_for
from checks.wire import Answer, Response

RESUMABLE = "x-sluice-resumable: true"
STORY = dict(messages=[{"role": "user", "content": "Tell me a story about a fox."}], temperature=0, max_tokens=120,
             ignore_eos=True, stream=True)


def a_stream_cut_again_and_again_is_the_same_answer(server):
    expected = server.client.chat.completions.create(
        model=server.model, **{k: v for k, v in STORY.items() if k not in ("stream", "ignore_eos")},
        extra_body={"ignore_eos": True}).choices[0].message.content
    answer, connections, last, stream = Answer(), 0, None, None
    while not answer.done:
        connections += 1
        response = (Response(server.address, "POST", "/v1/chat/completions", STORY, [RESUMABLE]) if stream is None
                    else Response(server.address, "GET", f"/v1/streams/{stream}", None, [f"Last-Event-ID: {last}"]))
        with response:
            response.read_head()
            assert response.status == 200, (response.status, response.json())
            stream = response.headers["x-sluice-stream"]
            for count, (last, event_type, data) in enumerate(response.events(), 1):
                assert last, f"an event without an id: {data}"
                answer.add(event_type, data)
                if count == 3:
                    break  # and the connection is cut
    assert answer.complete and answer.text == expected, (answer.text, expected)
    assert connections >= 3, f"{connections} connections: nothing was cut"


def a_stream_is_read_on_where_it_lives_and_by_nobody_else(server):
    with Server("other-instance") as other, \
            Response(server.address, "POST", "/v1/chat/completions", STORY, [RESUMABLE]) as first:
        stream = first.read_head().headers["x-sluice-stream"]
        with Response(other.address, "GET", f"/v1/streams/{stream}") as elsewhere:
            assert elsewhere.read_head().status == 404, elsewhere.status
            error = elsewhere.json()["error"]
            assert error["code"] == "stream_not_here" and "instance" in error["message"], error
        with Response(server.address, "GET", f"/v1/streams/{stream}") as second:
            second.read_head()
            for _, event_type, data in second.events():
                pass
            assert data == "[DONE]", data


def a_resumable_stream_that_is_left_goes_on(server):
    server.wait_until_idle()
    aborted, before = server.finished("abort"), server.metric("sluice_generation_tokens_total")
    with Response(server.address, "POST", "/v1/chat/completions", STORY, [RESUMABLE]) as response:
        response.read_head()
        next(response.events())
    wait_for("all of it to be computed", lambda: server.metric("sluice_generation_tokens_total") == before + 120)
    assert server.finished("abort") == aborted


def slow_readers_disturb_nobody(server):
    """250 readers that take a byte now and then; the answers of others are what they are without them."""
    question = dict(model=server.model, messages=[{"role": "user", "content": "Who are you?"}], max_tokens=40,
                    temperature=0)
    alone = server.client.chat.completions.create(**question).choices[0].message.content
    long = STORY | dict(max_tokens=60, logprobs=True, top_logprobs=20)
    readers, stop = [], threading.Event()

    def read_a_byte_each():
        while not stop.is_set():
            for reader in readers:
                assert reader.socket.recv(1)
            stop.wait(0.2)

    try:
        for _ in range(250):
            readers.append(Response(server.address, "POST", "/v1/chat/completions", long, receive_buffer=1024))
        slowly = threading.Thread(target=read_a_byte_each)
        slowly.start()
        # One tenant may fill four fifths of the queue; until most of these have started, it has no place left.
        wait_for("most of them to have started", lambda: server.metric("sluice_requests_waiting") < 128)
        for _ in range(10):
            answer = server.client.chat.completions.create(**question).choices[0].message.content
            assert answer == alone, (answer, alone)
        assert slowly.is_alive(), "a slow reader was cut off"
        stop.set()
        slowly.join()
    finally:
        stop.set()
        for reader in readers:
            reader.close()
    server.wait_until_idle()
    assert status(server.url + "/readyz") == 200


def a_request_that_trickles_is_cut_off(_):
    with Server("hasty", "--request-timeout", "1s") as server, \
            Response(server.address, "POST", "/v1/chat/completions", headers=["Content-Length: 1000"]) as response:
        assert response.read_head().status == 408, response.status
        assert response.json()["error"]["code"] == "request_timeout"


def a_client_that_takes_nothing_is_cut_off(_):
    with Server("impatient", "--stall-timeout", "1s") as server:
        long = STORY | dict(max_tokens=400, logprobs=True, top_logprobs=20)
        with Response(server.address, "POST", "/v1/chat/completions", long, receive_buffer=1024):
            wait_for("the client to be cut off", lambda: server.finished("stalled") == 1, 60)
        server.wait_until_idle()


def a_long_step_makes_the_server_unready_until_it_returns(_):
    """Steps of four thousand prompt tokens against a limit of five milliseconds: no machine is that fast."""
    with Server("big-steps", "--stuck-step-timeout", "5ms", "--max-num-batched-tokens", "4096",
                "--long-prefill-token-threshold", "4096", "--no-enable-prefix-caching") as server:
        assert status(server.url + "/readyz") == 200
        prompts = [" ".join([str(number)] + ["word"] * 400) for number in range(64)]
        seen = threading.Event()

        def ask_until_seen():
            while not seen.is_set():
                server.client.completions.create(model=server.model, prompt=prompts, max_tokens=1)

        asking = threading.Thread(target=ask_until_seen)
        asking.start()
        try:
            wait_for("/readyz to say no", lambda: status(server.url + "/readyz") == 503)
            assert status(server.url + "/livez") == 200
            wait_for("the log to say it", lambda: "a step has been computing" in server.log.read_text())
        finally:
            seen.set()
            asking.join()
        wait_for("/readyz to say yes", lambda: status(server.url + "/readyz") == 200)


CHECKS = [
    a_stream_cut_again_and_again_is_the_same_answer, a_stream_is_read_on_where_it_lives_and_by_nobody_else,
    a_resumable_stream_that_is_left_goes_on, slow_readers_disturb_nobody, a_request_that_trickles_is_cut_off,
    a_client_that_takes_nothing_is_cut_off, a_long_step_makes_the_server_unready_until_it_returns,
]
