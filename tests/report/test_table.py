from decimal import Decimal

from llmopt.report.table import Column, Note, Report, Table

TABLE = Table(
    "t",
    "T",
    (Column("model", "model"), Column("n", "n", "int", optional=True), Column("usd", "cost", "money", unit="USD")),
    (("a", 0, Decimal(1)), ("b", None, Decimal(0))),
    total=("total", 0, Decimal(1)),
    notes=(Note("low", "warning"), Note("fine")),
)


def test_an_optional_column_without_a_figure_is_hidden_from_people() -> None:
    people = TABLE.for_people()
    assert [column.name for column in people.columns] == ["model", "usd"]
    assert people.rows == (("a", Decimal(1)), ("b", Decimal(0)))
    assert people.total == ("total", Decimal(1))


def test_an_optional_column_with_one_figure_stays() -> None:
    table = Table("t", "", TABLE.columns, (("a", 0, None), ("b", 7, None)))
    assert table.for_people() is table


def test_hiding_a_column_needs_no_total() -> None:
    assert Table("t", "", TABLE.columns, (("a", 0, None),)).for_people().total is None


def test_a_column_knows_its_heading_and_side() -> None:
    assert [column.heading for column in TABLE.columns] == ["model", "n", "cost (USD)"]
    assert [column.is_text for column in TABLE.columns] == [True, False, False]


def test_a_report_collects_the_warnings_of_its_tables_and_its_own() -> None:
    report = Report("r", "", (TABLE,), (Note("late", "warning"), Note("info")))
    assert report.warnings == ("low", "late")
