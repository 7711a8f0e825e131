"""Macros: the SQL functions that every model may call, and the lengths of beats as a table."""

from collections.abc import Iterator
from pathlib import Path

from events.communities import BEATS_IN_WINDOW
from events.verb import VerbKind, verbs_of


def _verb_macros() -> Iterator[str]:
    """`is_contribution(verb)` and one more for each other kind of verb."""
    for kind in VerbKind:
        verbs = ", ".join(f"'{verb}'" for verb in verbs_of(kind))
        yield f"create macro is_{kind}(verb) as verb in ({verbs});"


MACROS = "\n".join([(Path(__file__).parent / "macros.sql").read_text(encoding="utf-8"), *_verb_macros()])

_LENGTHS = ", ".join(f"({days}, {days // 7}, {beats}, {days // 7 * beats})" for days, beats in BEATS_IN_WINDOW.items())
BEAT_LENGTHS = f"select * from (values {_LENGTHS}) as lengths (beat_days, beat_weeks, n_beats, window_weeks)"
"""One row per length of a beat: days, weeks, beats in a window, weeks in a window."""
