"""Third-party platforms: what they push, how merchants authorise them, and how they act for merchants' accounts."""
