"""The answer to an authorization request: the first one counts, but a refusal replaces any other."""

from lingpai.core.issuer_records import Grant
from lingpai.store.issuer_port import Answer, RequestKey
from lingpai.store.transaction import Transaction


async def answer_request(transaction: Transaction, request: RequestKey, grant: Grant) -> Answer:
    """See `store.grants_port.Grants.answer_request`."""
    if not await transaction.rows("begin_answer", *request):
        ((first,),) = await transaction.rows("read_answer", request.digest)
        return Answer(first)
    row = await transaction.add_grant(grant)
    await transaction.rows("end_answer", request.digest, row)
    return Answer(row)


async def refuse_request(transaction: Transaction, request: RequestKey) -> Answer | None:
    """See `store.grants_port.Grants.refuse_request`."""
    if await transaction.rows("begin_answer", *request):
        return None
    ((first,),) = await transaction.rows("lock_answer", request.digest)
    await transaction.rows("end_answer", request.digest, None)
    return Answer(first)
