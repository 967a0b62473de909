"""The credential service: hands out what is live, and fetches a value once for all who need it.

    get_or_fetch ── live ───────────────────────────────────────────► the stored value
      └─ nothing live ─► fetch_once ─► one task per process ─► lease ─► fetch ─► save under the fence ─► the new value
                                                                └─ another process has it ─► wait for the next version

The lease makes one writer of all processes. Its fence refuses the late write of a process that slept past its lease.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.records import Credential, CredentialKey, Generation, Lease
from lingpai.keeper.app import App
from lingpai.keeper.context import Context, log
from lingpai.keeper.counters import MISSES, hits_of
from lingpai.keeper.failures import error_of, failure_without_token
from lingpai.keeper.fetching import fetch_first
from lingpai.keeper.generations import LEAST_REST, current_of, is_live
from lingpai.keeper.leased_fetch import fetch_of, fetch_under_lease
from lingpai.keeper.outcomes import note, save
from lingpai.keeper.platforms.platform import ACCESS_TOKEN, kind_label
from lingpai.keeper.proofs import Proofs
from lingpai.keeper.single_flight import SingleFlight
from lingpai.keeper.third_parties.providers import provider_of
from lingpai.store.port import LeaseAttempt

SHORT_WAIT = 2.5
"""A caller waits so many seconds for the next attempt, rather than get an error that the attempt would have avoided."""

SUSPECT_WAIT = 2.0
"""Seconds that a caller waits at most for the successor of a value that may be dead; it is fetched all the same."""

POLL = 0.25


class Credentials:
    """Gets, fetches and renews tokens and tickets.

    Args:
        context: the keeper's.
        proofs: checks secrets that nobody configured, before the first fetch.
    """

    def __init__(self, context: Context, proofs: Proofs) -> None:
        self._context = context
        self._proofs = proofs
        self._fetches: SingleFlight[CredentialKey, Credential] = SingleFlight(context.background)
        self._renewals: SingleFlight[CredentialKey, bool] = SingleFlight(context.background)

    async def get_or_fetch(self, app: App, kind: str) -> Credential:
        """Return the credential of this kind with a live current generation: the stored one, or one fetched now.

        Args:
            app: for whom; its caller is allowed.
            kind: "access_token", one of the platform's tickets, or that of a terminal.

        Raises:
            LingpaiError: INVALID_PARAMETER when nothing of this kind can be fetched; UPSTREAM_REFUSED,
                UPSTREAM_UNAVAILABLE or BUDGET_SPENT when nothing is live and nothing can be fetched.
        """
        context = self._context
        credential = await context.store.read_credential(app.key(kind))
        if credential is not None and not credential.suspect and is_live(context, credential.current):
            hits_of(app.platform.name, kind_label(kind)).count += 1
            if not app.configured and self._is_due(credential):
                self.start_renewal(app, kind)
            return credential
        _demand_obtainable(app, kind, credential)
        MISSES.labels(app.platform.name, kind_label(kind)).inc()
        if credential is None or not is_live(context, credential.current):
            return await self.fetch_once(app, kind)
        try:
            async with asyncio.timeout(SUSPECT_WAIT):
                return await self.fetch_once(app, kind)
        except (LingpaiError, TimeoutError) as error:
            # Suspect, but not known to be dead: better than an error. Others may have replaced it, or found it dead.
            credential = await context.store.read_credential(app.key(kind))
            if credential is not None and is_live(context, credential.current):
                return credential
            if isinstance(error, LingpaiError):
                raise
        return await self.fetch_once(app, kind)

    async def fetch_once(self, app: App, kind: str, dead: Generation | None = None) -> Credential:
        """Return a credential newer than the stored one; all callers of this process share one task.

        Args:
            app: for whom.
            kind: as `get_or_fetch`.
            dead: the generation that the upstream no longer accepts, if that is why.

        Raises:
            LingpaiError: as `get_or_fetch`.
        """
        return await self._fetches.run(app.key(kind), lambda: self._fetch(app, kind, dead))

    def start_renewal(self, app: App, kind: str) -> asyncio.Task[bool]:
        """Return the task that renews a credential in the background if it is due; one at a time for each.

        The task does not fail: failures are noted in the store or logged.
        """
        return self._renewals.start(app.key(kind), lambda: self._renew(app, kind))

    def start_renewal_of(
        self, key: CredentialKey, find_app: Callable[[], Awaitable[App | None]]
    ) -> asyncio.Task[bool]:
        """Return the task that renews the credential of this key, as `start_renewal`.

        The task returns False when `find_app` returns None, and raises what `find_app` raises.
        """

        async def find_and_renew() -> bool:
            app = await find_app()
            return app is not None and await self._renew(app, key.kind)

        return self._renewals.start(key, find_and_renew)

    async def _fetch(self, app: App, kind: str, dead: Generation | None) -> Credential:
        context, key = self._context, app.key(kind)
        if kind == ACCESS_TOKEN and not app.configured and (proven := await self._prove(app)):
            return proven
        credential = await context.store.read_credential(key)
        seen = credential.version if credential is not None else 0
        give_up = context.clock.steady() + context.options.patience
        while True:
            if credential is not None:
                if is_live(context, credential.current) and (
                    credential.version > seen or not credential.suspect
                ):
                    return credential
                if await self._wait_for_retry(credential, give_up):
                    credential = await context.store.read_credential(key)
                    continue
            token = await self._token_for(app, kind)
            attempt = await self._acquire_lease(key, seen)
            credential = attempt.credential
            if attempt.lease is not None:
                saved = await self._fetch_leased(app, attempt.lease, credential, token, dead)
                if saved is not None and is_live(context, saved.current):
                    return saved
                if saved is not None:  # it has less than a second left: the next one comes at its end
                    self._demand_patience(give_up)
                    await context.clock.sleep(LEAST_REST)
            elif credential.version > seen and not is_live(context, credential.current):
                seen = credential.version
            else:
                self._demand_patience(give_up)
                await context.store.wait_change(POLL)
            credential = await context.store.read_credential(key)

    async def _prove(self, app: App) -> Credential | None:
        """Prove an unproven secret by its app's first token; None when there is no need.

        Before the lease, which would leave a row for each secret that somebody invents.
        """
        if await self._proofs.is_proven(app):
            return None

        async def fetch_and_save() -> Credential:
            fetched = await fetch_first(self._context, app)
            attempt = await self._acquire_lease(app.key(ACCESS_TOKEN), 0)
            saved = None
            if attempt.lease is not None:
                saved = await save(self._context, app, attempt.lease, attempt.credential, fetched)
            return saved or attempt.credential

        first = await self._proofs.prove_by_token(app, fetch_and_save)
        return first if first is not None and is_live(self._context, first.current) else None

    async def _renew(self, app: App, kind: str) -> bool:
        """Renew a credential that is due, before its end, unless somebody else does or did; True."""
        try:
            await self._renew_due(app, kind)
        except Exception as error:  # noqa: BLE001  the next look for due credentials tries again
            log.warning(
                "renewal_failed", platform=app.platform.name, account=app.account, error=type(error).__name__
            )
        return True

    async def _renew_due(self, app: App, kind: str) -> None:
        context, key = self._context, app.key(kind)
        credential = await context.store.read_credential(key)
        seen = credential.version if credential is not None else 0
        token = failure = None
        try:
            token = await self._token_for(app, kind)
        except LingpaiError as error:
            failure = failure_without_token(error)
        attempt = await self._acquire_lease(key, seen)
        if attempt.lease is None:
            return
        if not self._is_due(attempt.credential):
            # A caller had it renewed, or failed to, since it was found due. Renewing twice would end the value that
            # clients still use: of three tokens only the newest two live.
            await context.store.release_lease(attempt.lease)
            return
        if failure is not None:
            await note(context, app, attempt.lease, attempt.credential, failure)
            return
        with contextlib.suppress(LingpaiError):  # it is noted and logged
            await self._fetch_leased(app, attempt.lease, attempt.credential, token)

    async def _fetch_leased(
        self,
        app: App,
        lease: Lease,
        credential: Credential,
        token: Generation | None,
        dead: Generation | None = None,
    ) -> Credential | None:
        """Fetch under a lease. A shutdown awaits it: only the answer has the token that replaced the old one."""
        fetch = fetch_of(
            self._context,
            app,
            credential.key.kind,
            token,
            lambda old: self._renew_token(app, credential.key.kind, old),
        )
        with self._context.background.uninterrupted():
            return await fetch_under_lease(self._context, app, lease, credential, fetch, dead)

    async def _renew_token(self, app: App, kind: str, dead: Generation) -> Generation:
        holder = await self._token_holder(app, kind) or app
        return current_of(await self.fetch_once(holder, ACCESS_TOKEN, dead))

    async def _token_for(self, app: App, kind: str) -> Generation | None:
        """Return the live access token that a fetch of this kind needs, or None for a kind that needs none."""
        holder = await self._token_holder(app, kind)
        return None if holder is None else current_of(await self.get_or_fetch(holder, ACCESS_TOKEN))

    async def _token_holder(self, app: App, kind: str) -> App | None:
        """Return whose access token a fetch of this kind needs.

        The app's own for a ticket, the third-party platform's for the token of a merchant's account.
        """
        if kind in app.platform.tickets:
            return app
        if kind == ACCESS_TOKEN and app.via is not None:
            return await provider_of(self._context, app.via)
        return None

    async def _acquire_lease(self, key: CredentialKey, seen: int) -> LeaseAttempt:
        context = self._context
        return await context.store.acquire_lease(key, context.lease_holder(), seen, context.options.lease)

    async def _wait_for_retry(self, credential: Credential, give_up: float) -> bool:
        """Wait until a credential that failed may be tried again; False when it may be now.

        Raises:
            LingpaiError: the wait is not short; says why it failed.
        """
        context, trouble = self._context, credential.trouble
        wait = 0.0 if trouble is None else trouble.retry.remaining(context.clock)
        if trouble is None or wait <= 0:
            return False
        if trouble.permanent or wait > SHORT_WAIT or context.clock.steady() + wait > give_up:
            raise error_of(trouble, context.clock)
        await context.clock.sleep(wait)
        return True

    def _demand_patience(self, give_up: float) -> None:
        if self._context.clock.steady() >= give_up:
            raise LingpaiError(
                Kind.UPSTREAM_UNAVAILABLE,
                "Another worker is fetching this and has not finished yet; try again.",
                retry_after=1,
            )

    def _is_due(self, credential: Credential) -> bool:
        return credential.renew is not None and credential.renew.remaining(self._context.clock) <= 0


def _demand_obtainable(app: App, kind: str, credential: Credential | None) -> None:
    """Refuse a kind that no call of ours fetches: it would leave a row for every name that callers invent."""
    if app.platform.refresh(kind, app.mode) is None:
        return
    if kind == ACCESS_TOKEN and app.tokenless:
        reason = "An app of this mode has no token of its own, only its terminals' (kind=terminal:<number>)."
    elif kind != ACCESS_TOKEN and credential is None:
        reason = (
            "No such terminal was authorised here: exchange its code or key first (POST /v1/exchanges/…)."
        )
    else:
        return
    raise LingpaiError(Kind.INVALID_PARAMETER, reason, parameter="kind")
