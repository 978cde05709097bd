"""The emulator on a port of its own."""

from __future__ import annotations

from click.testing import CliRunner

from cliniko_async.cli import cliniko
from cliniko_async.emulator.serve import listening


def test_a_taken_port_is_told_in_one_sentence() -> None:
    with listening(0) as other:
        port = other.getsockname()[1]
        said = CliRunner().invoke(cliniko, ["emulator", "--port", str(port)])
    assert said.exit_code == 1
    assert said.output.strip() == (
        f"Error: port {port} is taken by another program: name another one, such as "
        f"--port {port + 1}"
    )
