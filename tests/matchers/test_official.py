"""The official MetaJudge: its grammar, its stored answers, and its prompt from the user's file."""

import asyncio
import json

import pytest

from rightly.errors import InputError
from rightly.inference.account import Account
from rightly.inference.answer_cache import Exchange
from rightly.inference.generator import Completion
from rightly.inference.specs import Sampling
from rightly.matchers.official_grammar import official_links
from rightly.matchers.official_judge import OfficialMetaJudge, read_template
from rightly.matchers.official_results import ReplayedMetaJudge
from rightly.matchers.specs import MatcherBuilder, matcher_identity
from rightly.types import Usage
from tests.scripted import ScriptedGenerator

POINTS = ["Response 1 is right", "Response 2  is short"]
LOW, HIGH = ["A is right", "B is brief", "B is kind"], ["A is right", "B is brief"]


def said(*lines):
    return "I compare.\n<RESULT_START>\nScores:\n" + "\n".join(f"- {line}" for line in lines) + "\n<RESULT_END>"


def spots(links):
    return [(link.reference, link.candidate, link.score) for link in links]


def test_answer_gives_every_named_reason_also_with_score_zero():
    links, problem = official_links(said("R1@S2: 0.75", "R2@S1: 0", "R3@S0: 0", "R4@S1: 1", "R5@S9: 1"), 5, 3)
    assert problem == ""
    assert spots(links) == [(0, 1, 0.75), (1, 0, 0.0), (3, 0, 1.0)]


def test_first_block_counts():
    links, _ = official_links(said("R1@S1: 1") + said("R1@S2: 1"), 1, 2)
    assert spots(links) == [(0, 0, 1.0)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("R1@S1: 1", "no block between <RESULT_START> and <RESULT_END>"),
        ("<RESULT_START>- R1@S1: 1", "no block between"),
        (said("R1 @ S1: 1"), "no line of the form - R1@S2: 0.75"),
        (said("R1@S1: 1.5", "R2@S0: 0"), "score 1.5 of R1@S1 is above 1"),
        (said("R2@S1: 1", "R1@S0: 0"), "R2 stands in place of R1"),
        (said("R1@S1: 1", "R3@S0: 0"), "R3 stands in place of R2"),
        (said("R1@S1: 1", "R1@S2: 1"), "R1 stands in place of R2"),
        (said("R1@S1: 1"), "1 lines for 2 points"),
        (said("R1@S1: 1", "R2@S1: 1", "R3@S1: 1"), "3 lines for 2 points"),
    ],
)
def test_answer_without_the_official_format_fails_with_its_reason(text, problem):
    links, found = official_links(text, 2, 3)
    assert links == ()
    assert found.startswith(problem)


def result(answer, candidate=LOW, status="success", points=POINTS, **more):
    listed = "\n".join(f"S{number}: {each}" for number, each in enumerate(candidate, 1))
    metadata = {"human-checklist": points, "low-checklist": LOW, "high-checklist": HIGH}
    samples = [] if answer is None else [{"generated_text": answer, "finish_reason": "stop", "usage": {}}]
    return {"prompt": f"[list]\n{listed}\n[end]", "samples": samples, "status": status, "metadata": metadata, **more}


@pytest.fixture
def replayed(tmp_path):
    """The match of two lists by a result file of these rows."""

    def of(rows, reference=POINTS, candidate=LOW):
        file = tmp_path / "results.jsonl"
        file.write_text("".join(json.dumps(each) + "\n" for each in rows))
        matcher = MatcherBuilder(cache=None, account=Account()).matcher(f"rationalerm-official:{file}")
        assert isinstance(matcher, ReplayedMetaJudge)
        assert matcher.fingerprint == matcher_identity(f"rationalerm-official:{file}")
        return asyncio.run(matcher.match(reference, candidate))

    return of


