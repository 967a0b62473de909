"""What `lingpai dev` begins with: accounts, a caller key, and the issuer's apps, users and terminal."""
