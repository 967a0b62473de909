"""A third party's web app, for `lingpai dev`: one sign-in per dialect, each request and answer shown."""
