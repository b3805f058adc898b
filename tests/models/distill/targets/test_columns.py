from __future__ import annotations

import pytest
import torch

from llmopt.errors import UsageError
from llmopt.models.distill.targets.columns import checked, counter, row_bytes, rows_of_texts
from llmopt.models.distill.values import Column

VECTORS = Column("vectors", "text", 4, "float32")
VALUES, IDS = Column("top_values", "token", 64, "float16"), Column("top_ids", "token", 64, "int32")
COUNTS = Column("top_counts", "text", 1, "int32")
STATES = Column("states", "token", 8, "float16")


def test_sound_columns_are_kept() -> None:
    columns = (VECTORS, VALUES, IDS, COUNTS, STATES)
    assert checked(columns) == columns
    assert [row_bytes(column) for column in columns] == [16, 128, 256, 4, 16]


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ((), "asks the teacher for nothing"),
        ((VECTORS, VECTORS), "two columns 'vectors'"),
        ((Column("../up", "text", 1, "float32"),), "cannot be kept"),
        ((Column("vectors", "text", 0, "float32"),), "cannot be kept"),
        ((Column("vectors", "text", 1, "bfloat16"),), "cannot be kept"),
        ((Column("top_counts", "token", 1, "int32"),), "is to count rows"),
        ((Column("top_counts", "text", 2, "int32"),), "is to count rows"),
        ((Column("top_counts", "text", 1, "float32"),), "is to count rows"),
    ],
)
def test_others_are_refused(columns: tuple[Column, ...], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        checked(columns)


def test_a_column_is_counted_by_the_beginning_of_its_name() -> None:
    columns = (VECTORS, VALUES, IDS, COUNTS, STATES)
    assert [counter(columns, column) for column in columns] == [None, COUNTS, COUNTS, None, None]
    tokens, kept = torch.tensor([5, 7]), {"top_counts": torch.tensor([[0], [2]], dtype=torch.int32)}
    assert [rows_of_texts(columns, each, tokens, kept).tolist() for each in columns] == [
        *([1, 1], [0, 2], [0, 2], [1, 1], [5, 7])
    ]
