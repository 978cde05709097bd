-- A row for each patient: the first and the last visit, and how many there were.
SELECT
    p.id AS patient_id,
    COALESCE(p.label, concat_ws(' ', p.first_name, p.last_name)) AS patient,
    p.archived_at IS NOT NULL AS archived,
    min(CASE WHEN a.outcome = 'kept' THEN a.day END) AS first_visit,
    max(CASE WHEN a.outcome = 'kept' THEN a.day END) AS last_visit,
    min(CASE WHEN a.outcome = 'kept' THEN a.month END) AS first_month,
    max(CASE WHEN a.outcome = 'kept' THEN a.month END) AS last_month,
    count(CASE WHEN a.outcome = 'kept' THEN 1 END) AS visits,
    count(CASE WHEN a.outcome = 'did not arrive' THEN 1 END) AS did_not_arrive,
    count(CASE WHEN a.outcome IN ('late', 'cancelled') THEN 1 END) AS cancelled,
    count(CASE WHEN a.outcome = 'open' THEN 1 END) AS still_open,
    max(CASE WHEN a.outcome = 'open' THEN a.day END) AS last_booked
FROM {patients} p
LEFT JOIN {appointments} a ON a.patient_id = p.id
WHERE p.deleted_at IS NULL
GROUP BY p.id, p.label, p.first_name, p.last_name, p.archived_at
