"""One request, from the call to the bytes on the wire, and back.

Credentials, sessions, tries and answers belong here. `wire` and `file_host` alone know the HTTP
library, and are imported when a session opens. Not here: anything about records or lists.
"""

from cliniko_async._http.account import Credentials, Secret, check_user_agent
from cliniko_async._http.request import Budget, Options, Request
from cliniko_async._http.retries import Repeat
from cliniko_async._http.session import Session
from cliniko_async._http.traffic import Traffic, Wait
from cliniko_async._http.view import View

__all__ = [
    "Budget",
    "Credentials",
    "Options",
    "Repeat",
    "Request",
    "Secret",
    "Session",
    "Traffic",
    "View",
    "Wait",
    "check_user_agent",
]
