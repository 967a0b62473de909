"""Wire dialects over the verbs of the issuer: one package each (docs/architecture.md)."""
