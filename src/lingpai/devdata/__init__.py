"""Sample data of `lingpai dev`: accounts, a caller key, and the issuer's apps, users and terminal."""
