from tests.issuer.conftest import clock, engine_name, harness, issuer, policy, ring, store

__all__ = ["clock", "engine_name", "harness", "issuer", "policy", "ring", "store"]
