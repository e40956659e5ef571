"""Formats of judges: loading, errors, prompts, prompts of others, and what their identity is made of."""

import asyncio
from pathlib import Path

import pytest

from rightly.errors import InputError
from rightly.inference.generator import Completion
from rightly.inference.specs import Sampling
from rightly.judges.format import Format, FormatMessage, format_names, format_with_prompt, load_format
from rightly.judges.generative import GenerativeJudge, JudgeSettings
from rightly.types import Message, PreferencePair
from tests.scripted import ScriptedGenerator

PAIR = PreferencePair(
    id="p", context=(Message(role="user", content="Name a year."),), responses=("1998", "1989"), label="A"
)
OWN = """
title = "Own"
[[message]]
role = "user"
text = "{{question}} {{response_a}} {{response_b}}"
[verdict]
at = "tag"
name = "verdict"
[reasons]
at = "list"
"""


def own(tmp_path, text=OWN, name="own.toml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", format_names())
def test_every_shipped_format_loads_and_shows_all_responses(name):
    form = load_format(name)
    shown = PAIR if form.compares != "each" else PAIR.model_copy(update={"responses": ("1998",)})
    text = "\n".join(turn.content for turn in form.prompt(shown, max_reasons=5))
    assert form.name == name
    assert form.title
    assert "Name a year." in text
    assert all(response in text for response in shown.responses)
    assert "{{" not in text


def test_an_own_format_is_named_by_its_file(tmp_path):
    form = load_format(own(tmp_path))
    assert (form.name, form.title) == ("own", "Own")
    untitled = OWN.replace('title = "Own"\n', "")
    assert load_format(own(tmp_path, untitled)).title == "own"


BROKEN = [
    (OWN.replace("[verdict]", "[verdict]\nplace = 3"), "verdict.place", "Extra inputs"),
    (OWN.replace('title = "Own"', 'titel = "Own"'), "titel", "Extra inputs"),
    (OWN.replace('name = "verdict"\n', ""), "verdict", "at = 'tag' needs name"),
    (OWN.replace('"tag"', '"box"'), "verdict.at", "'boxed'"),
    (OWN.replace('name = "verdict"', 'name = "verdict"\nread = "score"'), "verdict", "needs range"),
    (OWN.replace('name = "verdict"', 'name = "verdict"\nwhich = "each"'), "verdict", 'needs read = "scores"'),
    (OWN.replace('"tag"', '"free"').replace('name = "verdict"', 'read = "score"\nrange = [1, 5]'), "verdict", "labels only"),
    (OWN.replace('name = "verdict"', 'name = "verdict"\nlabels = { A = 7 }'), "verdict.labels.A", "string"),
    (OWN.replace('[reasons]\nat = "list"', ""), "reasons", "required"),
    (OWN.replace('at = "list"', 'at = "verse"'), "reasons.at", "'sections'"),
    (OWN.replace("{{response_b}}", ""), "{{response_b}}", "add the field to a message"),
    (OWN.replace("{{question}}", "{{qestion}}"), "'qestion'", "known: "),
    (OWN + "{", "is not TOML", "own.toml"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "place", "problem"), BROKEN)
def test_a_broken_format_is_one_line_that_names_file_and_place(tmp_path, text, place, problem):
    path = own(tmp_path, text)
    with pytest.raises(InputError) as caught:
        load_format(path)
    message = str(caught.value)
    assert path in message
    assert place in message
    assert problem in message
    assert "\n" not in message


def test_an_unknown_format_or_file_says_what_to_do(tmp_path):
    with pytest.raises(InputError, match=r"'rm-r2' is not a judge format; did you mean.*rm-r1"):
        load_format("rm-r2")
    with pytest.raises(InputError, match=r"none\.toml: cannot be read .*give the path"):
        load_format(str(tmp_path / "none.toml"))


def test_each_and_all_need_their_own_fields(tmp_path):
    each = OWN.replace('title = "Own"', 'compares = "each"')
    with pytest.raises(InputError, match="unknown field 'response_a'"):
        load_format(own(tmp_path, each))
    alone = each.replace("{{response_a}} {{response_b}}", "{{response}}")
    assert load_format(own(tmp_path, alone)).compares == "each"
    every = OWN.replace('title = "Own"', 'compares = "all"').replace("{{response_a}} {{response_b}}", "{{responses}}")
    assert load_format(own(tmp_path, every)).compares == "all"


