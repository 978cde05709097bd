"""The Cliniko API in memory: a server for tests, demos and benchmarks."""
