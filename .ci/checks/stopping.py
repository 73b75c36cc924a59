"""How a server stops while it is at work, with real signals."""

import threading
import time

from checks.server import Server, status, wait_for
from checks.wire import Answer, Response

PATH = "/v1/chat/completions"
LONG = dict(messages=[{"role": "user", "content": "Tell me a long story."}], temperature=0, max_tokens=800,
            ignore_eos=True, stream=True)


def read(address, body, answers):
    with Response(address, "POST", PATH, body) as response:
        response.read_head()
        answer = Answer()
        for _, event_type, data in response.events():
            answer.add(event_type, data)
        answers.append(answer)


def start_streams(server, count, body):
    answers = []
    threads = [threading.Thread(target=read, args=(server.address, body, answers)) for _ in range(count)]
    for thread in threads:
        thread.start()
    wait_for("all to have begun", lambda: server.metric("sluice_time_to_first_token_seconds_count") >= count)
    return threads, answers


def streams_that_run_are_finished(_):
    with Server("draining", "--drain-delay", "5s", "--drain-timeout", "120s") as server:
        threads, answers = start_streams(server, 16, LONG)
        server.terminate()
        wait_for("readiness to flip", lambda: status(server.url + "/readyz") != 200)
        # Still taken for a while; then refused with a time to come back, for as long as there is somebody to refuse.
        with Response(server.address, "POST", PATH, LONG | dict(max_tokens=3)) as taken:
            assert taken.read_head().status == 200, taken.status
            assert taken.headers["connection"] == "close", taken.headers
        refusals = []
        while server.process.poll() is None and not refusals:
            try:
                with Response(server.address, "POST", PATH, LONG) as response:
                    if response.read_head().status != 200:
                        refusals.append((response.status, response.headers))
            except (ConnectionError, IndexError):
                pass  # it has gone meanwhile
            time.sleep(0.1)
        for thread in threads:
            thread.join()
        assert len(answers) == 16 and all(answer.complete for answer in answers), answers
        for code, headers in refusals:
            assert code == 503 and int(headers["retry-after"]) >= 1, (code, headers)
        assert server.process.wait(60) == 0


def streams_that_take_too_long_end_with_an_error(_):
    with Server("impatient-drain", "--drain-timeout", "0s") as server:
        threads, answers = start_streams(server, 4, LONG | dict(n=8))
        server.terminate()
        for thread in threads:
            thread.join()
        assert len(answers) == 4
        for answer in answers:
            assert answer.error and answer.error["code"] == "draining" and answer.error["retryable"], vars(answer)
        assert server.process.wait(60) == 0


def a_second_signal_ends_at_once(_):
    with Server("hurried", "--drain-timeout", "10m") as server:
        with Response(server.address, "POST", PATH, LONG | dict(n=64)) as response:
            response.read_head()
            server.terminate()
            wait_for("it to be stopping", lambda: "Stopping: " in server.log.read_text())
            begun = time.monotonic()
            server.terminate()
            assert server.process.wait(60) == 143
            assert time.monotonic() - begun < 60


CHECKS = [streams_that_run_are_finished, streams_that_take_too_long_end_with_an_error, a_second_signal_ends_at_once]
