"""One credential against a model of it, by any sequence of verbs, with time passing and the wall clock stepping."""

import asyncio
import itertools
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from lingpai.core.clock import End, VirtualClock, end_after
from lingpai.core.keyring import KeyRing
from lingpai.core.records import Credential, Generation, Lease
from lingpai.store.port import Store
from tests.store.conftest import ENGINES
from tests.store.sample import account, fetched, key_of, trouble

SECONDS = st.integers(0, 120)
PICK = st.integers(0, 5)


class CredentialMachine(RuleBasedStateMachine):
    def __init__(self, open_store: Callable[[KeyRing, VirtualClock], Store], runner: asyncio.Runner) -> None:
        super().__init__()
        self.runner = runner
        self.clock = VirtualClock()
        ring = KeyRing.ephemeral()
        self.store = open_store(ring, self.clock)
        self.key = key_of(ring, account())
        self.runner.run(self.store.save_account(account()))
        self.model = Credential(id=0, key=self.key, renew=end_after(self.clock, 0))
        self.leases: list[Lease] = []
        self.held_by = ""
        self.held_until = 0.0

    def teardown(self) -> None:
        self.runner.run(self.store.close())

    def change(self, **columns: object) -> None:
        self.model = msgspec.structs.replace(self.model, **columns)

    @property
    def held(self) -> bool:
        return self.held_by != "" and self.held_until > self.clock.steady()

    def pick(self, number: int) -> tuple[Lease, bool]:
        """Some lease, the newest more often than not, and whether it is the newest."""
        newest = self.leases[-1]
        lease = self.leases[-number - 1] if number < len(self.leases) else newest
        return lease, lease == newest

    @rule(holder=st.sampled_from("ab"), behind=st.integers(0, 1), ttl=st.integers(1, 60))
    def acquire(self, holder: str, behind: int, ttl: int) -> None:
        seen = self.model.version - behind
        lease, credential = self.runner.run(self.store.acquire_lease(self.key, holder, seen, ttl))
        assert credential.version == self.model.version
        free = not self.held or self.held_by == holder
        assert (lease is not None) == (free and behind == 0)
        if lease is not None:
            assert all(lease.fence > earlier.fence for earlier in self.leases)
            self.leases.append(lease)
            self.held_by, self.held_until = holder, self.clock.steady() + ttl

    @precondition(lambda self: self.leases)
    @rule(number=PICK, value=st.sampled_from("xyz"), lifetime=SECONDS, overlap=SECONDS, wait=SECONDS)
    def save(self, number: int, value: str, lifetime: int, overlap: int, wait: int) -> None:
        lease, newest = self.pick(number)
        previous_end, renew = end_after(self.clock, overlap), end_after(self.clock, wait)
        new = fetched(self.clock, value, lifetime)
        kept = self.runner.run(self.store.save_generation(lease, new, previous_end, renew))
        assert (kept is not None) is newest
        if newest:
            self.keep(Generation(version=0, **new._asdict()), previous_end, renew)

    def keep(self, new: Generation, previous_end: End, renew: End) -> None:
        current, previous = self.model.current, self.model.previous
        version = self.model.version
        if current is None or current.value != new.value:
            version += 1
            previous = current and msgspec.structs.replace(
                current, end=min(current.end, previous_end, key=lambda end: end.steady)
            )
        self.change(
            version=version,
            current=msgspec.structs.replace(new, version=version),
            previous=previous,
            suspect=False,
            trouble=None,
            renew=renew,
        )
        self.held_by = ""

    @precondition(lambda self: self.leases)
    @rule(number=PICK, permanent=st.booleans(), wait=st.none() | SECONDS)
    def fail(self, number: int, permanent: bool, wait: int | None) -> None:
        lease, newest = self.pick(number)
        seen = trouble(self.clock, permanent=permanent)
        renew = None if wait is None else end_after(self.clock, wait)
        assert self.runner.run(self.store.save_trouble(lease, seen, renew)) is newest
        if newest:
            self.change(trouble=seen, renew=renew)
            self.held_by = ""

    @precondition(lambda self: self.leases)
    @rule(number=PICK)
    def release(self, number: int) -> None:
        lease, newest = self.pick(number)
        assert self.runner.run(self.store.release_lease(lease)) is newest
        if newest:
            self.held_by = ""

    @rule(behind=st.integers(0, 1))
    def suspect(self, behind: int) -> None:
        version = self.model.version - behind
        marked = self.runner.run(self.store.mark_suspect(self.key, version))
        assert marked == (behind == 0 and version > 0 and not self.model.suspect)
        self.change(suspect=self.model.suspect or marked)

    @rule()
    def forget(self) -> None:
        assert self.runner.run(self.store.forget_trouble(self.key)) == (self.model.trouble is not None)
        self.change(trouble=None)

    @rule(seconds=SECONDS)
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule(seconds=st.integers(-7200, 7200))
    def the_wall_clock_steps(self, seconds: int) -> None:
        self.clock.step(seconds)

    @invariant()
    def is_as_expected(self) -> None:
        read = self.runner.run(self.store.read_credential(self.key))
        assert read is not None
        expected = msgspec.structs.replace(self.model, id=read.id)
        if expected.previous is not None and expected.previous.end.steady <= self.clock.steady():
            expected = msgspec.structs.replace(expected, previous=None)
        assert read == expected
        kept = {each.value for each in (self.model.current, self.model.previous) if each is not None}
        for value in "xyz":
            found = self.runner.run(self.store.find_credential(value))
            assert found == (expected if value in kept else None)

    @invariant()
    def is_due_when_it_should_be(self) -> None:
        renew = self.model.renew
        due = renew is not None and renew.steady <= self.clock.steady() and not self.held
        assert self.runner.run(self.store.due_credentials(5)) == ((self.key,) if due else ())


def test_a_credential_is_what_its_model_is(engine_name: str, tmp_path: Path) -> None:
    homes = (tmp_path / str(number) for number in itertools.count())
    with asyncio.Runner() as runner:

        def open_store(ring: KeyRing, clock: VirtualClock) -> Store:
            return runner.run(ENGINES[engine_name](next(homes), ring, clock))

        run_state_machine_as_test(
            partial(CredentialMachine, open_store, runner),  # type: ignore[arg-type]  # it is only called
            settings=settings(
                max_examples=40,
                stateful_step_count=30,
                deadline=None,
                database=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
