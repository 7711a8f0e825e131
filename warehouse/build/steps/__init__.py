"""Steps: what is easier said in numpy than in SQL. A model's header names its step; rows in, rows out."""

from collections.abc import Callable, Mapping

import pyarrow as pa

from warehouse.build.steps.levels import fold_levels
from warehouse.build.steps.tempo import keep_beat

Step = Callable[[pa.Table], pa.Table]

STEPS: Mapping[str, Step] = {
    "keep_beat": keep_beat,
    "levels": fold_levels,
}
