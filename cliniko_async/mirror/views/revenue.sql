-- A row for each line of an invoice: what was sold by whom, with its tax apart. Credits are negative.
SELECT
    CAST(date_trunc('month', i.issue_date) AS date) AS month,
    i.issue_date,
    i.id AS invoice_id,
    i.number AS invoice_number,
    i.status_description AS status,
    i.business_id,
    COALESCE(b.display_name, b.business_name) AS business,
    i.practitioner_id,
    COALESCE(w.display_name, w.label, concat_ws(' ', w.first_name, w.last_name)) AS practitioner,
    CASE WHEN l.product_id IS NOT NULL THEN 'product' ELSE 'service' END AS sold,
    l.name AS item,
    l.quantity,
    CAST(l.net_price AS numeric(18, 2)) AS net,
    CAST(CAST(l.total_including_tax AS numeric(18, 2)) - l.net_price AS numeric(18, 2)) AS tax,
    CAST(l.total_including_tax AS numeric(18, 2)) AS total
FROM {invoice_items} l
JOIN {invoices} i ON i.id = l.invoice_id
LEFT JOIN {practitioners} w ON w.id = i.practitioner_id
LEFT JOIN {businesses} b ON b.id = i.business_id
WHERE l.deleted_at IS NULL AND l.archived_at IS NULL AND i.deleted_at IS NULL AND i.archived_at IS NULL
