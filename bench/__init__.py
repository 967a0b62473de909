"""Side by side with references and peers, in one command: ``python -m bench``; see ``bench/README.md``."""
