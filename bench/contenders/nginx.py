"""Reference (b): nginx serving the same bytes as static files."""

import getpass
import os
from pathlib import Path

from bench.answers import BY_PATH, CONTENT_TYPE
from bench.cases import HELD_TOKEN, NGINX_FILE
from bench.contender import Command, Contender, Site
from bench.machine import find

_TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
_CONFIGURATION = """\
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
  open_file_cache max=16;
  default_type "{content_type}";
  {temporary}
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def _write_files(root: Path) -> None:
    for path, answer in BY_PATH.items():
        file = root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(answer)


def _launch(site: Site) -> tuple[Command, ...]:
    root = site.scratch / "root"
    _write_files(root)
    configuration = site.scratch / "nginx.conf"
    configuration.write_text(
        _CONFIGURATION.format(
            # Started by root, its worker would become another user, who may not read the checkout.
            user=f"user {getpass.getuser()};" if os.geteuid() == 0 else "",
            scratch=site.scratch,
            content_type=CONTENT_TYPE,
            temporary="\n  ".join(f"{kind}_temp_path {site.scratch}/{kind};" for kind in _TEMPORARY),
            port=site.port,
            root=root,
        ),
        "utf-8",
    )
    argv = (find("nginx") or "nginx", "-c", str(configuration), "-p", str(site.scratch), "-e", "stderr")
    return (Command(argv, site.port),)


NGINX = Contender(name=NGINX_FILE, engine="file", requests=HELD_TOKEN, launch=_launch, tools=("nginx",))
