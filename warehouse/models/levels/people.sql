/*
summary: A number for each member, so that the large joins of levels compare integers.
grain: [person]
materialized: temporary
reads: [core.member_weeks]
columns:
  person: number of the member, different in each build
  community: the community
  member: published pseudonym
*/
select cast(row_number() over () as integer) as person, community, member
from (select distinct community, member from core.member_weeks)