def test_stored_answer_belongs_to_the_list_that_its_prompt_shows(replayed):
    rows = [result(said("R1@S1: 1", "R2@S3: 0.5"), LOW), result(said("R1@S1: 0.25", "R2@S0: 0"), HIGH)]
    assert spots(replayed(rows).links) == [(0, 0, 1.0), (1, 2, 0.5)]
    assert spots(replayed(rows, candidate=HIGH).links) == [(0, 0, 0.25)]
    assert replayed(rows).raw.startswith("I compare.")


def test_lists_are_found_apart_from_white_space_blank_and_repeated_points(replayed):
    points = [POINTS[0], " ", POINTS[1], POINTS[0]]
    rows = [result(said("R1@S1: 0.5", "R2@S2: 1", "R3@S3: 1", "R4@S2: 1"), points=points)]
    found = replayed(
        rows, reference=["Response 1 is right", "Response 2 is short"], candidate=[*LOW[:2], "B  is kind "]
    )
    assert spots(found.links) == [(0, 0, 0.5), (1, 2, 1.0), (0, 1, 1.0)]


def test_truncated_list_gets_the_answer_to_the_whole_one(replayed):
    rows = [result(said("R1@S1: 1", "R2@S3: 0.5"))]
    assert spots(replayed(rows, candidate=LOW[:2]).links) == [(0, 0, 1.0)]


def test_truncated_list_with_two_answers_is_a_failed_match(replayed):
    one, other = result(said("R1@S1: 1", "R2@S0: 0"), LOW), result(said("R1@S2: 1", "R2@S0: 0"), HIGH)
    found = replayed([one, other], candidate=LOW[:1])
    assert (found.failure, found.links) == ("provider", ())
    assert "2 answers to longer lists" in found.detail


def test_lists_without_a_stored_answer_are_a_failed_match(replayed):
    found = replayed([result(said("R1@S1: 1", "R2@S0: 0"))], candidate=["else"])
    assert (found.failure, found.links) == ("provider", ())
    assert found.detail.endswith("holds no answer to these lists")


def test_failed_rows_are_failed_matches_with_their_reason(replayed):
    failed = replayed([result(None, status="error", error_message="429")])
    assert (failed.failure, failed.detail) == ("provider", "429")
    marked = replayed([result(said("R1@S1: 1", "R3@S0: 0"), status="format_error")])
    assert (marked.failure, marked.detail, marked.links) == ("unparsed", "R3 stands in place of R2", ())
    short = replayed([result(said("R1@S1: 1"))])
    assert (short.failure, short.detail) == ("unparsed", "1 lines for 2 points")
    complete = replayed([result(said("R1@S1: 1", "R2@S1: 1"), status="format_error")])
    assert (complete.failure, complete.links) == ("unparsed", ())


@pytest.mark.parametrize("late", [False, True])
def test_answer_of_a_resumed_run_replaces_the_failed_one(replayed, late):
    rows = [result(None, status="error"), result(said("R1@S1: 1", "R2@S0: 0"))]
    assert spots(replayed(rows[:: -1 if late else 1]).links) == [(0, 0, 1.0)]


def test_two_answers_to_the_same_lists_are_refused(replayed):
    with pytest.raises(InputError, match=r"results\.jsonl:2: matches the same lists as .*results\.jsonl:1 differently"):
        replayed([result(said("R1@S1: 1", "R2@S0: 0")), result(said("R1@S0: 0", "R2@S0: 0"))])


def test_row_whose_prompt_shows_no_list_is_refused(replayed):
    with pytest.raises(InputError, match=r"jsonl:1: the prompt shows none of the lists of low, high"):
        replayed([result(said("R1@S1: 1"), ["else"])])


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ({"context": "?", "human-checklist": []}, "no result of RationaleRM's MetaJudge"),
        (result(None, status="done"), "column 'status' is the text 'done', expected success, format_error or error"),
    ],
)
def test_row_that_is_no_result_is_refused(replayed, row, problem):
    with pytest.raises(InputError, match=f"jsonl:1: {problem}"):
        replayed([row])


TEMPLATE = 'OTHER = "x"\nPROMPT = """Of {target_list} and {source_list} {{once}}."""\n'


