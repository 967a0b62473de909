"""The issuer's verbs: one small module each, plain async functions over an `Issuer`."""
