"""`/predict` and what all routes have in common: shapes, order, errors, and requests that meet in batches."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from llmopt import __version__
from llmopt.errors import InputError
from llmopt.serving.batching import BatchSettings
from llmopt.serving.model_server.values import ServedModel
from tests.serving.model_server.running import PATIENCE_S, Letters, Running, serving, until, vectors


@pytest.fixture(scope="module")
def server() -> Iterator[Running]:
    with serving(Letters().served()) as running:
        yield running


def test_a_text_gets_one_output_and_a_list_one_each(server: Running) -> None:
    one = server.ask("/predict", {"input": "abc"})
    assert (one.status, one.headers["content-type"]) == (200, "application/json")
    assert one.json == {"model": "letters", "outputs": [[3.0, 97.0, -1.0]], "usage": {"inputs": 1, "tokens": 3}}
    several = server.ask("/predict", {"input": ["b", "aa", "ccc"], "model": "letters"}).json
    assert several["outputs"] == [[1.0, 98.0, -1.0], [2.0, 97.0, -1.0], [3.0, 99.0, -1.0]]
    assert several["usage"] == {"inputs": 3, "tokens": 6}


def test_many_inputs_come_back_in_their_order(server: Running) -> None:
    texts = [chr(97 + at % 26) * (1 + at % 19) for at in range(1500)]
    outputs = server.ask("/predict", {"input": texts}).json["outputs"]
    assert outputs == [[float(len(text)), float(ord(text[0])), -1.0] for text in texts]


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        (b"", 400, "malformed_json", None),
        (b"{", 400, "malformed_json", None),
        (b'{"input": "\xff"}', 400, "malformed_json", None),
        (b'{"input": "\\ud800"}', 400, "malformed_json", None),
        (b"[" * 100_000, 400, "wrong_field", None),
        (b"[]", 400, "wrong_field", None),
        (b"{}", 400, "wrong_field", "input"),
        (b'{"input": 1}', 400, "wrong_field", "input"),
        (b'{"input": null}', 400, "wrong_field", "input"),
        (b'{"input": [true]}', 400, "wrong_field", "input"),
        (b'{"input": ["a", 1.5]}', 400, "wrong_field", "input"),
        (b'{"input": [["a"]]}', 400, "wrong_field", "input"),
        (b'{"input": "a", "normalize": true}', 400, "wrong_field", "normalize"),
        (b'{"input": "a", "model": 7}', 400, "wrong_field", "model"),
        (b'{"input": []}', 400, "empty_input", "input"),
        (b'{"input": ""}', 400, "empty_input", "input"),
        (b'{"input": [[]]}', 400, "empty_input", "input"),
        (b'{"input": ["a", 1]}', 400, "mixed_input", "input"),
        (b'{"input": ["a", [1]]}', 400, "mixed_input", "input"),
        (b'{"input": [[1, 128]]}', 400, "unknown_token", "input"),
        (b'{"input": [-1]}', 400, "unknown_token", "input"),
        (b'{"input": [99999999999999999999]}', 400, "unknown_token", "input"),
        (b'{"input": "%s"}' % (b"a" * 21), 400, "too_many_tokens", "input"),
        (b'{"input": [[%s]]}' % b",".join([b"7"] * 21), 400, "too_many_tokens", "input"),
        (b'{"input": "a", "model": "other"}', 404, "model_not_found", "model"),
    ],
)
def test_a_request_that_makes_no_sense_is_told_why(
    server: Running, body: bytes, status: int, code: str, param: str | None
) -> None:
    answer = server.ask("/predict", body)
    assert (answer.status, answer.code, answer.json["error"]["param"]) == (status, code, param)
    assert answer.json["error"]["type"] == "invalid_request_error"
    assert server.ask("/predict", {"input": "abc"}).status == 200


def test_the_input_that_is_wrong_is_named(server: Running) -> None:
    message = server.ask("/predict", {"input": ["a", "b" * 30]}).json["error"]["message"]
    assert message == "input[1] has 30 tokens; letters takes 20"


def test_of_a_huge_text_only_the_beginning_is_looked_at() -> None:
    counted: list[int] = []

    def count(text: str) -> int:
        counted.append(len(text))
        return len(text.split()) * 4

    with serving(Letters().served(count=count)) as server:
        refused = server.ask("/predict", {"input": ["a", "ab " * 1_000_000]})
        assert (refused.status, refused.code) == (400, "too_many_tokens")
        assert refused.json["error"]["message"] == "input[1] has over 1,580 tokens; letters takes 20"
        assert max(counted) == 1280
        assert server.ask("/predict", {"input": "a" + " " * 5000}).status == 200


@pytest.mark.parametrize(
    ("path", "method", "status", "code"),
    [
        ("/", "GET", 404, "not_found"),
        ("/docs", "GET", 404, "not_found"),
        ("/redoc", "GET", 404, "not_found"),
        ("/predict/", "POST", 404, "not_found"),
        ("/predict", "GET", 405, "method_not_allowed"),
        ("/v1/models/other/one", "GET", 404, "model_not_found"),
    ],
)
def test_routes_that_do_not_exist(server: Running, path: str, method: str, status: int, code: str) -> None:
    answer = server.ask(path, b"{}" if method == "POST" else None, method=method)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_body_has_to_be_said_to_be_json(server: Running, kind: str) -> None:
    answer = server.ask("/predict", b'{"input": "a"}', headers={"content-type": kind})
    assert (answer.status, answer.code) == (415, "not_json")
    assert server.ask("/predict", b'{"input": "a"}', headers={"content-type": "Application/JSON; charset=utf-8"}).json


def test_a_packed_body_is_refused(server: Running) -> None:
    answer = server.ask("/predict", b'{"input": "a"}', headers={"content-encoding": "gzip"})
    assert (answer.status, answer.code) == (415, "packed")


def test_only_the_guilty_request_fails_and_its_input_is_named(caplog: pytest.LogCaptureFixture) -> None:
    model = Letters(hold=True)
    with serving(model.served()) as server:
        first = server.later("/predict", {"input": "a"})
        assert model.began.get(timeout=PATIENCE_S) == 1
        good = [server.later("/predict", {"input": text}) for text in ("b", "cc")]
        bad = server.later("/predict", {"input": ["d", "e!", "f"]})
        until(lambda: server.metric("llmopt_queue_inputs") == 5)
        model.hold = False
        model.go.set()
        assert [answers.get(timeout=PATIENCE_S).status for answers in (first, *good)] == [200] * 3
        failed = bad.get(timeout=PATIENCE_S)
        assert (failed.status, failed.code) == (500, "predict_failed")
        assert failed.json["error"]["message"] == "the model failed on input[1]: RuntimeError"
        assert server.metric("llmopt_predict_calls_total") > server.metric("llmopt_batch_inputs_count")
    assert "cannot read !" in caplog.text


def test_requests_that_come_while_a_batch_runs_meet_in_the_next() -> None:
    model = Letters(hold=True)
    with serving(model.served(), BatchSettings(max_batch_size=32)) as server:
        waiting = [server.later("/predict", {"input": "a"})]
        assert model.began.get(timeout=PATIENCE_S) == 1
        waiting += [server.later("/predict", {"input": "abc"}) for _ in range(49)]
        until(lambda: server.metric("llmopt_queue_inputs") == 49)
        model.go.set()
        assert {answers.get(timeout=PATIENCE_S).status for answers in waiting} == {200}
        assert model.sizes == [1, 32, 17]


def test_a_large_request_leaves_small_ones_their_turn() -> None:
    model = Letters(hold=True)
    with serving(model.served(), BatchSettings(max_batch_size=4)) as server:
        large = server.later("/predict", {"input": ["a"] * 100})
        assert model.began.get(timeout=PATIENCE_S) == 4
        until(lambda: server.metric("llmopt_queue_inputs") == 4)
        small = server.later("/predict", {"input": "b"})
        until(lambda: server.metric("llmopt_queue_inputs") == 5)
        model.go.set()
        assert small.get(timeout=PATIENCE_S).status == 200
        assert large.get(timeout=PATIENCE_S).json["usage"]["inputs"] == 100
    assert sum(model.sizes) == 101
    assert ord("b") in model.seen[2]
    assert len(model.sizes) <= 30


def test_results_of_any_kind_are_shown() -> None:
    def scores(texts: list[Any]) -> list[Any]:
        return [{"label": text, "deep": [1, None, {2: True}]} for text in texts]

    with serving(ServedModel("any", "callable", scores)) as server:
        answer = server.ask("/predict", {"input": ["x"]}).json
        assert answer["outputs"] == [{"label": "x", "deep": [1, None, {"2": True}]}]
        assert answer["usage"] == {"inputs": 1, "tokens": None}
        assert server.ask("/predict", {"input": [[1, 2]]}).code == "no_token_ids"
        assert server.ask("/v1/embeddings", {"input": "x", "model": "any"}).code == "no_embeddings"
        assert server.ask("/v1/embeddings", {"input": "x", "model": "any"}).status == 404


def test_arrays_of_any_kind_are_lists() -> None:
    class Row:
        def tolist(self) -> list[float]:
            return [1.0, 2.0]

    with serving(ServedModel("rows", "callable", lambda texts: [Row() for _ in texts])) as server:
        assert server.ask("/predict", {"input": "x"}).json["outputs"] == [[1.0, 2.0]]
    with serving(ServedModel("rows", "embed", lambda texts: [Row() for _ in texts])) as server:
        assert vectors(server.ask("/v1/embeddings", {"input": "x", "model": "rows"})) == [[1.0, 2.0]]


def test_a_result_that_json_cannot_say_is_an_error_of_the_model() -> None:
    with serving(ServedModel("odd", "callable", lambda texts: [object() for _ in texts])) as server:
        answer = server.ask("/predict", {"input": "x"})
        assert (answer.status, answer.code) == (500, "not_json")


def test_results_go_through_show() -> None:
    model = Letters().served(task="classify", show=lambda row: {"label": "long" if row[0] > 2 else "short"})
    with serving(model) as server:
        assert server.ask("/predict", {"input": ["a", "abc"]}).json["outputs"] == [
            {"label": "short"},
            {"label": "long"},
        ]


@pytest.mark.parametrize(
    ("predict", "told"),
    [
        (lambda _: [], "letters does not give one result for each text"),
        (lambda _: 1 / 0, "letters failed on a first text: ZeroDivisionError: division by zero"),
    ],
)
def test_a_model_that_fails_its_first_text_ends_the_server(predict: Any, told: str) -> None:
    model = Letters().served(predict=predict, warm_up=("warm",))
    with pytest.raises(InputError, match=told), serving(model):
        pass


def test_the_description_needs_no_other_site_and_has_every_route(server: Running) -> None:
    described = server.ask("/openapi.json").json
    assert described["info"]["version"] == __version__
    assert set(described["paths"]) == {
        *("/predict", "/v1/embeddings", "/v1/models", "/v1/models/{name}", "/healthz", "/metrics"),
    }
    text = json.dumps(described)
    for reference in {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}:
        assert reference in described["components"]["schemas"]
    assert "EmbeddingRequest" in described["components"]["schemas"]


def test_health_tells_the_phase(server: Running) -> None:
    answer = server.ask("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok", "model": "letters"})
    probe = server.ask("/healthz", method="HEAD")
    assert (probe.status, probe.body) == (200, b"")
