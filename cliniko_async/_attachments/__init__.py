"""Files of patients, on their way to and from the hosts where they lie.

Here belong forms, pieces and tries of transfers. Not here: the requests to the API around them
(`resources/patient_attachments`), or the HTTP library (`_http/file_host`).
"""

from cliniko_async._attachments.transfers import checked_target, fetch, store
from cliniko_async._attachments.upload import OnProgress, Upload

__all__ = ["OnProgress", "Upload", "checked_target", "fetch", "store"]
