"""Pytest fixtures for tests of programs that use `cliniko_async`."""