def write(path, text):
    path.write_text(text)
    return path


def asked(*answers):
    texts = iter(answers)
    generator = ScriptedGenerator(lambda _: next(texts))
    matcher = OfficialMetaJudge("m", generator, Sampling(), "{{target_list}}|{{source_list}}")
    return asyncio.run(matcher.match(POINTS, ["about {{target_list}}"])), generator.requests


def test_prompt_is_filled_in_one_pass_with_numbered_lists():
    _, (request,) = asked(said("R1@S1: 1", "R2@S0: 0"))
    assert request.messages[0].content == (
        "R1: Response 1 is right\nR2: Response 2  is short|S1: about {{target_list}}"
    )


def test_format_error_is_asked_again_as_a_new_sample_up_to_five_times():
    found, requests = asked("hm", Completion(text="cut", failure="truncated"), said("R1@S1: 1", "R2@S0: 0"))
    assert ([request.sample for request in requests], found.failure) == ([0, 1, 2], None)
    assert spots(found.links) == [(0, 0, 1.0)]
    failed, requests = asked(*["hm"] * 6)
    assert ([request.sample for request in requests], failed.failure) == ([0, 1, 2, 3, 4], "unparsed")


def test_answer_of_the_format_with_another_number_of_lines_fails_without_another_request():
    found, requests = asked(said("R1@S1: 1"), said("R1@S1: 1", "R2@S0: 0"))
    assert (found.failure, found.detail, len(requests)) == ("unparsed", "1 lines for 2 points", 1)


def test_failed_request_is_not_repeated_by_the_matcher_and_all_usage_counts():
    billed = Completion(text="hm", usage=Usage(output_tokens=3))
    found, requests = asked(billed, Completion(failure="provider", detail="429", usage=Usage(output_tokens=1)))
    assert (found.failure, found.detail, found.usage.output_tokens, len(requests)) == ("provider", "429", 4, 2)


def test_template_is_the_constant_with_both_fields_and_nothing_is_executed(tmp_path):
    file = write(tmp_path / "metajudge_infer.py", "import nothing_of_this_name\n" + TEMPLATE)
    assert read_template(file) == "Of {{target_list}} and {{source_list}} {once}."


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("x = (", "is not Python"),
        ('P = "{source_list}"\nQ = "{source_list} {target_list} {more}"', "0 string constants with"),
        (TEMPLATE + TEMPLATE, "2 string constants with"),
    ],
)
def test_file_without_the_official_prompt_is_refused(tmp_path, text, problem):
    with pytest.raises(InputError, match=problem):
        read_template(write(tmp_path / "infer.py", text))


def test_model_without_a_prompt_is_refused():
    with pytest.raises(InputError, match=r"names no prompt; add \?prompt=metajudge_infer\.py"):
        matcher_identity("rationalerm-official:openai:m")


def test_spec_asks_the_model_with_the_released_decoding(tmp_path):
    file = write(tmp_path / "metajudge_infer.py", TEMPLATE)
    generator = ScriptedGenerator(lambda _: said("R1@S1: 1", "R2@S0: 0"))
    sampling = Sampling(temperature=0.6, max_tokens=8192)
    request = OfficialMetaJudge("m", generator, sampling, read_template(file)).request(POINTS, LOW)
    kept = Exchange(request=request, completion=Completion(text=said("R1@S1: 1", "R2@S0: 0")))
    recorded = write(tmp_path / "run.jsonl", kept.model_dump_json() + "\n")
    spec = f"rationalerm-official:replay:{recorded}?prompt={file}"
    matcher = MatcherBuilder(cache=None, account=Account()).matcher(spec)
    assert spots(asyncio.run(matcher.match(POINTS, LOW)).links) == [(0, 0, 1.0)]
    assert matcher.fingerprint == matcher_identity(spec) != matcher_identity(spec + "&temperature=0")
    write(file, TEMPLATE.replace("Of", "On"))
    assert matcher.fingerprint != matcher_identity(spec)
