"""The answer to an authorization request: the first one counts, but a refusal replaces any other."""

from lingpai.core.errors import Kind, LingpaiError
from lingpai.core.issuer_records import Grant
from lingpai.store.issuer_port import Answer, Login, RequestKey
from lingpai.store.transaction import Transaction


async def answer_request(
    transaction: Transaction, request: RequestKey, grant: Grant, login: Login | None
) -> Answer:
    """See `store.grants_port.Grants.answer_request`."""
    if login is not None and not await transaction.rows("lock_session", login.session.id, login.session.salt):
        raise LingpaiError(Kind.LOGIN_REQUIRED, "The session has ended.")
    if not await transaction.rows("begin_answer", *request):
        ((first,),) = await transaction.rows("read_answer", request.digest)
        return Answer(first)
    row = await transaction.add_grant(grant)
    await transaction.rows("end_answer", request.digest, row)
    if login is not None:
        session, online, notified = login
        await transaction.rows(
            "add_session_grant", session.id, row, grant.app, online, notified, session.ends_at
        )
    return Answer(row)


async def refuse_request(transaction: Transaction, request: RequestKey) -> Answer | None:
    """See `store.grants_port.Grants.refuse_request`."""
    if await transaction.rows("begin_answer", *request):
        return None
    ((first,),) = await transaction.rows("lock_answer", request.digest)
    await transaction.rows("end_answer", request.digest, None)
    return Answer(first)
