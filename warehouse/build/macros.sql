-- Macros that every model may call; macros.py adds those of the kinds of verbs. A week is the number of its Monday, counted from Monday 1969-12-29.
create macro week_of(moment) as cast(floor((epoch(moment) / 86400 + 3) / 7) as integer); -- not //, which only divides where a side is a double
create macro monday(week) as make_timestamp((cast(week as bigint) * 7 - 3) * 86400000000);

-- An id of another workspace (`platform:tenant:…`) as that of the home of its space; `home` is absent for a space that is at home.
create macro at_home(id, platform, tenant, home) as
    if(home is not null and starts_with(id, concat(platform, ':', tenant, ':')), concat(platform, ':', home, substr(id, length(platform) + length(tenant) + 2)), id);

-- The page that comes to a title after a move away from it.
create macro page_after(name, event_id) as concat(name, '~', regexp_extract(event_id, '[^:]+$'));

-- Wilson's 95 % interval of k out of n.
create macro wilson_low(k, n) as case when n > 0 then greatest(0.0, (k / n + 1.9207294103 / n - 1.9599639845 * sqrt((k / n * (1 - k / n) + 0.9603647052 / n) / n)) / (1 + 3.8414588207 / n)) end;
create macro wilson_high(k, n) as case when n > 0 then least(1.0, (k / n + 1.9207294103 / n + 1.9599639845 * sqrt((k / n * (1 - k / n) + 0.9603647052 / n) / n)) / (1 + 3.8414588207 / n)) end;

-- Threads of one person are not independent. With n threads of m people, k of them answered, and the sums of n², n⁴, k·n and k²
-- over the people: how many independent threads say as much. The variance is that between people (linearised), with one imagined
-- person added on each side, as heavy as the usual thread's own opener, so that few people who agree by chance prove little;
-- Student's t replaces the normal quantile, with as many degrees of freedom as
-- the people who open most leave to the variance (Satterthwaite). `make coverage` prints how often the interval that follows holds the truth, and the
-- percentile bootstrap beside it. warehouse.intervals is the same in Python.
create macro usual_weight(n, nn) as nn / n;
create macro smoothed_share(n, k, nn) as (k + usual_weight(n, nn)) / (n + 2 * usual_weight(n, nn));
create macro share_variance(n, k, m, nn, kn, kk) as (
    kk - 2 * smoothed_share(n, k, nn) * kn + pow(smoothed_share(n, k, nn), 2) * nn
    + pow(usual_weight(n, nn), 2) * (pow(1 - smoothed_share(n, k, nn), 2) + pow(smoothed_share(n, k, nn), 2))
) * (m + 2) / (m + 1) / pow(n + 2 * usual_weight(n, nn), 2);
create macro design_effect(n, k, m, nn, kn, kk) as greatest(1.0,
    share_variance(n, k, m, nn, kn, kk) * (n + 2 * usual_weight(n, nn)) / (smoothed_share(n, k, nn) * (1 - smoothed_share(n, k, nn))));
-- Student's t over the normal quantile of 97.5 %, by Cornish and Fisher.
create macro t_over_z(df) as 1 + 1.2103647051 / df + 1.4400767758 / (df * df);
create macro independent_of(n, k, m, nn, nnnn, kn, kk) as case when n > 0 then
    greatest(1.0, n / design_effect(n, k, m, nn, kn, kk) / pow(t_over_z(greatest(2.0, nn * nn / nnnn)), 2)) end;
-- An aggregate over the people who opened threads: how many each opened, and how many of them were answered.
create macro independent_threads(threads, answered) as independent_of(
    sum(threads), sum(answered), count(*), sum(threads * threads), sum(pow(threads, 4)), sum(answered * threads), sum(answered * answered));

-- The 95 % score interval of the mean of a Poisson number n.
create macro poisson_low(n) as n + 1.9207294103 - 1.9599639845 * sqrt(n + 0.9603647052);
create macro poisson_high(n) as n + 1.9207294103 + 1.9599639845 * sqrt(n + 0.9603647052);

-- The 95 % interval of how a group changed, of `before` people of whom some went out and to whom some came. Those who came are a
-- Poisson number, those who went out a share of those who could; MOVER (Zou and Donner 2008) joins their score intervals. No more
-- can go out than were in. over_mean is such a change over the mean of the group before and after; it grows with the change.
create macro change_low(came, went, before) as greatest(-before,
    came - went - sqrt(pow(came - poisson_low(came), 2) + pow(before * coalesce(wilson_high(went, before), 0) - went, 2)));
create macro change_high(came, went, before) as
    came - went + sqrt(pow(poisson_high(came) - came, 2) + pow(went - before * coalesce(wilson_low(went, before), 0), 2));
create macro over_mean(change, before) as 2 * change / (2 * before + change);

-- The smallest whole number that is at least this share of n; the margin is for shares such as 2/3, which no double holds exactly.
create macro at_least(share, n) as cast(ceil(share * n - 1e-9) as integer);

-- How often two people with a and b of the n messages of a day alternate (A, B, A or B, A, B) where the order is by chance.
create macro expected_turns(a, b, n) as a * (a - 1) * b / (n * (n - b)) + b * (b - 1) * a / (n * (n - a));
create macro millionths(x) as cast(round(1e6 * x) as bigint);

-- Beats of a window as bits; the latest beat is the lowest bit.
create macro beat_bit(beat) as cast(1 << beat as bigint);
create macro count_beats(bits) as cast(bit_count(bits) as integer);
-- Four kinds of sign in four fields of 16 bits. Times the bit of a beat, and joined by bit_or over a window, each field holds the beats of its kind.
create macro pack_signs(active, contributed, present, hosted) as
    cast(active as bigint) + (cast(contributed as bigint) << 16) + (cast(present as bigint) << 32) + (cast(hosted as bigint) << 48);
create macro active_beats(packed) as packed & 65535;
create macro contributed_beats(packed) as (packed >> 16) & 65535;
create macro present_beats(packed) as (packed >> 32) & 65535;
create macro hosted_beats(packed) as (packed >> 48) & 65535;

-- `e` is a row of levels.evaluations. The sentence is made where somebody reads it: stored for every row it would be most of the file.
create macro level_in_words(e, beat_days) as concat(
    e.reason,
    if(e.misses > 0, concat(' (at ', e.bar_missed, ' in a row the level falls)'), ''),
    '; ',
    case
        when e.weeks_silent is not null then concat('last seen ', e.weeks_silent, if(e.weeks_silent = 1, ' week', ' weeks'), ' before')
        else concat(
            'took part in ', e.beats_active, ' of ', e.beats_alive,
            if(beat_days = 7, ' live week', ' live beat'), if(e.beats_alive = 1, '', 's'), if(beat_days = 7, '', concat(' of ', beat_days, ' days')),
            ' (core asks for ', e.bar_core_beats, ', active for ', e.bar_active_beats, ')',
            if(
                e.ties_seen,
                concat(', mutual ties with ', e.ties, ' (core ', e.bar_core_people, ', active ', e.bar_active_ties, ')'),
                ', ties are not visible in large meetings, so none are asked for'
            ),
            if(
                e.help_seen,
                concat(', helped ', e.helped, ' (core ', e.bar_core_people, ')'),
                ', help is not visible in attendance, so none is asked for'
            ),
            if(e.beats_hosted > 0, concat(', hosted in ', e.beats_hosted, ' of them'), ''), if(e.newcomer, ', newcomer', '')
        )
    end
);
