"""An asyncio client for the Cliniko API."""
