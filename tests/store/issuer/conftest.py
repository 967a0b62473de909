from tests.issuer.conftest import clock, issuer, policy, ring, store, world

__all__ = ["clock", "issuer", "policy", "ring", "store", "world"]
