from lingpai.core.errors import BLAME, EDGE_KINDS, ISSUER_KINDS, KEEPER_KINDS, Kind


def test_every_kind_has_somebody_to_blame_and_one_group() -> None:
    assert set(BLAME) == set(Kind)
    assert set(Kind) == EDGE_KINDS | KEEPER_KINDS | ISSUER_KINDS
    assert len(EDGE_KINDS) + len(KEEPER_KINDS) + len(ISSUER_KINDS) == len(Kind)
