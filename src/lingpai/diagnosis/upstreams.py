"""Check the connection to the platforms, and compare this host's clock with theirs."""

import asyncio
import email.utils
from collections.abc import Collection

from lingpai.diagnosis.certificates import certificate_findings
from lingpai.diagnosis.clocks import SKEW_FAIL, SKEW_WARN, behind_or_ahead
from lingpai.keeper.accounts import missing_address
from lingpai.keeper.keeper import Keeper
from lingpai.keeper.platforms.platform import Platform
from lingpai.keeper.platforms.registry import platform_types
from lingpai.keeper.proxies import proxy_for, without_userinfo
from lingpai.keeper.remedies import UNREACHABLE
from lingpai.keeper.upstream import Unreachable, Untrusted
from lingpai.messages.translating import tr, tr_reason
from lingpai.operating.findings import Finding, Verdict

HALF_SECOND = 0.5  # a Date header has whole seconds


async def check_upstreams(keeper: Keeper, used: Collection[str]) -> list[Finding]:
    """Check that each platform can be reached, and measure the difference of the clocks.

    Args:
        keeper: the keeper.
        used: platforms with a configured account. Others are checked only when there is none, and those that files
            describe, or that act for merchants, not even then: hardly anybody has all of them.
    """
    rare = {each.name for each in platform_types().values() if each.described}
    rare |= {each.name for each in keeper.platforms.values() if each.third_party is not None}
    wanted = [
        each
        for each in keeper.platforms.values()
        if each.name in used or (not used and each.base_url and each.name not in rare)
    ]
    found = await asyncio.gather(*(_check(keeper, each, needed=each.name in used) for each in wanted))
    return [finding for findings in found for finding in findings]


async def _check(keeper: Keeper, platform: Platform, *, needed: bool) -> list[Finding]:
    if not platform.base_url:
        message = tr("The address of the platform {name} is not set.", name=platform.name)
        return [
            Finding("upstream", platform.name, "fail", message, tr_reason(missing_address(platform.name)))
        ]
    shown, proxy = without_userinfo(platform.base_url), proxy_for(platform.base_url, platform.way_out)
    if proxy is not None:
        text = "{url} (by the proxy {proxy}, of {variable})"
        shown = tr(text, url=shown, proxy=proxy.shown, variable=proxy.variable)
    sent = keeper.clock.now()
    try:
        date = await keeper.upstream.date(platform.base_url, platform.way_out)
    except Unreachable as error:
        verdict: Verdict = "fail" if needed else "warn"
        message = tr("{url}: {problem}.", url=shown, problem=tr_reason(str(error)))
        found = [Finding("upstream", platform.name, verdict, message, tr_reason(UNREACHABLE))]
        if isinstance(error, Untrusted):
            found += await certificate_findings(keeper, platform, verdict)
        return found
    middle = (sent + keeper.clock.now()) / 2
    reached = Finding("upstream", platform.name, "ok", tr("{url} answers.", url=shown))
    return [reached, _clock_finding(platform.name, middle, date)]


def _clock_finding(name: str, now: float, date: str | None) -> Finding:
    try:
        theirs = email.utils.parsedate_to_datetime(date or "").timestamp() + HALF_SECOND
    except ValueError:
        return Finding("clock", name, "skip", tr("It sends no date for comparison."))
    ahead = now - theirs
    if abs(ahead) <= SKEW_WARN:
        return Finding("clock", name, "ok", tr("This machine's clock matches it."))
    return Finding(
        "clock",
        name,
        "fail" if abs(ahead) > SKEW_FAIL else "warn",
        behind_or_ahead(ahead),
        tr("Set this machine's clock, preferably by NTP: `timedatectl set-ntp true`."),
    )
