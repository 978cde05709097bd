"""`cliniko watch`: nothing is missing, whatever the receiver and the processes do."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import signal
import stat
import subprocess
import sys
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import anyio
import click
import pytest
from commands import AGENT, environment, invoked
from receiver import Receiver, receiving

from cliniko_async.cli import sinks
from cliniko_async.cli.cursor_file import CursorFile
from cliniko_async.emulator import Clinic, Emulator
from cliniko_async.emulator.serve import running

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping
    from pathlib import Path

    from anyio.abc import Process

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PATIENCE = 60
SECRET = "made-up secret"
WATCH = ("watch", "patients", "--every", "1")


@pytest.fixture
def anyio_backend() -> str:
    """The real clock, for real processes."""
    return "asyncio"


@pytest.fixture
def emulator() -> Emulator:
    return Emulator(Clinic.seeded(patients=5, appointments=0), limit=100_000)


@asynccontextmanager
async def watching(base_url: str, *arguments: str, **more: str) -> AsyncGenerator[Process]:
    """A watch in a process of its own, which has ended when the block has."""
    env = {**os.environ, **environment(base_url), "CLINIKO_WATCH_SECRET": SECRET, **more}
    command = [sys.executable, "-m", "cliniko_async", *arguments]
    async with await anyio.open_process(
        command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()


async def until(condition: Callable[[], Any]) -> None:
    with anyio.fail_after(PATIENCE):
        while not condition():  # noqa: ASYNC110 - files and processes have no events
            await asyncio.sleep(0.02)


async def ended(process: Process) -> tuple[int, str, str]:
    """Its status, its output, and what it said beside it."""
    assert process.stdout
    assert process.stderr
    with anyio.fail_after(PATIENCE):
        out = b"".join([part async for part in process.stdout])
        said = b"".join([part async for part in process.stderr])
        return await process.wait(), out.decode(), said.decode()


def new(emulator: Emulator, count: int = 1) -> list[str]:
    create = emulator.clinic.create
    return [create("patients", first_name="Canary", last_name="T")["id"] for _ in range(count)]


def ids(receiver: Receiver) -> list[str]:
    return [change["id"] for change in receiver.taken]


async def test_a_receiver_that_fails_and_kills_lose_nothing(
    emulator: Emulator, tmp_path: Path
) -> None:
    state = tmp_path / "clinic.state"
    async with running(emulator) as base_url, receiving() as receiver:
        arguments = (*WATCH, "--state", str(state), "--post", receiver.url)
        made: list[str] = []
        for turn in range(3):
            async with watching(base_url, *arguments) as process:
                if turn == 0:
                    await until(state.exists)
                else:
                    await until(partial(all_taken, made, receiver))
                receiver.refuses = turn
                made += new(emulator, 4)
                at_least = len(receiver.taken) + 2
                await until(partial(has_taken, receiver, at_least))
                process.kill()
            made += new(emulator, 2)  # while nobody watches
        async with watching(base_url, *arguments) as process:
            await until(partial(all_taken, made, receiver))
            process.send_signal(signal.SIGTERM)
            status, out, said = await ended(process)
    assert (status, out, said) == (0, "", "")
    assert set(ids(receiver)) == set(made)
    # A kill between the post and the cursor tells one change again, with the same version.
    assert len(ids(receiver)) <= len(made) + 3
    assert len({change["version"] for change in receiver.taken}) == len(made)
    assert b"Canary" not in b"".join(receiver.bodies) + state.read_bytes()
    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    for headers, change in zip(receiver.headers, receiver.taken, strict=True):
        assert_signed(headers, json.dumps(change, separators=(",", ":")).encode())


def has_taken(receiver: Receiver, at_least: int) -> bool:
    return len(receiver.taken) >= at_least


def all_taken(made: list[str], receiver: Receiver) -> bool:
    return set(made) <= set(ids(receiver))


def assert_signed(headers: Mapping[str, str], body: bytes) -> None:
    """As a receiver checks it."""
    parts = dict(part.split("=") for part in headers["cliniko-watch-signature"].split(","))
    signed = f"{parts['t']}.".encode() + body
    assert parts["v1"] == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()


async def test_a_refusal_is_told_without_url_or_values(emulator: Emulator, tmp_path: Path) -> None:
    state = tmp_path / "clinic.state"
    async with running(emulator) as base_url, receiving() as receiver:
        arguments = (*WATCH, "--records", "--state", str(state), "--post", receiver.url)
        async with watching(base_url, *arguments) as process:
            await until(state.exists)
            receiver.refuses = 1
            made = new(emulator, 2)
            await until(lambda: len(receiver.taken) == 2)
            process.send_signal(signal.SIGINT)
            status, _, said = await ended(process)
    assert status == 130
    assert said.startswith("the receiver answered 503; again in 1 s\nStopped.\nRun the same")
    assert "Canary" not in said
    assert {change["record"]["first_name"] for change in receiver.taken} == {"Canary"}
    assert sorted(ids(receiver)) == sorted(made)
    assert len(receiver.bodies) == 3
    assert receiver.bodies[0] == receiver.bodies[1]  # those behind it waited


async def test_a_command_takes_each_change_on_its_stdin(emulator: Emulator, tmp_path: Path) -> None:
    state, taken, failed = (tmp_path / name for name in ("clinic.state", "taken", "failed"))
    script = tmp_path / "take.py"
    script.write_text(
        "import pathlib, sys\n"
        f"failed = pathlib.Path({str(failed)!r})\n"
        "if not failed.exists():\n    failed.touch(); sys.exit(3)\n"
        f"with open({str(taken)!r}, 'a') as file: file.write(sys.stdin.read())\n"
    )
    async with running(emulator) as base_url:
        command = f"{sys.executable} {script}"
        arguments = (*WATCH, "--state", str(state), "--exec", command)
        async with watching(base_url, *arguments) as process:
            await until(state.exists)
            made = new(emulator, 3)
            await until(lambda: taken.exists() and taken.read_text().count("\n") == 3)
            process.send_signal(signal.SIGTERM)
            status, _, said = await ended(process)
    assert (status, said) == (0, "the command ended with 3; again in 1 s\n")
    told = [json.loads(line) for line in taken.read_text().splitlines()]
    assert sorted(change["id"] for change in told) == sorted(made)


async def test_lines_are_json_and_one_process_has_the_state(
    emulator: Emulator, tmp_path: Path
) -> None:
    state = tmp_path / "clinic.state"
    arguments = (*WATCH, "--state", str(state))
    async with running(emulator) as base_url, watching(base_url, *arguments) as process:
        await until(state.exists)
        other = await invoked(emulator, *arguments)
        (made,) = new(emulator)
        assert process.stdout
        with anyio.fail_after(PATIENCE):
            line = await process.stdout.receive()
    assert other.exit_code == 1
    assert "another process watches" in other.output
    told = json.loads(line)
    assert told.pop("version")
    assert told == {"resource": "patients", "kind": "created", "id": made, "fields": None}


async def test_the_state_of_another_clinic_is_refused_and_stays_as_it_was(
    emulator: Emulator, tmp_path: Path
) -> None:
    state = tmp_path / "clinic.state"
    arguments = (*WATCH, "--state", str(state))
    async with running(emulator) as base_url, watching(base_url, *arguments):
        await until(state.exists)
    before = state.read_bytes()
    elsewhere = Emulator(Clinic.seeded(patients=1, appointments=0), limit=100_000)
    other = await invoked(elsewhere, *arguments, env={"CLINIKO_API_KEY": "MS0xOTHER-au1"})
    assert other.exit_code == 1
    assert "key of another account" in other.output
    assert state.read_bytes() == before


@pytest.mark.skipif(sys.platform != "linux", reason="its folder for configuration is set")
async def test_all_profiles_are_watched_and_one_that_fails_stops_no_other(tmp_path: Path) -> None:
    keys = {"MS0xNORTH-au1": "north", "MS0xSOUTH-au1": "south"}
    emulator = Emulator(Clinic.seeded(patients=3, appointments=0), limit=100_000, keys=keys)
    states, file = tmp_path / "states", tmp_path / "cliniko" / "profiles.toml"
    async with running(emulator) as base_url:
        write_profiles(file, base_url, "north", "south", "west")
        more = {name.upper(): f"MS0x{name.upper()}-au1" for name in ("north", "south", "west")}
        arguments = (*WATCH, "--all-profiles", "--state", str(states))
        async with watching(base_url, *arguments, XDG_CONFIG_HOME=str(tmp_path), **more) as process:
            await until(lambda: len(list(states.glob("*.state"))) == 2)
            (made,) = new(emulator)
            assert process.stdout
            lines = ""
            with anyio.fail_after(PATIENCE):
                while lines.count("\n") < 2:
                    lines += (await process.stdout.receive()).decode()
            process.send_signal(signal.SIGTERM)
            status, out, said = await ended(process)
    told = {json.loads(line)["clinic"]: json.loads(line)["id"] for line in lines.splitlines()}
    assert told == {"north": made, "south": made}
    assert out == "north  1 change\nsouth  1 change\n"
    assert said.startswith("west: 401 for GET /settings/public")
    assert "MS0x" not in said
    assert status == 1


def write_profiles(file: Path, base_url: str, *names: str) -> None:
    file.parent.mkdir()
    file.write_text(
        "".join(
            f'[{name}]\nkey = "env:{name.upper()}"\nbase_url = "{base_url}"\n'
            f'user_agent = "{AGENT}"\nlimiter = "process"\n'
            for name in names
        )
    )
    file.chmod(0o600)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--post", "http://example.com/x"], "https"),
        (["--post", "https://"], "HOST"),
        (["--post", "http://127.0.0.1:99999/"], "HOST"),
        (["--post", "https://example.com/x"], "CLINIKO_WATCH_SECRET"),
        (["--exec", "no-such-program-there"], "no such program"),
        (["--exec", "a 'b"], "quotation"),
        (["--exec", "true", "--post", "https://example.com"], "together"),
        (["--every", "0"], "every"),
        (["--exec", "true", "--timeout", "0"], "timeout"),
        (["--timeout", "5"], "--timeout goes with"),
    ],
)
async def test_bad_options_are_refused_before_a_request(
    arguments: list[str], said: str, emulator: Emulator, tmp_path: Path
) -> None:
    state = tmp_path / "clinic.state"
    run = await invoked(
        emulator,
        *("watch", "patients", "--state", str(state)),
        *arguments,
        env={"CLINIKO_WATCH_SECRET": None},
    )
    assert run.exit_code == 2
    assert said in run.output
    assert emulator.report.requests == 0
    assert not state.exists()


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_cursor_is_replaced_whole(tmp_path: Path) -> None:
    with CursorFile.locked(tmp_path / "a" / "state") as file:
        assert file.read() is None
        for cursor in ("one" * 1000, "two"):
            file.write(cursor)
            assert file.read() == cursor
        (tmp_path / "a" / ".state.new").mkdir()
        with pytest.raises(click.ClickException, match="cannot be written"):
            file.write("three")
        assert file.read() == "two"
        (tmp_path / "a" / ".state.new").rmdir()
    assert sorted(path.name for path in (tmp_path / "a").iterdir() if "lock" not in path.name) == [
        "state"
    ]


def test_behind_a_link_the_file_itself_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    link, target = tmp_path / "state", tmp_path / "volume" / "clinic.state"
    link.symlink_to(target)
    with CursorFile.locked(link) as file:
        assert file.read() is None
        file.write("one")
    assert link.is_symlink()
    assert target.read_text() == "one\n"
    with (
        CursorFile.locked(target),
        pytest.raises(click.ClickException, match="another process"),
        CursorFile.locked(link),
    ):
        pass


@pytest.mark.parametrize("content", ["", "\n", "nonsense\n"])
async def test_a_state_that_says_nothing_is_refused_by_its_name(
    content: str, emulator: Emulator, tmp_path: Path
) -> None:
    state = tmp_path / "clinic.state"
    state.write_text(content)
    run = await invoked(emulator, "watch", "patients", "--state", str(state))
    assert run.exit_code == 1
    assert f"{state} is " in run.output
    assert "delete it to begin now" in run.output
    assert state.read_text() == content
    assert emulator.report.requests == 0


@pytest.fixture
def stubborn(tmp_path: Path) -> tuple[str, int]:
    """A command that hangs with a child, both deaf to SIGTERM, and a pipe that both hold open."""
    pipe, script = tmp_path / "pipe", tmp_path / "hang.sh"
    os.mkfifo(pipe)
    script.write_text(f"trap '' TERM\nexec 3>{pipe}\necho up >&3\nsleep 100000 &\nsleep 100000\n")
    return f"sh {script}", os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="groups of processes are POSIX's")
async def test_a_command_that_hangs_is_ended_with_its_children(
    stubborn: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sinks, "TO_CLEAN_UP", 0.1)
    command, pipe = stubborn
    with anyio.fail_after(PATIENCE):
        wrong = await sinks.checked_command(command, 5.0)(b"{}\n")
    assert wrong == "the command did not end within 5 s, and was ended"
    assert read(pipe) == b"up\n"
    await until(lambda: read(pipe) == b"")  # when nobody has it open any more


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="groups of processes are POSIX's")
async def test_a_command_that_hangs_does_not_keep_a_watch_from_ending(
    stubborn: tuple[str, int], emulator: Emulator, tmp_path: Path
) -> None:
    command, pipe = stubborn
    state = tmp_path / "clinic.state"
    arguments = (*WATCH, "--state", str(state), "--exec", command)
    async with running(emulator) as base_url, watching(base_url, *arguments) as process:
        await until(state.exists)
        new(emulator)
        await until(lambda: read(pipe) == b"up\n")
        process.send_signal(signal.SIGTERM)
        status, _, said = await ended(process)
    assert (status, said) == (0, "")
    await until(lambda: read(pipe) == b"")


def read(pipe: int) -> bytes | None:
    """What is in a pipe: nothing at its end, and None while somebody may still write to it."""
    try:
        return os.read(pipe, 10)
    except BlockingIOError:
        return None


async def test_a_command_need_not_read_what_it_is_told() -> None:
    with anyio.fail_after(PATIENCE):
        assert await sinks.checked_command("true")(b"x" * 5_000_000) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="a pipe stands for a device")
@pytest.mark.parametrize("kind", ["pipe", "folder"])
async def test_a_state_that_is_no_file_is_refused_before_a_request_and_stays(
    kind: str, emulator: Emulator, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    if kind == "pipe":
        os.mkfifo(state)
    else:
        state.mkdir()
    before = state.stat()
    run = await invoked(emulator, "watch", "patients", "--state", str(state))
    assert run.exit_code == 1
    assert "is not a file" in run.output
    assert (state.stat().st_ino, state.stat().st_mode) == (before.st_ino, before.st_mode)
    assert names_in(tmp_path) == ["state"]
    assert emulator.report.requests == 0
