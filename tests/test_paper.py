"""The tables of the paper and the published numbers: complete, consistent, and none without a source."""

import pytest

from skills.data import catalog
from skills.errors import USAGE, SkillsError
from skills.evaluation import paper
from skills.evaluation.paper import METHODS, Method, method, published, table

TABLES = ("table1", "table2", "table3", "table4", "table5")


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_of_known_datasets_and_methods(name):
    shown = table(name)
    assert shown.mode in ("imitation", "sparse")
    assert shown.methods[0] == "clue", "what the others are measured against"
    for dataset in shown.datasets:
        assert catalog.resolve(dataset).env_id
    for column in shown.methods:
        assert isinstance(method(column), Method)
    assert not set(shown.not_run) & set(METHODS)


def test_every_published_number_names_its_source():
    document = paper.document()
    listed = {dataset for shown in TABLES for dataset in table(shown).datasets}
    columns = {name for shown in TABLES for name in (*table(shown).methods, *table(shown).not_run)}
    assert set(document["published"]) <= listed
    for dataset, numbers in document["published"].items():
        assert set(numbers) <= columns
        for name in numbers:
            found = published(dataset, name)
            assert "table" in found.source
            assert found.std >= 0


# As the source prints them under its columns.
@pytest.mark.parametrize(
    ("name", "total"),
    [("true", 692.4), ("oril", 588.5), ("otr", 685.6), ("sqil", 372.2), ("demodice", 585.3), ("smodice", 450.6)],
)
def test_locomotion_adds_up_to_the_printed_totals(name, total):
    assert sum(published(dataset, name).mean for dataset in table("table2").datasets) == pytest.approx(total)


@pytest.mark.parametrize(
    ("part", "name", "total"),
    [("antmaze", "true", 378.0), ("antmaze", "otr", 384.0), ("human", "true", 75.7), ("human", "otr", 74.6)],
)
def test_sparse_sets_add_up(part, name, total):
    datasets = [dataset for dataset in table("table1").datasets if part in dataset]
    assert sum(published(dataset, name).mean for dataset in datasets) == pytest.approx(total)


def test_what_no_source_gives_is_left_out():
    assert published("halfcheetah-medium", "clue") is None
    assert published("ant-medium", "otr") is None


def test_a_method_may_name_its_trajectories():
    assert method("otr-5") == Method("otr", trajectories=5)
    assert method("clue-uncalibrated-10") == Method(calibration=0.0, trajectories=10)
    for unknown in ("otr-0", "otr-", "dice", "5"):
        with pytest.raises(SkillsError, match="Unknown method") as caught:
            method(unknown)
        assert caught.value.exit_code == USAGE
    with pytest.raises(SkillsError, match="table9") as caught:
        table("table9")
    assert "table5" in caught.value.hint
