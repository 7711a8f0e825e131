"""Steps: what is easier said in numpy than in SQL. A model's header names its step; rows in, rows out."""

from collections.abc import Callable, Mapping

import pyarrow as pa

Step = Callable[[pa.Table], pa.Table]

STEPS: Mapping[str, Step] = {}
