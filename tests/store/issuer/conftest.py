from tests.issuer.conftest import clock, engine_name, issuer, policy, ring, store, world

__all__ = ["clock", "engine_name", "issuer", "policy", "ring", "store", "world"]
