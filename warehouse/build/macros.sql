-- Macros every model may use: weeks, bars, Wilson's interval, a level in words. A week is the number of its Monday since Monday 1969-12-29.
create macro week_of(moment) as cast(floor((epoch(moment) / 86400 + 3) / 7) as integer); -- not //, which only divides where a side is a double
create macro monday(week) as make_timestamp((cast(week as bigint) * 7 - 3) * 86400000000);
create macro wilson_low(k, n) as case when n > 0 then greatest(0.0, (k / n + 1.9207294103 / n - 1.9599639845 * sqrt((k / n * (1 - k / n) + 0.9603647052 / n) / n)) / (1 + 3.8414588207 / n)) end;
create macro wilson_high(k, n) as case when n > 0 then least(1.0, (k / n + 1.9207294103 / n + 1.9599639845 * sqrt((k / n * (1 - k / n) + 0.9603647052 / n) / n)) / (1 + 3.8414588207 / n)) end;
-- `e` is a row of levels.evaluations. Most are never read by anybody, so the sentence is made where one is, not kept for all.
create macro level_in_words(e, beat_days) as concat(e.reason, '; ', case
    when e.weeks_silent is not null then concat('last seen ', e.weeks_silent, if(e.weeks_silent = 1, ' week', ' weeks'), ' before')
    else concat(
        'took part in ', e.beats_active, ' of ', e.beats_alive, if(beat_days = 7, ' live weeks', concat(' live beats of ', beat_days, ' days')),
        ' (core asks for ', (2 * e.beats_alive + 2) // 3, ', active for ', (e.beats_alive + 2) // 3, '), mutual ties with ', e.ties,
        ' (core ', e.bar, ', active ', e.bar_active, '), helped ', e.helped, ' (core ', e.bar,
        if(e.beats_hosted > 0, concat('; hosted in ', e.beats_hosted, ' of them'), ''), if(e.newcomer, '), newcomer', ')')
    )
end);