def test_a_prompt_is_filled_in_one_pass():
    pair = PAIR.model_copy(update={"responses": ("{{response_b}} and {{fence}}", "{{response_a}}")})
    text = load_format("skywork-critic").prompt(pair, max_reasons=5)[0].content
    assert "{{response_b}} and {{fence}}" in text
    assert "{{response_a}}" in text


def test_the_context_keeps_its_roles_where_the_format_asks_for_messages():
    context = (
        Message(role="system", content="Be brief."),
        Message(role="user", content="Hi"),
        Message(role="assistant", content="Hello"),
        Message(role="user", content="Name a year."),
    )
    turns = load_format("nemotron-genrm").prompt(PAIR.model_copy(update={"context": context}), max_reasons=5)
    assert [(turn.role, turn.content) for turn in turns] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello"),
        ("user", "Name a year."),
        ("response_1", "1998"),
        ("response_2", "1989"),
    ]


def test_a_prompt_alone_keeps_the_default_form_of_answer():
    form = format_with_prompt("{{context}} {{response_a}} {{response_b}}")
    assert form.verdict == load_format("rightly").verdict
    with pytest.raises(InputError, match=r"the prompt does not show \{\{response_a\}\}"):
        format_with_prompt("{{context}} {{response_b}}")


# the prompts of others


def form_of(tmp_path, *upstream, fields=""):
    """An own format whose messages name texts of others."""
    messages = "".join(
        f'[[message]]\nrole = "user"\nupstream = "{address}"\ntext = "{{{{response_a}}}} {{{{response_b}}}}"\n'
        for address in upstream
    )
    repository = f'[upstream]\nrepository = "https://example.org/theirs"\nfields = {{ {fields} }}\n'
    return load_format(own(tmp_path, messages + repository + OWN[OWN.index("[verdict]") :]))


FIELDS = 'q = "question", a = "response_a", b = "response_b"'
THEIRS = [
    ("prompts.py", "prompts.py:PROMPT", 'PROMPT = "One {q}" " two {a}" + " three {b}"\n'),
    ("prompts.py", "prompts.py:PROMPT", 'PROMPT: str = """One {q} two {a} three {b}"""\n'),
    ("prompts.py", "prompts.py:PROMPT", 'PROMPT = "old {a} {b}"\nPROMPT = "One {q} two {a} three {b}"\n'),
    ("prompts.py", "prompts.py:ALL.pair", 'ALL = {"n": 1, "pair": "One {q} two {a} three {b}"}\n'),
    ("prompts.json", "prompts.json:pair", '{"pair": "One {q} two {a} three {b}"}'),
    ("prompts.toml", "prompts.toml:pair", 'pair = "One {q} two {a} three {b}"'),
    ("prompts.yaml", "prompts.yaml:pair", "pair: One {q} two {a} three {b}\n"),
    ("prompt.txt", "prompt.txt", "One {q} two {a} three {b}"),
]


@pytest.mark.parametrize(("file", "address", "text"), THEIRS)
def test_a_prompt_of_others_is_read_from_their_repository_or_file(tmp_path, file, address, text):
    if file.endswith(".yaml"):
        pytest.importorskip("yaml")
    form = form_of(tmp_path, address, fields=FIELDS)
    theirs = tmp_path / "clone" / file
    theirs.parent.mkdir()
    theirs.write_text(text, encoding="utf-8")
    for place in (theirs.parent, theirs):
        made = form.with_upstream(str(place))
        assert made.prompt(PAIR, 5)[0].content == "One Name a year. two 1998 three 1989"


def test_doubled_braces_of_others_become_single_and_code_is_not_run(tmp_path):
    form = form_of(tmp_path, "p.py:PROMPT", fields=FIELDS)
    theirs = tmp_path / "p.py"
    text = f'open({str(tmp_path / "ran")!r}, "w")\nPROMPT = "Box {{{{A}}}}: {{q}} {{a}} {{b}}"\n'
    theirs.write_text(text, encoding="utf-8")
    assert form.with_upstream(str(theirs)).prompt(PAIR, 5)[0].content == "Box {A}: Name a year. 1998 1989"
    assert not (tmp_path / "ran").exists()


