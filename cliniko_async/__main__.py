"""`python -m cliniko_async`: the `cliniko` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the `cliniko` command, which needs the extra `cli`."""
    try:
        from cliniko_async.cli import cliniko  # noqa: PLC0415 - the extra may be missing
    except ModuleNotFoundError as error:
        sys.exit(f'{error.name} is missing: python -m pip install "cliniko-async[cli]"')
    except KeyboardInterrupt:  # before there is a command that could say so
        sys.exit(130)
    cliniko(prog_name="cliniko")


if __name__ == "__main__":
    main()
