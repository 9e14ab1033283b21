"""The tables of the paper and the published numbers: complete, none without a source, adding up."""

import json
import re
from pathlib import Path

import pytest

from skills.data import catalog
from skills.errors import USAGE, SkillsError
from skills.evaluation import paper
from skills.evaluation.paper import METHODS, Method, method, printed_totals, published, table

TABLES = tuple(paper.document()["tables"])
THEIRS = Path(__file__).parents[2] / "shared" / "data" / "clue_tables.json"


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_of_known_datasets_and_methods(name):
    shown = table(name)
    assert shown.mode in ("imitation", "sparse")
    assert shown.methods[0].startswith("clue"), "what the others are measured against"
    for dataset in shown.datasets:
        assert catalog.resolve(dataset).env_id
    for column in shown.methods:
        assert isinstance(method(column), Method)
    assert not set(shown.not_run) & set(METHODS)
    assert sorted((*shown.methods, *shown.not_run)) == sorted(shown.columns)


def test_tables_are_under_the_papers_numbers():
    assert "AntMaze" in table("table1").title
    assert "Adroit" in table("table2").title
    assert [table(name).trajectories for name in ("table3", "table6", "table7")] == [1, 1, 10]
    assert table("table5").percent == 10
    assert {"iq-learn", "valuedice-10", "demodice", "smodice-10"} < set(table("table4").methods)
    assert table("table4").not_run == ()


def test_every_published_number_names_its_source():
    document = paper.document()
    for block in document["published"]:
        assert "table" in document["sources"][block["source"]]["text"]
        for name in block["tables"]:
            assert set(block["rows"]) == set(table(name).datasets)
        for numbers in block["rows"].values():
            assert len(numbers) == len(block["columns"])
            assert all(len(number) in (1, 2) for number in numbers)
            assert all(number[1] >= 0 for number in numbers if len(number) == 2)
    assert {block["source"] for block in document["published"]} == set(document["sources"])


@pytest.mark.parametrize("name", [name for name in TABLES if re.fullmatch(r"table[1-7]", name)])
def test_every_cell_of_the_papers_tables_is_known(name):
    for dataset in table(name).datasets:
        for column in table(name).columns:
            assert [one.paper for one in published(name, dataset, column)][:1] == ["CLUE"], (dataset, column)


