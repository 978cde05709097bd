-- Invoices that are open. What was paid of them is in no field of the API.
SELECT
    i.id AS invoice_id,
    i.number AS invoice_number,
    i.issue_date,
    CAST(now() AT TIME ZONE COALESCE(b.time_zone_identifier, 'UTC') AS date) - i.issue_date AS days_open,
    i.patient_id,
    COALESCE(p.label, concat_ws(' ', p.first_name, p.last_name)) AS patient,
    i.practitioner_id,
    COALESCE(w.display_name, w.label, concat_ws(' ', w.first_name, w.last_name)) AS practitioner,
    i.business_id,
    COALESCE(b.display_name, b.business_name) AS business,
    CAST(i.net_amount AS numeric(18, 2)) AS net,
    CAST(i.tax_amount AS numeric(18, 2)) AS tax,
    CAST(i.total_amount AS numeric(18, 2)) AS total
FROM {invoices} i
LEFT JOIN {patients} p ON p.id = i.patient_id
LEFT JOIN {practitioners} w ON w.id = i.practitioner_id
LEFT JOIN {businesses} b ON b.id = i.business_id
WHERE i.status = 10 AND i.deleted_at IS NULL AND i.archived_at IS NULL
