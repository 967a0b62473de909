import pickle

from lingpai.core.errors import BLAME, EDGE_KINDS, ISSUER_KINDS, KEEPER_KINDS, Kind, LingpaiError


def test_every_kind_has_somebody_to_blame_and_one_group() -> None:
    assert set(BLAME) == set(Kind)
    assert set(Kind) == EDGE_KINDS | KEEPER_KINDS | ISSUER_KINDS
    assert len(EDGE_KINDS) + len(KEEPER_KINDS) + len(ISSUER_KINDS) == len(Kind)


def test_an_error_survives_the_way_between_processes() -> None:
    sent = LingpaiError(
        Kind.METHOD_NOT_ALLOWED, "no", detail="d", parameter="p", code=7, retry_after=1.5, allow=("GET",)
    )
    came = pickle.loads(pickle.dumps(sent))
    assert type(came) is LingpaiError
    assert str(came) == str(sent)
    assert all(getattr(came, name) == getattr(sent, name) for name in LingpaiError.__slots__)