# As CLUE prints them under its columns.
PRINTED = {
    "table1": {"true": 391.3, "otr": 396.2, "clue": 415.7},
    "table2": {"true": 118.1, "otr": 122.2, "clue": 153.3},
    "table3": {
        "true": 692.4, "otr": 685.6, "clue": 714.5, "otr-5": 690.6, "clue-5": 721.3, "otr-10": 694.2, "clue-10": 723.5,
    },
    "table5": {"true": 186.0, "otr": 222.3, "clue": 228.6, "otr-10": 225.3, "clue-10": 274.6},
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_the_papers_numbers_add_up_to_its_totals(name):
    assert printed_totals(name) == PRINTED.get(name, {})
    for column, total in PRINTED.get(name, {}).items():
        means = [published(name, dataset, column)[0].mean for dataset in table(name).datasets]
        assert sum(means) == pytest.approx(total, abs=0.06)  # of Adroit some are printed with two digits


def of_source(source: str, name: str, dataset: str, column: str) -> float:
    return next(one.mean for one in published(name, dataset, column) if one.paper == source)


# As the source prints them under its columns.
@pytest.mark.parametrize(
    ("name", "total"),
    [("true", 692.4), ("oril", 588.5), ("otr", 685.6), ("sqil", 372.2), ("demodice", 585.3), ("smodice", 450.6)],
)
def test_locomotion_adds_up_to_the_totals_of_another_paper(name, total):
    means = (of_source("SEABO", "table4", dataset, name) for dataset in table("table4").datasets)
    assert sum(means) == pytest.approx(total)


@pytest.mark.parametrize(
    ("part", "name", "total"),
    [("antmaze", "true", 378.0), ("antmaze", "otr", 384.0), ("human", "true", 75.7), ("human", "otr", 74.6)],
)
def test_sparse_sets_add_up(part, name, total):
    under = "table1" if part == "antmaze" else "table2"
    datasets = [dataset for dataset in table(under).datasets if part in dataset]
    assert sum(of_source("SEABO", under, dataset, name) for dataset in datasets) == pytest.approx(total)


def test_a_cell_may_have_several_sources_and_no_deviation():
    assert [(one.paper, one.mean, one.std) for one in published("table4", "walker2d-medium", "smodice")] == [
        ("CLUE", 67.8, 6.0),
        ("SEABO", 13.3, 9.2),
        ("RGM", 1.0, 1.5),
    ]
    assert [(one.mean, one.std) for one in published("table1", "antmaze-umaze-play", "true")] == [
        (88.7, None),
        (87.5, 2.6),
    ]
    assert published("table6", "antmaze-large-diverse", "clue-c10")[0].mean == 47.11


def test_a_number_that_a_paper_prints_twice_stands_once():
    """CLUE's own column is in its tables 3 and 4; that of SQIL in the latter alone."""
    for under in ("table3", "table4"):
        assert [one.mean for one in published(under, "hopper-medium", "clue")] == [78.3]
        assert [(one.paper, one.mean) for one in published(under, "hopper-medium", "sqil")] == [
            ("CLUE", 66.9),
            ("SEABO", 44.7),
        ]


def test_what_is_of_other_conditions_is_not_beside_it():
    """CLUE of one success of a tenth of the data is not CLUE of five of all."""
    assert published("table1", "antmaze-umaze-play", "clue")[0].mean == 92.1
    assert published("table5", "antmaze-umaze-play", "clue")[0].mean == 75.4
    assert published("figure4", "antmaze-umaze-play", "clue") == ()
    assert published("table3", "ant-medium", "otr") == ()


def test_every_number_is_the_papers():
    """Against a transcription of the paper by somebody else, where there is one."""
    if not THEIRS.is_file():
        pytest.skip(f"{THEIRS} is not here")
    theirs = json.loads(THEIRS.read_text())
    checked = 0
    for name in ("table1", "table2", "table3", "table5"):
        for dataset in table(name).datasets:
            row = theirs[name]["rows"][_theirs(dataset)]
            for column in table(name).columns:
                cell = row.get(column) or row[f"{column}-1"]
                checked += _same(published(name, dataset, column)[0], cell)
    for dataset in table("table4").datasets:
        for column in table("table4").columns:
            base, _, ten = column.rpartition("-") if column.endswith("-10") else (column, "", "1")
            cell = theirs["table4"][f"K{ten}"][dataset][base.removesuffix("-td3bc")]
            checked += _same(published("table4", dataset, column)[0], cell)
    for name in ("table6", "table7"):
        for dataset in table(name).datasets:
            found = [published(name, dataset, f"clue-c{c}")[0].mean for c in range(1, 11)]
            assert found == theirs[name]["rows"][_theirs(dataset)]
    assert checked == 18 + 24 + 63 + 126 + 30


def _theirs(dataset: str) -> str:
    return "umaze" if dataset == "antmaze-umaze-play" else dataset.removeprefix("antmaze-")


def _same(found: paper.Published, cell: dict) -> bool:
    assert (found.mean, found.std) == (cell["mean"], cell.get("std"))
    return True


def test_a_method_may_name_its_settings():
    assert method("otr-5") == Method("otr", trajectories=5)
    assert method("clue-uncalibrated-10") == Method(calibration=0.0, trajectories=10)
    assert method("clue-c3") == Method(temperature=3.0)
    assert method("clue-c0.5-p10-2") == Method(temperature=0.5, percent=10, trajectories=2)
    assert method("sqil-p100") == Method("sqil", "td3bc", percent=100)
    for unknown in ("otr-0", "otr-", "dice", "5", "otr-c3", "bc-c3", "clue-c0", "clue-c0.0", "clue-p0", "clue-p101"):
        with pytest.raises(SkillsError, match="Unknown method") as caught:
            method(unknown)
        assert caught.value.exit_code == USAGE
    with pytest.raises(SkillsError, match="table9") as caught:
        table("table9")
    assert "table7" in caught.value.hint
