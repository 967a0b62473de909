"""Wire dialects over the issuer's verbs: one module or package each, with all that one dialect is (DESIGN §5)."""
