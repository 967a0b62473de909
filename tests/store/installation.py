"""An installation in use: something in every table that holds anything."""

from lingpai.core.records import Budget, Caller
from lingpai.devdata.records import Samples
from lingpai.development import add_samples
from lingpai.issuer.context import Issuer
from lingpai.issuer.delegation.keys import rotate
from lingpai.issuer.tokens import Tokens
from lingpai.issuer.verbs.authorization_requests import Asked
from lingpai.issuer.verbs.authorize import issue_code
from lingpai.issuer.verbs.delegated_login import Arrival, log_in_arrival
from lingpai.issuer.verbs.redeem import redeem
from lingpai.service import issuers_of, open_keeper
from lingpai.settings import Settings
from tests.store.sample import account, key_of, renew

MANY = 30


async def user_tokens(issuer: Issuer, samples: Samples) -> Tokens:
    app = await issuer.store.find_app(issuer.realm, samples.issuer["yzb_app_id"])
    (user, *_) = await issuer.store.list_users(issuer.realm, 0, 1)
    assert app is not None
    code = await issue_code(issuer, app, user, Asked())
    return await redeem(issuer, app, code.code)


async def make(settings: Settings) -> tuple[Samples, Tokens]:
    """An installation in use: something in every table that holds anything."""
    samples = Samples()
    await add_samples(settings, samples)
    async with open_keeper(settings) as keeper:
        store, clock = keeper.store, keeper.clock
        for number in range(MANY):
            each = account(f"wx{number}", secret=f"secret {number}")
            await store.save_account(each)
            await renew(store, clock, key_of(keeper.ring, each), f"token {number}")
            await renew(store, clock, key_of(keeper.ring, each), f"next token {number}")
        await store.remove_account("wechat", f"wx{MANY - 1}", "")  # whose id must not come back
        await store.mark_suspect(key_of(keeper.ring, account("wx1", secret="secret 1")), 2)
        await store.add_caller(Caller(name="someone 某人"), b"former digest")
        await store.rotate_caller("someone 某人", b"digest", 3600)
        await store.take_budget(Budget("s", "n", "w", 0, clock.now() + 600))
        await store.claim_exchange(b"code", "a", 30, clock.now() + 600)
        await store.finish_exchange(b"code", "a", "the answer", clock.now() + 600)
        await store.lead("role", "a", 30)
        issuer = (await issuers_of(settings, keeper))["yzb"]
        tokens = [await user_tokens(issuer, samples) for _ in range(MANY)]
        app = await issuer.store.find_app("yzb", samples.issuer["yzb_app_id"])
        (user, *_) = await issuer.store.list_users("yzb", 0, 1)
        assert app is not None
        member = await issuer.store.find_member(app.id, user.id)
        assert member is not None
        assert await issuer.store.save_consent(member.id, None, (), added=True)
        await rotate(issuer)
        arrival = Arrival(challenge="0" * 64, ends_at=issuer.now() + 60, subject="the shop's id")
        await log_in_arrival(issuer, arrival, None)
        await issuer.store.take_attempts([(b"peer", 5)], issuer.now(), issuer.now() + 60)
    return samples, tokens[-1]
