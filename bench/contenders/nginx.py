"""Reference (b): nginx serving the same bytes as static files."""

import getpass
import os
from pathlib import Path

from bench.answers import BY_PATH, CONTENT_TYPE
from bench.cases import HELD_TOKEN, NGINX_FILE
from bench.contender import Command, Contender, Role, Site
from bench.machine import find

_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_HEAD = """\
{user}
daemon off;
worker_processes 1;
pid {scratch}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 256; }}
http {{
  access_log off;
  sendfile on;
  keepalive_requests 1000000000;
  default_type "{content_type}";
  {temporary}
"""
_FILES = """\
  open_file_cache max=16;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def command(scratch: Path, port: int, servers: str, role: Role = Role.SERVICE) -> Command:
    """The command of one nginx.

    Args:
        scratch: a folder for it.
        port: that `servers` listens on.
        servers: what follows in the block `http`, with the brace that ends it.
        role: see ``Role``.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    configuration = scratch / "nginx.conf"
    head = _HEAD.format(
        # Started by root, its worker would become another user, who may not read the checkout.
        user=f"user {getpass.getuser()};" if os.geteuid() == 0 else "",
        scratch=scratch,
        content_type=CONTENT_TYPE,
        temporary="\n  ".join(f"{kind}_temp_path {scratch}/{kind};" for kind in _TEMPORARY),
    )
    configuration.write_text(head + servers, "utf-8")
    argv = (find("nginx") or "nginx", "-c", str(configuration), "-p", str(scratch), "-e", "stderr")
    return Command(argv, port, role)


def _write_files(root: Path) -> None:
    for path, answer in BY_PATH.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(answer)


def _launch(site: Site) -> tuple[Command, ...]:
    root = site.scratch / "root"
    _write_files(root)
    return (command(site.scratch, site.port, _FILES.format(port=site.port, root=root)),)


NGINX = Contender(name=NGINX_FILE, engine="file", requests=HELD_TOKEN, launch=_launch, tools=("nginx",))
