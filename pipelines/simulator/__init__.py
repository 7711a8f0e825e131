"""Player: invented communities on invented platforms, played through the real sources, with the truth known beforehand.

Test equipment, used by the demo, the tests and the load and fault trials. From a seed, a calendar and a number of members
follow the people (`people`), the weeks (`calendar`), what they do (`behaviour`, `script`), how their platforms tell it
(`formats`), which part of it is in exports (`exports`), and what anybody should find in it later (`truth`); `play` delivers
it. Nothing here knows how events are understood: what is planted is not computed by what it tests.
"""
