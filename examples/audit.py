"""Audit two judges on shipped pairs, from Python."""

import rightly

pairs = rightly.load_pairs("sample:comve", limit=100)
audit = rightly.audit(pairs, judges=["annotator", "longer"], matcher="lexical", out="runs/audit")
for judge in audit.judges:
    print(f"{judge.judge}: accuracy {judge.accuracy.value:.2f}, consistency {judge.consistency.value:.2f}")
audit.to_html("runs/audit/report.html")
