"""What every page has in common: its policy, its escaping, its templates."""

import base64
import hashlib
import re

import pytest
from jinja2 import UndefinedError

from rightly.benchmarks.result import BenchResult, ModelResult
from rightly.metrics.estimate import Estimate
from rightly.reports.audit_html import write_audit_report
from rightly.reports.bench import write_bench_report
from rightly.reports.dynamics import write_dynamics
from rightly.reports.page import environment, write_page
from tests.reports.factory import item, judge, result

HOSTILE = "</script><script>alert(1)</script>{{ title }} \" ' &"


def audit_page(folder):
    write_audit_report(result(judge(HOSTILE), source=HOSTILE), [item(reason=HOSTILE)], folder / "report.html")


def bench_page(folder):
    model = ModelResult(
        model=HOSTILE,
        kind="scores",
        headline=Estimate(value=0.5, low=0.4, high=0.6),
        rows={"all": {"accuracy": Estimate(value=0.5)}},
        conventions={HOSTILE: 0.5},
        length_matched=None,
        ties=0.0,
        failed=0.0,
        failures={},
        consistency=None,
    )
    texts = dict.fromkeys(("title", "data", "protocol", "failure_policy", "licence", "citation"), HOSTILE)
    published = {HOSTILE: {HOSTILE: 1.0}}
    run = BenchResult(
        benchmark="pairs", n=3, deviations=(), headline="x", models=(model,), gaps=(), published=published, **texts
    )
    write_bench_report(folder, [run])


def dynamics_page(folder):
    write_dynamics(
        folder / "report.html", HOSTILE, {HOSTILE: [{"step": 0, "set": HOSTILE, "accuracy": 0.5}]}, [HOSTILE]
    )


PAGES = [audit_page, bench_page, dynamics_page]


@pytest.mark.parametrize("write", PAGES)
def test_the_policy_allows_the_script_of_the_page_and_nothing_else(write, tmp_path):
    write(tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    (script,) = re.findall("<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    (policy,) = re.findall('Content-Security-Policy" content="([^"]*)"', html)
    assert f"script-src 'sha256-{digest}';" in policy
    assert policy.startswith("default-src 'none';")


@pytest.mark.parametrize("write", PAGES)
def test_texts_are_escaped_on_every_page(write, tmp_path):
    write(tmp_path)
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert "{{ title }} &#34; &#39; &amp;" in html


def test_no_template_switches_escaping_off():
    pages = environment()
    assert len(pages.list_templates()) > 4
    for name in pages.list_templates():
        source, *_ = pages.loader.get_source(pages, name)
        assert not re.search(r"\|\s*safe\b|autoescape", source), name


def test_a_template_that_lacks_a_field_is_refused(tmp_path):
    with pytest.raises(UndefinedError):
        write_page(tmp_path / "report.html", "bench.html", title="x")
    assert not (tmp_path / "report.html").exists()
