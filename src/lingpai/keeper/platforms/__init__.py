"""One file per upstream platform; `platform.py` says what such a file declares."""
