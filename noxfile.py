"""The project's commands: `python -m nox -s tests`, and so on."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests", "lint", "types"]
nox.options.reuse_existing_virtualenvs = True

PROJECT = nox.project.load_toml("pyproject.toml")
EXTRAS = ".[all]"
PARALLEL = ("-n", "auto", "--dist", "worksteal")


DEMO = (
    "patients",
    "practitioners",
    "businesses",
    "appointment_types",
    "individual_appointments",
    "group_appointments",
    "attendees",
    "invoices",
    "invoice_items",
    "taxes",
)


def group(name: str) -> list[str]:
    return list(nox.project.dependency_groups(PROJECT, name))


TESTED = group("tests") + group("examples") + group("docs")
"""What tests need: they run the examples and look at the documentation's site, too."""


def readme_example() -> str:
    """The README's first program."""
    return Path("README.md").read_text(encoding="utf-8").split("```python\n")[1].split("```")[0]


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests: nothing but loopback is talked to."""
    session.install("-e", EXTRAS, *TESTED)
    session.run("pytest", *PARALLEL, *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """Run the tests that need no processes of their own and no long runs."""
    session.install("-e", EXTRAS, *TESTED)
    session.run("pytest", *PARALLEL, "-m", "not slow", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests and say which lines of the package none of them reaches."""
    session.install("-e", EXTRAS, *TESTED, "pytest-cov>=6")
    # Loaded as a plug-in, the package would be imported before anything is counted.
    session.run(
        "pytest",
        *PARALLEL,
        *("-p", "no:cliniko_async"),
        *("--cov=cliniko_async", "--cov-branch", "--cov-report=term:skip-covered"),
        *session.posargs,
    )


@nox.session(python=["3.11", "3.12", "3.13", "3.14"])
def versions(session: nox.Session) -> None:
    """Run the tests on every Python that is supported and installed."""
    session.install("-e", EXTRAS, *TESTED)
    session.run("pytest", *PARALLEL, *session.posargs)


@nox.session
def lowest(session: nox.Session) -> None:
    """Run the tests with the lowest versions of all dependencies."""
    wanted = list(PROJECT["project"]["dependencies"])
    for extra, requirements in PROJECT["project"]["optional-dependencies"].items():
        wanted += requirements if extra != "all" else ()
    pins = [requirement.replace(">=", "==") for requirement in wanted]
    # The lowest pyarrow was built for numpy 1, and the lowest dlt leaves event loops to collect.
    session.install("-e", ".", *pins, "numpy<2", *TESTED)
    session.run(
        "pytest",
        *PARALLEL,
        *("-W", "ignore::pytest.PytestUnraisableExceptionWarning"),
        *session.posargs,
    )


@nox.session
def newest(session: nox.Session) -> None:
    """Run the tests with the newest releases of all dependencies, theirs included."""
    newest = ("--upgrade", "--upgrade-strategy", "eager")
    session.install(*newest, "-e", EXTRAS, *TESTED)
    session.run("pip", "list", "--not-required")
    session.run("pytest", *PARALLEL, *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Look for mistakes and for what the formatter would change."""
    session.install(*group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Check all types with two checkers, and that no public one is left open."""
    # Not "-e": a checker that verifies public types finds no package behind an editable install.
    session.install(EXTRAS, *TESTED, *group("types"))
    session.run("mypy")
    session.run("pyright")
    example = Path(session.create_tmp()) / "readme_example.py"
    example.write_text(readme_example(), encoding="utf-8")
    session.run("mypy", "--strict", str(example))
    session.run("pyright", "--level", "error", str(example))
    session.run("pyright", "--verifytypes", "cliniko_async", "--ignoreexternal")


@nox.session
def demo(session: nox.Session) -> None:
    """Export a made-up clinic of about 12,000 records from the embedded emulator."""
    session.install(".[cli,emulator]")
    with tempfile.TemporaryDirectory() as folder:
        arguments = session.posargs or [*DEMO, "--to", str(Path(folder) / "clinic")]
        session.run("cliniko", "export", "--emulator", *arguments)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation as a site, in `site/`; a link that leads nowhere is an error."""
    session.install("-e", EXTRAS, *group("docs"))
    folder = Path(session.create_tmp()) / "docs"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "scripts/site_pages.py", str(folder))
    with session.chdir(folder):
        session.run("zensical", "build", "--clean", "--strict")
    shutil.rmtree("site", ignore_errors=True)
    shutil.copytree(folder / "site", "site")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure what the README claims, as ratios in one run."""
    session.install("-e", EXTRAS, *group("bench"))
    for program in sorted(Path("benchmarks").glob("[!_]*.py")):
        if program.stem != "soak":
            session.run("python", str(program), *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Run an hour of virtual time with a thousand tasks, or `-- --real 10`, and look for drift."""
    session.install("-e", EXTRAS)
    session.run("python", "benchmarks/soak.py", *session.posargs)


@nox.session
def dist(session: nox.Session) -> None:
    """Build wheel and sdist, and try each in an empty environment."""
    session.install(".[emulator]", "build", "twine")
    folder = Path(session.create_tmp()) / "dist"
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(folder))
    for file in sorted(folder.iterdir()):
        session.run("twine", "check", "--strict", str(file))
        session.run("python", "scripts/try_distribution.py", str(file))


@nox.session
def spec(session: nox.Session) -> None:
    """Compare the facts that the package was built on with a copy of the vendor's document.

    Usage: python -m nox -s spec -- openapi.yaml
    """
    session.install("-e", ".", "pyyaml")
    session.run("python", "scripts/compare_facts.py", *session.posargs)
