"""How speed changes with what is stored: ``python -m bench --growth``; see ``bench/README.md``."""
