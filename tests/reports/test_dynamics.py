"""The page of training dynamics."""

import pytest

from rightly.reports.dynamics import Shown, curve_chart, write_dynamics

ROWS = [
    {"step": step, "set": name, "accuracy": 0.5 + step / 100, "consistency": 0.6 - step / 100, "reasons": 3.0 + step}
    for step in (0, 10, 20)
    for name in ("audit", "hard")
]


def written(tmp_path, runs, **how):
    write_dynamics(tmp_path / "page.html", "A <title>", runs, **how)
    return (tmp_path / "page.html").read_text()


def test_every_set_has_its_figures_and_its_table(tmp_path):
    html = written(tmp_path, {"run": ROWS}, facts=["Reward: product."])
    assert "A &lt;title&gt;" in html
    assert html.count('class="curves"') == 6
    assert "Pairs: audit" in html
    assert "Pairs: hard" in html
    assert "Style-swap flips" not in html  # nothing measured it
    assert 'aria-label="Outcome accuracy: run 0.500 to 0.700"' in html
    assert "Reward: product." in html


def test_runs_share_panels_and_have_a_legend(tmp_path):
    html = written(tmp_path, {"outcome": ROWS, "F1": ROWS[:2]})
    assert html.count('class="curves"') == 6
    assert html.count('<ul class="legend">') == 2
    with pytest.raises(ValueError, match="6 runs; 5 can be told apart"):
        written(tmp_path, {str(n): ROWS for n in range(6)})


def test_answers_show_what_no_person_said(tmp_path):
    shown = Shown("hard pair", ["A omits <age>"], {"F1": ([("A omits <age>", True), ("A weak", False)], "B")})
    html = written(tmp_path, {"run": ROWS}, shown=[shown])
    assert '<span class="unsupported">- A weak' in html
    assert "<span>- A omits &lt;age&gt;" in html


def test_charts_stay_in_their_frame():
    chart = curve_chart("x", {"run": [(0, 0.0), (5, 12.0), (10, 3.0)]})
    ((_, spots),) = chart.lines
    pairs = [tuple(map(float, spot.split(","))) for spot in chart.points(spots).split()]
    assert all(0 <= x <= 320 and 0 <= y <= 170 for x, y in pairs)
    assert pairs[1][1] < pairs[2][1] < pairs[0][1]
    assert "12" in [label for _, label in chart.grid]
