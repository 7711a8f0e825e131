/*
summary: The sizes of groups below which sponsors do not see a value. One row.
grain: []
materialized: temporary
refresh: now
reads: []
columns:
  fewest_people: the smallest number of people, threads or pairs that is shown; also the size of the groups in which they are shown
  fewest_in_a_share: the smallest denominator of a share that is shown
  fine_from: the denominator from which a share of threads or pairs is shown in steps of 1 %
  smallest_community: contributors below which nothing but the rhythm is shown
  small_community: contributors below which no share and no level is shown
  network_community: contributors below which nothing of ties is shown
*/
select
    5 as fewest_people,
    20 as fewest_in_a_share,
    100 as fine_from,
    10 as smallest_community,
    15 as small_community,
    30 as network_community
