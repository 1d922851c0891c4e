"""``labkit prune``: exact counts, rows as they stand, refusals that say what to do, a page that asks for nothing."""

from __future__ import annotations

import csv
import io
import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labkit import cli, pruning
from labkit.commands import prune_choice, prune_page
from labkit.commands.row_files import write_rows
from labkit.pruning.own_table import own_table


@pytest.fixture
def labkit(monkeypatch, capsys):
    def run(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["labkit", *map(str, arguments)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as finished:
            code = finished.code
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def text(rows=90, seed=0):
    rng = np.random.default_rng(seed)
    kind = rng.integers(0, 3, rows)
    size = rng.normal(kind, 0.4)
    lines = ["id,size,weight,colour,kind\r\n"]
    for i in range(rows):
        weight = "" if i % 9 == 0 else f"{rng.normal(kind[i]):.3e}"
        colour = ("red", '"a, ""b"""', '"two\nlines"')[i % 3]
        lines.append(f"u{i},{size[i]:.2f}0,{weight},{colour},{'abc'[kind[i]]}\r\n")
    return lines


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_bytes("".join(text()).encode())
    return path


QUICK = ("--model", "softmax", "--steps", "30")


def test_rows_are_kept_exactly_as_they_stand_and_in_their_order(labkit, table, tmp_path):
    out = tmp_path / "kept.csv"
    code, said, _ = labkit("prune", table, "--label", "kind", "--keep", "0.3", "--out", out, *QUICK)
    assert code == 0
    lines, kept = text(), out.read_bytes().decode()
    assert kept.startswith(lines[0])
    places = [lines.index(f"u{i}{rest}") for i, rest in re.findall(r"u(\d+)(,(?:[^u]|u(?!\d))*)", kept)]
    assert "".join([lines[0], *(lines[place] for place in places)]) == kept
    assert places == sorted(places)
    assert len(places) == 27
    assert "27 of 90 rows kept" in said
    assert "identifier" in said
    assert "missing values of 'weight'" in said


def test_it_keeps_what_the_library_keeps(labkit, table, tmp_path):
    out = tmp_path / "kept.csv"
    asked = ("--score", "el2n", "--policy", "coverage_centric", "--cutoff", "0.2", "--seed", "3")
    code, said, _ = labkit("prune", table, "--label", "kind", "--keep", "0.2", "--out", out, "--json", *asked, *QUICK)
    found = json.loads(said)
    assert code == 0
    assert (found["kept"], found["score"], found["policy"]) == (18, "el2n", "coverage_centric")
    assert sum(counts["kept"] for counts in found["classes"].values()) == 18
    frame = pd.read_csv(table)
    log = pruning.observe(own_table(frame, "kind").data, "softmax", seeds=range(15, 20), steps=30)
    kept = pruning.keep(pruning.score("el2n", log, seed=3), 0.2, policy="coverage_centric", seed=3, cutoff=0.2)
    assert pd.read_csv(out)["id"].tolist() == frame["id"].iloc[kept].tolist()


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("--label", "knid", "--keep", "0.3"), "did you mean 'kind'"),
        (("--label", "kind", "--keep", "0"), "above 0"),
        (("--label", "kind", "--keep", "1.2"), "above 0, to 1"),
        (("--label", "kind", "--keep", "0.001"), "keeps none"),
        (("--label", "id", "--keep", "0.3"), "different values"),
        (("--label", "kind", "--keep", "0.3", "--score", "amu"), "did you mean 'aum'"),
        (("--label", "kind", "--keep", "0.3", "--policy", "hardst"), "did you mean 'hardest'"),
        (("--label", "kind", "--keep", "0.3", "--policy", "middle", "--cutoff", "0.1"), "no --cutoff"),
        (("--label", "kind", "--keep", "0.3", "--advise", "--score", "aum"), "leave out"),
        (("--label", "kind", "--keep", "1", "--advise"), "nothing to advise"),
        (("--label", "kind", "--keep", "0.3", "--model", "mpl"), "did you mean 'mlp'"),
        (("--keep", "0.3"), "--label"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(labkit, table, tmp_path, arguments, match):
    out = tmp_path / "kept.csv"
    code, _, said = labkit("prune", table, *arguments, "--out", out)
    assert code == 2
    assert match in said
    assert not out.exists()


def test_a_file_whose_rows_cannot_be_copied_is_refused_before_anything_is_trained(labkit, tmp_path):
    source = tmp_path / "table.json"
    source.write_text('[{"weight": 1, "kind": "a"}]')
    code, _, said = labkit("prune", source, "--label", "kind", "--keep", "0.5", "--out", tmp_path / "kept.json")
    assert code == 2
    assert "save table.json as one of .csv" in said


def test_a_file_is_overwritten_only_when_told(labkit, table, tmp_path):
    out = tmp_path / "kept.csv"
    out.write_text("mine")
    asked = ("prune", table, "--label", "kind", "--keep", "0.5", "--out", out, *QUICK)
    code, _, said = labkit(*asked)
    assert (code, out.read_text()) == (2, "mine")
    assert "--force" in said
    assert labkit(*asked, "--force")[0] == 0
    assert out.read_text() != "mine"
    for wrong in (table, tmp_path, tmp_path / "no" / "kept.csv", tmp_path / "kept.parquet"):
        assert labkit("prune", table, "--label", "kind", "--keep", "0.5", "--out", wrong)[0] == 2
    assert labkit("prune", tmp_path / "none.csv", "--label", "a", "--keep", "0.5", "--out", tmp_path / "x.csv")[0] == 2


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (lambda t: t.head(40), "at least 50"),
        (lambda t: t.assign(kind=t["kind"].where(t.index != 7)), "row 8"),
        (lambda t: t.assign(kind="a"), "in every row"),
        (lambda t: t[["kind"]], "no column beside"),
        (lambda t: t.assign(size=np.inf), "infinite"),
    ],
)
def test_tables_that_cannot_be_pruned_are_refused(table, change, match):
    with pytest.raises(ValueError, match=match):
        own_table(change(pd.read_csv(table)), "kind")


