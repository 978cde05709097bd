-- A row for each patient in each appointment, and one for each time that is blocked.
WITH booked AS (
    SELECT
        a.id,
        'individual' AS kind,
        CAST(NULL AS text) AS attendee_id,
        a.patient_id,
        a.practitioner_id,
        a.business_id,
        a.appointment_type_id,
        a.starts_at,
        a.ends_at,
        a.cancelled_at,
        a.patient_arrived AS arrived,
        a.did_not_arrive
    FROM {individual_appointments} a
    WHERE a.deleted_at IS NULL
    UNION ALL
    SELECT
        g.id,
        'group',
        m.id,
        m.patient_id,
        g.practitioner_id,
        g.business_id,
        g.appointment_type_id,
        g.starts_at,
        g.ends_at,
        m.cancelled_at,
        m.arrived,
        -- Of groups, the API only says who has arrived.
        m.arrived = FALSE AND g.starts_at < now()
    FROM {group_appointments} g
    LEFT JOIN {attendees} m ON m.booking_id = g.id AND m.deleted_at IS NULL
    WHERE g.deleted_at IS NULL
    UNION ALL
    SELECT
        u.id,
        'unavailable',
        NULL,
        NULL,
        u.practitioner_id,
        u.business_id,
        NULL,
        u.starts_at,
        u.ends_at,
        NULL,
        NULL,
        NULL
    FROM {unavailable_blocks} u
    WHERE u.deleted_at IS NULL
),
local AS (
    SELECT
        booked.*,
        COALESCE(b.time_zone_identifier, 'UTC') AS time_zone,
        COALESCE(b.display_name, b.business_name) AS business,
        booked.starts_at AT TIME ZONE COALESCE(b.time_zone_identifier, 'UTC') AS local_start,
        booked.ends_at AT TIME ZONE COALESCE(b.time_zone_identifier, 'UTC') AS local_end
    FROM booked
    LEFT JOIN {businesses} b ON b.id = booked.business_id
)
SELECT
    local.id,
    local.kind,
    local.attendee_id,
    local.starts_at,
    local.ends_at,
    local.local_start,
    local.local_end,
    local.time_zone,
    CAST(local.local_start AS date) AS day,
    CASE CAST(EXTRACT(isodow FROM local.local_start) AS integer)
        WHEN 1 THEN 'Monday'
        WHEN 2 THEN 'Tuesday'
        WHEN 3 THEN 'Wednesday'
        WHEN 4 THEN 'Thursday'
        WHEN 5 THEN 'Friday'
        WHEN 6 THEN 'Saturday'
        ELSE 'Sunday'
    END AS weekday,
    CAST(date_trunc('week', local.local_start) AS date) AS week,
    CAST(date_trunc('month', local.local_start) AS date) AS month,
    CAST(EXTRACT(hour FROM local.local_start) AS integer) AS hour,
    CAST(EXTRACT(epoch FROM local.ends_at - local.starts_at) / 60 AS integer) AS minutes,
    local.business_id,
    local.business,
    local.practitioner_id,
    COALESCE(w.display_name, w.label, concat_ws(' ', w.first_name, w.last_name)) AS practitioner,
    local.appointment_type_id,
    t.name AS appointment_type,
    local.patient_id,
    COALESCE(p.label, concat_ws(' ', p.first_name, p.last_name)) AS patient,
    local.cancelled_at,
    CASE
        WHEN local.kind = 'unavailable' OR local.kind = 'group' AND local.attendee_id IS NULL THEN NULL
        WHEN local.cancelled_at > local.starts_at - INTERVAL '24 hours' THEN 'late'
        WHEN local.cancelled_at IS NOT NULL THEN 'cancelled'
        WHEN local.did_not_arrive THEN 'did not arrive'
        WHEN local.arrived THEN 'kept'
        ELSE 'open'
    END AS outcome
FROM local
LEFT JOIN {practitioners} w ON w.id = local.practitioner_id
LEFT JOIN {appointment_types} t ON t.id = local.appointment_type_id
LEFT JOIN {patients} p ON p.id = local.patient_id