UNUSABLE = [
    ('PROMPT = "{q} {a} {b} {tone}"', "has an unknown field {tone}"),
    ('OTHER = "{a} {b}"', "has no text 'PROMPT'"),
    ('PROMPT = make("{a} {b}")', "has no text 'PROMPT'"),
    ("PROMPT = 7", "has no text 'PROMPT'"),
    ('PROMPT = "{q', "cannot be read"),
    ('PROMPT = "{q} {a} {b} }"', "is not a template"),
    ('PROMPT = "{q} {a}"', "does not show {{response_b}}"),
]


@pytest.mark.parametrize(("text", "problem"), UNUSABLE)
def test_an_unusable_prompt_of_others_is_one_line(tmp_path, text, problem):
    form = form_of(tmp_path, "p.py:PROMPT", fields=FIELDS)
    (tmp_path / "p.py").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        form.with_upstream(str(tmp_path))
    assert problem in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_of_others_and_a_format_without_one_say_so(tmp_path):
    form = form_of(tmp_path, "sub/p.py:PROMPT", fields=FIELDS)
    with pytest.raises(InputError, match=r"cannot be read .*give the folder of the repository, or its file sub/p\.py"):
        form.with_upstream(str(tmp_path))
    for name in ("rightly", "judgelrm"):
        with pytest.raises(InputError, match="names no file of others with its prompt; leave prompt= out"):
            load_format(name).with_upstream(str(tmp_path))


def named(form):
    generator = ScriptedGenerator(lambda _: Completion(text="<verdict>A</verdict>"))
    judge = GenerativeJudge("j", generator, Sampling(), JudgeSettings(form=form))
    assert asyncio.run(judge.judge(PAIR, "AB")).judge == judge.name
    return judge.name


def test_the_name_of_a_judge_says_whose_prompt_it_has(tmp_path):
    both = form_of(tmp_path, "p.py:ONE", "p.py:TWO", fields=FIELDS)
    mixed = both.model_copy(
        update={"message": (*both.message[:1], FormatMessage(role="user", text="{{response_a}} {{response_b}}"))}
    )
    (tmp_path / "p.py").write_text('ONE = "{a} {b}"\nTWO = "{q} {a} {b}"\n', encoding="utf-8")
    assert named(load_format(own(tmp_path))) == "j"
    assert named(both) == "j (prompt ours)"
    assert named(both.with_upstream(str(tmp_path))) == "j"
    assert named(mixed) == "j (prompt ours)"
    assert named(mixed.with_upstream(str(tmp_path))) == "j (prompt ours in part)"


def changed(form: Format, **verdict) -> Format:
    return form.model_copy(update={"verdict": form.verdict.model_copy(update=verdict)})


def test_the_fingerprint_is_made_of_what_changes_question_or_reading():
    form = load_format("skywork-critic")
    same = [
        form.model_copy(update={"title": "Another"}),
        form.model_copy(update={"name": "another"}),
        load_format("skywork-critic"),
    ]
    prompt = form.message[0].model_copy(update={"text": form.message[0].text + " Now."})
    role = form.message[0].model_copy(update={"role": "system"})
    other = [
        form.model_copy(update={"message": (prompt,)}),
        form.model_copy(update={"message": (role,)}),
        form.model_copy(update={"version": 2}),
        form.model_copy(update={"values": {"rubric": "x"}}),
        changed(form, labels={"A": "B", "B": "A"}),
        changed(form, which="first"),
        changed(form, at="boxed"),
        form.model_copy(update={"reasons": form.reasons.model_copy(update={"at": "list"})}),
    ]
    assert {each.fingerprint for each in same} == {form.fingerprint}
    assert len({each.fingerprint for each in [form, *other]}) == len(other) + 1


def test_the_same_prompt_read_from_two_places_is_the_same_judge(tmp_path):
    form = form_of(tmp_path, "p.py:PROMPT", fields=FIELDS)
    made = []
    for name in ("one", "two"):
        clone = Path(tmp_path / name)
        clone.mkdir()
        (clone / "p.py").write_text('PROMPT = "{q} {a} {b}"\n', encoding="utf-8")
        made.append(form.with_upstream(str(clone)).fingerprint)
    assert made[0] == made[1] != form.fingerprint
