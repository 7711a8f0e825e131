"""Level words: the sentences of levels.evaluations, what changed a level and why somebody has it, by their place."""

TIMES = ("one evaluation", *(f"{n} evaluations in a row" for n in ("two", "three", "four", "five", "six", "seven", "eight")))

CHANGES = (
    "first seen",
    "seen again",
    "left",
    "too few live beats in the window",
    "silent for a whole window",
    "silent for longer than a year or two windows",
    "at once, as between all levels up to occasional",
    "met the bars; occasional until that is confirmed",
    *(f"met the bars at {times}" for times in TIMES),
    *(f"below the bars to stay at {times}" for times in TIMES),
)

BELOW = ("below the bars to enter, above those to stay", *(f"below the bars to stay at {times}" for times in TIMES))
REASONS = (
    "not seen: no sign in the window, and none that was followed by another within a year",
    "insufficient: too few live beats in the window",
    "departed: silent for longer than a year or two windows",
    "departed: left",
    "dormant: silent for a whole window, after coming more than once within a year, or declared",
    "transactional: came, and was not seen again within a window",
    "peripheral: new, for less than a window",
    "occasional: contributed in this window and in another beat of the year, or is declared",
    "occasional: meets the bars of active, to be confirmed at the next evaluation",
    "occasional: meets the bars of core, to be confirmed at the next evaluation",
    "active: meets the bars of active",
    "active: meets the bars of core, to be confirmed at the next evaluation",
    "core: meets the bars of core",
    "held where it was: an announced break",
    "transactional: seen in one beat of the window, and not in the year before",
    "transactional: seen in the window, with nothing that stands",
    "peripheral: a declared member, seen in the window",
    "peripheral: came in more than one beat of the year, and contributed in no two of them",
    "occasional: takes part as regularly as active asks, with fewer ties",
    *(f"active: {below}" for below in BELOW),
    *(f"core: {below}" for below in BELOW),
)
AT = {text: code for code, text in enumerate(REASONS)}
BECAUSE = {
    "once": AT["transactional: seen in one beat of the window, and not in the year before"],
    "nothing": AT["transactional: seen in the window, with nothing that stands"],
    "declared": AT["peripheral: a declared member, seen in the window"],
    "again": AT["peripheral: came in more than one beat of the year, and contributed in no two of them"],
    "regular": AT["occasional: takes part as regularly as active asks, with fewer ties"],
    "new": AT["peripheral: new, for less than a window"],
    "plain": AT["occasional: contributed in this window and in another beat of the year, or is declared"],
}
"""Column `because` of levels.targets -> the place of its reason, for targets up to `occasional`."""
