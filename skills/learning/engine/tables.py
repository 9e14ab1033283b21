"""Tables of rows that networks draw from: in memory, or on a disk where that is short.

Letters: N rows, C columns.
"""

import numpy as np
import torch
from torch import Tensor

from skills.memory import spacious


def table_of_ones(rows: int, columns: int) -> Tensor:
    """[N, C] of ones.   Raises: SkillsError (environment) where there is room for it nowhere."""
    return torch.from_numpy(spacious((rows, columns), np.float32, f"A table of {rows:,} rows")).fill_(1.0)
