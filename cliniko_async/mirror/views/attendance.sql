-- What became of appointments, by business, practitioner, month and weekday.
SELECT
    month,
    weekday,
    business_id,
    business,
    practitioner_id,
    practitioner,
    count(*) AS booked,
    count(CASE WHEN outcome = 'kept' THEN 1 END) AS kept,
    count(CASE WHEN outcome = 'late' THEN 1 END) AS cancelled_late,
    count(CASE WHEN outcome = 'cancelled' THEN 1 END) AS cancelled,
    count(CASE WHEN outcome = 'did not arrive' THEN 1 END) AS did_not_arrive,
    count(CASE WHEN outcome = 'open' THEN 1 END) AS still_open
FROM {appointments}
WHERE outcome IS NOT NULL
GROUP BY month, weekday, business_id, business, practitioner_id, practitioner
