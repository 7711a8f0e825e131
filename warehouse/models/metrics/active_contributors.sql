/*
id: P1
title: Contributors
chapter: participation
version: 2
summary: Distinct people who contributed in the 91 days before the evaluation.
grain: [community, window_end]
unit: people
direction: neither
needs: [contributions]
minimum: none
reads: [core.quarters]
reference: CHAOSS, metric Contributors.
reading: Size, not health. Read it beside new contributors and retention.
sentences:
  up: More people contribute
  down: Fewer people contribute
  phrase: "{value} people contributed"
  ask: "What changed for those who come, and for those who stay away?"
measure: {value: active_contributors, kind: people, counts: people, weeks: window_weeks}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  window_weeks: weeks in the window, 13 at every evaluation
  active_contributors: distinct people with at least one contribution that stands in the fixed window
  previous_contributors: the same for the 91 days before
caveats:
  - One person with two accounts that nobody has linked counts twice.
  - A campaign that brings people once raises it for 91 days.
*/
select
    community,
    window_end,
    window_weeks,
    contributors as active_contributors,
    previous_contributors
from core.quarters
