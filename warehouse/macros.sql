-- Macros every model may use: weeks, bars, Wilson's interval. A week is the number of its Monday since Monday 1969-12-29.
create macro week_of(moment) as cast(floor((epoch(moment) / 86400 + 3) / 7) as integer); -- not //, which only divides where a side is a double
create macro monday(week) as make_timestamp((cast(week as bigint) * 7 - 3) * 86400000000);
create macro wilson_low(k, n) as case when n > 0 then greatest(0.0, (k / n + 1.9207294103 / n - 1.9599639845 * sqrt((k / n * (1 - k / n) + 0.9603647052 / n) / n)) / (1 + 3.8414588207 / n)) end;
create macro wilson_high(k, n) as case when n > 0 then least(1.0, (k / n + 1.9207294103 / n + 1.9599639845 * sqrt((k / n * (1 - k / n) + 0.9603647052 / n) / n)) / (1 + 3.8414588207 / n)) end;
create macro is_contribution(verb) as verb in ('post', 'reply', 'create', 'edit', 'upload', 'speak', 'present', 'host', 'resolve');
