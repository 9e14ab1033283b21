"""Arrays by what they hold; their shapes stand in the docstrings of what takes and gives them."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Float32s = NDArray[np.float32]
Bools = NDArray[np.bool_]
Ids = NDArray[np.int64]
Places = NDArray[np.intp]  # of rows, columns or pixels