def test_every_row_is_a_training_example_in_its_order(table):
    frame = pd.read_csv(table)
    own = own_table(frame, "kind")
    assert own.labels == ("a", "b", "c")
    assert [own.labels[target] for target in own.data.targets] == frame["kind"].tolist()
    sizes = own.data.inputs[:, own.data.truth["features"].index("size")]
    assert np.corrcoef(sizes, frame["size"])[0, 1] == pytest.approx(1)
    assert len(own.data.test_inputs) == len(own.data.validation_inputs) == 0


CELLS = st.text(alphabet='ab,"\n\r é1', max_size=5)


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8), chosen=st.sets(st.integers(0, 7)),
       end=st.sampled_from(["\n", "\r\n"]))  # fmt: skip
def test_any_records_come_out_with_the_bytes_they_went_in_with(tmp_path_factory, rows, chosen, end):
    folder = tmp_path_factory.mktemp("rows")
    header, records = _written([("x", "y")], end)[0], _written([(f"_{a}", b) for a, b in rows], end)
    source, out = folder / "in.csv", folder / "out.csv"
    source.write_bytes("".join([header, *records]).encode())
    kept = np.array(sorted(place for place in chosen if place < len(rows)), dtype=int)
    write_rows(source, kept, len(rows), out)
    assert out.read_bytes().decode() == "".join([header, *(records[place] for place in kept)])


def _written(rows, end):
    found = []
    for row in rows:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator=end, quoting=csv.QUOTE_ALL).writerow(row)
        found.append(buffer.getvalue())
    return found


def test_other_formats_and_files_without_a_last_line_end(tmp_path):
    lines = [json.dumps({"x": i}) for i in range(3)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    write_rows(tmp_path / "in.jsonl", np.array([0, 2]), 3, tmp_path / "out.jsonl")
    assert (tmp_path / "out.jsonl").read_text() == f"{lines[0]}\n{lines[2]}\n"
    (tmp_path / "in.tsv").write_text("\ufeffa\tb\n\n1\t2\n3\t4")
    write_rows(tmp_path / "in.tsv", np.array([1]), 2, tmp_path / "out.tsv")
    assert (tmp_path / "out.tsv").read_text() == "\ufeffa\tb\n3\t4\n"
    with pytest.raises(ValueError, match="records"):
        write_rows(tmp_path / "in.tsv", np.array([0]), 5, tmp_path / "wrong.tsv")
    assert not (tmp_path / "wrong.tsv").exists()


def test_parquet_keeps_values_and_types(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.DataFrame({"x": [1.5, 2.5, 3.5], "y": ["a", "b", "c"]})
    frame.to_parquet(tmp_path / "in.parquet")
    write_rows(tmp_path / "in.parquet", np.array([0, 2]), 3, tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "out.parquet"), frame.iloc[[0, 2]].reset_index(drop=True))


@pytest.fixture
def advised(monkeypatch):
    """Advice from a pilot that takes a second."""
    real = pruning.advise

    def quick(data, share, **given):
        return real(data, share, **{**given, "folds": 2, "repeats": 1, "scoring_seeds": 1, "scores": ["aum"]})

    monkeypatch.setattr(prune_choice.pruning, "advise", quick)


def test_the_page_shows_rows_and_evidence_and_asks_for_nothing(labkit, table, tmp_path, advised):
    hostile = table.read_bytes().replace(b"u7,", b"<script>alert(1)</script>,", 1)
    table.write_bytes(hostile)
    code, said, _ = labkit(
        "prune", table, "--label", "kind", "--keep", "0.4", "--advise", "--report", "--report-out", tmp_path / "pages",
        "--out", tmp_path / "kept.csv", "--json", *QUICK,
    )  # fmt: skip
    assert code == 0
    found = json.loads(said)
    assert found["kept"] == 36
    assert found["advice"]["sentences"]
    assert 0 <= found["advice"]["suspected"]["share"] <= 1
    page = (tmp_path / "pages" / "prune_mine.html").read_text("utf-8")
    assert found["report"] == str(tmp_path / "pages" / "prune_mine.html")
    for heading in ("Scores", "Rows at the ends", "Suspicious labels", "The pilot"):
        assert f">{heading}<" in page
    assert "<svg" in page
    assert "default-src &#39;none&#39;" in page
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert "<script>alert(1)" not in page
    assert str(tmp_path) not in page


def test_the_histogram_counts_every_row_once():
    scores = np.linspace(0, 1, 50)
    choice = prune_choice.Choice(np.arange(40, 50), "aum", "hardest", scores, "aum", None, None, None)
    data = prune_page.histogram(choice).data
    assert data.groupby("which")["rows"].sum().to_dict() == {"kept": 10, "left out": 40}
