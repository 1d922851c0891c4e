"""The index is the ledger of claims, and tells the truth about every run."""

from made_runs import made_run

from labkit import reports
from labkit.reports import files


def _claim(directory, verdict, holds):
    record = {"name": "exponent <b>", "value": 0.31, "kind": "statistical", "se": 0.02, "n": 5}
    environment = {"schema": 1, "notebook": "n", "preset": "smoke", "environment": {}}
    files.write_json(directory / files.RECORDS, environment | {"records": [record]})
    found = {"key": "deep-learning-scaling-predictable", "holds": holds, "verdict": verdict}
    found |= {"evidence": ["exponent <b>"], "note": "<i>note</i>"}
    files.write_json(directory / files.CLAIMS, environment | {"verdicts": [found]})


def test_the_index_is_the_ledger_and_tells_the_truth_about_everymade_run(tmp_path):
    good, bad = tmp_path / "runs" / "good", tmp_path / "runs" / "bad"
    made_run(good, notebook="good", page="good.html", title="Good <script>")
    made_run(bad, notebook="bad", status="failed", reason="over-time", exit_code=4, sentence="Over its time budget.")
    made_run(tmp_path / "runs" / "gone", notebook="gone", page="gone.html")
    made_run(
        tmp_path / "runs" / "cut", notebook="cut", status="running", reason="running", exit_code=None, process=None
    )
    _claim(good, "reproduced", True)
    _claim(bad, "inconclusive", None)
    (tmp_path / "good.html").write_text("page")
    html = reports.index(tmp_path).read_text("utf-8")
    assert "1 reproduced, 1 inconclusive" in html
    assert "0.31 (90% interval 0.267 to 0.353), n\u00a0=\u00a05" in html
    assert 'href="good.html"' in html
    assert 'href="gone.html"' not in html
    assert "this run is failed" in html
    assert "Over its time budget." in html
    assert "its process is gone" in html
    for raw in ("<script", "exponent <b>", "<i>note"):
        assert raw not in html


def test_an_index_of_nothing_says_what_to_do(tmp_path):
    assert "labkit report" in reports.index(tmp_path).read_text("utf-8")
