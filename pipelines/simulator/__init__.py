"""Simulator: invented communities on invented platforms, sent through the real sources, with a known ground truth.

Test equipment for the demo, the tests, and the load and fault trials. A seed, a calendar and a number of members determine
the people (`population`), what they do in each week (`behaviour`, `meetings`, `wiki`, `background`; in order: `scenario`), the
payloads of their platforms (`formats`), which of them are in exports (`exports`), and what an analysis should find later
(`ground_truth`, compared by `scoring`). `delivery` sends the rest to the gateway. Nothing here uses the code that understands
events: the ground truth is not computed by what it tests.
"""
