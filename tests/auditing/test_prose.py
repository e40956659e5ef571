"""Reasons in prose: split by a model, in the names of the pair, once for equal texts, and named as unread without one."""

import asyncio
import json

from rightly.auditing.prose import UNSPLIT, ProseRecord, ProseSplitter, collect_prose, with_split_reasons
from rightly.inference.generator import Completion
from rightly.inference.specs import Sampling
from rightly.store.records import RecordFile
from rightly.types import Judgment
from tests.scripted import ScriptedGenerator


def judgment(prose, order="AB", pair="p", **fields):
    common = {"pair_id": pair, "pair_key": "k", "judge": "j", "made_by": "m", "verdict": "A"}
    return Judgment(**common, order=order, prose=prose, **fields)


def split(judgments, answer, path):
    generator = ScriptedGenerator(answer)
    splitter = ProseSplitter("s", generator, Sampling())
    with RecordFile(path, ProseRecord) as records:
        asyncio.run(collect_prose(judgments, splitter, records, lambda _: None))
        return with_split_reasons(judgments, records.latest()), generator.requests


def sentences(request):
    text = request.messages[0].content.split("]\n", 1)[1].split("\n[end of")[0]
    return json.dumps({"reasons": [part.strip() for part in text.split(".") if part.strip()]})


def test_prose_becomes_reasons_in_the_names_of_the_stored_pair(tmp_path):
    text = "Response A cites the law. Response B is short."
    found, requests = split([judgment(text), judgment(text, "BA"), judgment("")], sentences, tmp_path / "prose.jsonl")
    assert len(requests) == 1
    assert [reason.text for reason in found[0].rationales] == ["Response A cites the law", "Response B is short"]
    assert [(reason.text, reason.about) for reason in found[1].rationales] == [
        ("Response B cites the law", "B"),
        ("Response A is short", "A"),
    ]
    assert (found[2].rationales, found[2].unread) == ((), "")


def test_a_resumed_run_splits_nothing_twice_but_repeats_failed_requests(tmp_path):
    path = tmp_path / "prose.jsonl"
    texts = [judgment("Response A cites the law."), judgment("Response B is short.", pair="q")]

    def half(request):
        failed = Completion(failure="provider", detail="HTTP 500")
        return failed if "short" in request.messages[0].content else sentences(request)

    found, _ = split(texts, half, path)
    assert [each.unread for each in found] == ["", "prose that could not be split: HTTP 500"]
    found, requests = split(texts, sentences, path)
    assert len(requests) == 1
    assert [len(each.rationales) for each in found] == [1, 1]


def test_an_answer_without_reasons_is_a_named_failure(tmp_path):
    found, _ = split([judgment("Response A cites the law.")], lambda _: "[A]", tmp_path / "prose.jsonl")
    assert found[0].unread == "prose that could not be split: no JSON object with reasons in the answer"


def test_prose_stays_unread_without_a_model():
    (found,) = with_split_reasons([judgment("Response A cites the law.")], [])
    assert (found.rationales, found.unread) == ((), UNSPLIT)
