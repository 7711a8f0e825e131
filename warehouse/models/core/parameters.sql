/*
summary: The thresholds of beats, ties and levels, one column for each. Every other table reads them here.
grain: [community]
reads: []
columns:
  community: the community
  alive_people: people who have to contribute or attend in a beat to make it live
  break_share: share of a beat, or of a window, that an announced break has to exceed to take it out of the count
  beat_alive_share: share of a year's beats that have to be live for a beat of this length to fit the community
  beat_agreeing: evaluations in a row that have to agree on another beat before the beat changes
  long_beat_days: length in days from which a beat is long; a community with a long beat is evaluated once per beat, and moves are confirmed sooner
  year_weeks: weeks in a year of history
  fixed_weeks: weeks of the fixed window, on which everything stands that is compared over time
  lengthen_beats: live beats of a longer length, within the last year, that a beat needs before it becomes longer
  promise_weeks: weeks in all for which a beat has to fit the community before it is the one that its liveness is measured against
  memory_windows: windows for which a sign of a member is remembered, or for a year where that is longer
  level_beats: live beats that a window has to hold before anybody gets a level
  newcomer_days: days for which somebody is a newcomer, or for one window where that is longer
  newcomers_least: newcomers, or threads of newcomers, below which a year is looked at in place of the usual window
  openers_least: people who opened these threads, below which the same holds
  answer_days: days for which an answer is promised where no shorter time is, and looked for after a conversation closed
  topic_days: silent days after which a topic starts again
  facilitator_meetings: meetings hosted in the window that make a facilitator
  core_beats_share: share of the live beats in which a member has to take part to become core
  core_people_share: mutual ties, and people helped, that core asks for, as a share of the contributors
  core_people_least: the least that core asks for of each of them
  core_people_most: the most that core asks for of each of them
  core_hosted_share: share of the live beats in which a member hosts that counts as much as the people helped
  core_stay_beats_share: share of the live beats that keeps a core member in core
  core_stay_people_share: share of the ties and people that core asks for that keeps a core member in core
  active_beats_share: share of the live beats in which a member has to take part to become active
  active_ties: mutual ties that active asks for, or one less than the contributors where that is less
  active_stay_beats_share: share of the live beats that keeps an active member active
  active_stay_ties: mutual ties that keep an active member active
  occasional_beats: beats of the year with a contribution that make somebody occasional
  peripheral_beats: beats of the window with any sign that make somebody peripheral, or one after another within the year
  chat_turns: times that two people have to take turns in chat without threads, within the window, to be in touch
  chance_times: how many times more often than by chance that has to be
  turns_weeks: weeks over which somebody's turns with everybody are set against chance
  unanswered_times: times that others have to come back to somebody in threads by chance before it tells anything that they do not
  meeting_turns: times that two people have to take turns in meetings, within the window, to be in touch
  together_meetings: meetings of the window that two people have to be at together to be in touch, where only attendance is seen
  together_people: people up to whom a meeting, or a page, is small enough to tell of contact
  together_share: share of a meeting for which two people have to be there at the same time
  page_days: days within which editing a page after somebody is an act towards them
  seen_share: share of the participants whose ties, or whose help, have to be visible for a level to ask for them
  met: evaluations in a row at the bars that raise somebody to active or core
  met_long_beat: the same where the beat is long
  missed: evaluations in a row below the bars to stay that lower somebody from active or core
  missed_long_beat: the same where the beat is long
*/
select
    community,
    3 as alive_people,
    1 / 2 as break_share,
    0.8 as beat_alive_share,
    4 as beat_agreeing,
    28 as long_beat_days,
    52 as year_weeks,
    13 as fixed_weeks,
    3 as lengthen_beats,
    26 as promise_weeks,
    2 as memory_windows,
    3 as level_beats,
    28 as newcomer_days,
    20 as newcomers_least,
    5 as openers_least,
    7 as answer_days,
    14 as topic_days,
    2 as facilitator_meetings,
    2 / 3 as core_beats_share,
    1 / 4 as core_people_share,
    2 as core_people_least,
    5 as core_people_most,
    1 / 3 as core_hosted_share,
    1 / 2 as core_stay_beats_share,
    3 / 5 as core_stay_people_share,
    1 / 3 as active_beats_share,
    2 as active_ties,
    1 / 4 as active_stay_beats_share,
    1 as active_stay_ties,
    2 as occasional_beats,
    2 as peripheral_beats,
    3 as chat_turns,
    2 as chance_times,
    13 as turns_weeks,
    3 as unanswered_times,
    1 as meeting_turns,
    3 as together_meetings,
    25 as together_people,
    1 / 2 as together_share,
    28 as page_days,
    1 / 2 as seen_share,
    2 as met,
    1 as met_long_beat,
    4 as missed,
    2 as missed_long_beat
from building
