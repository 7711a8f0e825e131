/*
id: P1
title: Contributors
chapter: participation
version: 1
summary: Distinct people who contributed in the window.
grain: [community, window_end]
unit: people
direction: neither
needs: [contributions]
minimum: none
reads: [core.windows]
reference: CHAOSS, metric Contributors.
reading: Size, not health. Read it beside new contributors and retention.
measure: {value: active_contributors, kind: people, counts: people}
columns:
  community: the community
  window_end: the evaluation, a Monday 00:00 UTC, exclusive
  active_contributors: distinct people with at least one contribution that stands in the window
  previous_contributors: the same for the window before
caveats:
  - One person with two accounts that nobody has linked counts twice.
  - A campaign that brings people once raises it for a whole window.
*/
select
    community,
    window_end,
    contributors as active_contributors,
    previous_contributors
from core.windows
