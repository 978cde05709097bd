-- Hours by week, business and practitioner: those that are set at present, and those that are booked.
WITH hours AS (
    SELECT
        d.practitioner_id,
        d.business_id,
        sum(
            EXTRACT(epoch FROM CAST((d.availabilities -> n.number) ->> 'ends_at' AS time))
            - EXTRACT(epoch FROM CAST((d.availabilities -> n.number) ->> 'starts_at' AS time))
        ) / 3600 AS hours
    FROM {daily_availabilities} d
    -- A day has a few spans: those behind the last one are null.
    CROSS JOIN (VALUES (0), (1), (2), (3), (4), (5), (6), (7)) n(number)
    GROUP BY d.practitioner_id, d.business_id
),
weeks AS (
    SELECT DISTINCT week FROM {appointments}
),
taken AS (
    -- A group counts once, as long as somebody has not cancelled.
    SELECT DISTINCT week, business_id, practitioner_id, kind, id, minutes
    FROM {appointments}
    WHERE outcome IS NULL OR outcome NOT IN ('late', 'cancelled')
),
booked AS (
    SELECT
        week,
        business_id,
        practitioner_id,
        sum(CASE WHEN kind <> 'unavailable' THEN minutes ELSE 0 END) / 60.0 AS booked,
        sum(CASE WHEN kind = 'unavailable' THEN minutes ELSE 0 END) / 60.0 AS blocked
    FROM taken
    GROUP BY week, business_id, practitioner_id
)
SELECT
    weeks.week,
    hours.business_id,
    COALESCE(b.display_name, b.business_name) AS business,
    hours.practitioner_id,
    COALESCE(w.display_name, w.label, concat_ws(' ', w.first_name, w.last_name)) AS practitioner,
    CAST(hours.hours AS numeric(18, 2)) AS hours,
    CAST(COALESCE(booked.booked, 0) AS numeric(18, 2)) AS booked,
    CAST(COALESCE(booked.blocked, 0) AS numeric(18, 2)) AS blocked
FROM weeks
CROSS JOIN hours
LEFT JOIN booked ON
    booked.week = weeks.week
    AND booked.business_id = hours.business_id
    AND booked.practitioner_id = hours.practitioner_id
LEFT JOIN {practitioners} w ON w.id = hours.practitioner_id
LEFT JOIN {businesses} b ON b.id = hours.business_id
