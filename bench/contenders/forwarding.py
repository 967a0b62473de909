"""A forwarded call: Lingpai, nginx with `proxy_pass`, and a proxy as teams write it by hand, before one upstream.

The upstream is an nginx that answers a constant, on the load's core: none of the three waits for it.
"""

import functools
import json

from bench.answers import ACCOUNT, CGI_TOKEN, SECRET, SENT, STABLE_TOKEN_PATH
from bench.cases import FASTAPI_PROXY, FORWARD, LINGPAI_FORWARD, NGINX_PROXY
from bench.contender import Command, Contender, Request, Role, Site
from bench.contenders import environment, nginx
from bench.contenders.lingpai import apply, service
from bench.places import REFERENCES
from bench.ports import free_port

SEND = "/cgi-bin/message/custom/send"
_KEY = "lpk_" + "bench-sample-key" * 3
_MESSAGE = json.dumps(
    {"touser": "oBench0123456789abcdefghijkl", "msgtype": "text", "text": {"content": "你好"}}
)
_JSON = {"Content-Type": "application/json"}
_UPSTREAM = """\
  server {{
    listen 127.0.0.1:{port};
    location = {tokens} {{ return 200 '{token}'; }}
    location / {{ return 200 '{sent}'; }}
  }}
}}
"""
_PROXY = """\
  upstream platform {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://platform;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""


def _upstream(site: Site, port: int) -> Command:
    servers = _UPSTREAM.format(
        port=port, tokens=STABLE_TOKEN_PATH, token=CGI_TOKEN.decode(), sent=SENT.decode()
    )
    return nginx.command(site.scratch / "upstream", port, servers, Role.UPSTREAM)


def _launch_nginx(site: Site) -> tuple[Command, ...]:
    upstream = free_port()
    servers = _PROXY.format(port=site.port, upstream=upstream)
    return _upstream(site, upstream), nginx.command(site.scratch / "proxy", site.port, servers, Role.SERVICE)


def _launch_fastapi(site: Site) -> tuple[Command, ...]:
    upstream = free_port()
    options = "--http httptools --loop uvloop --no-access-log --log-level warning"
    argv = (str(environment.python()), "-m", "uvicorn", "fastapi_proxy:app", *options.split())
    env = {"UPSTREAM_URL": f"http://127.0.0.1:{upstream}", "APPID": ACCOUNT, "APP_SECRET": SECRET}
    proxy = Command((*argv, "--port", str(site.port)), site.port, env=env, cwd=REFERENCES)
    return _upstream(site, upstream), proxy


def _launch_lingpai(site: Site) -> tuple[Command, ...]:
    upstream = free_port()
    sections = {
        "accounts": [{"platform": "wechat", "account": ACCOUNT, "secret": SECRET}],
        "callers": [{"name": "bench", "rights": ["forward"], "key": _KEY}],
    }
    apply(site.scratch, sections)
    env = {"LINGPAI_FORWARD__RATE": "0"}  # one caller makes all of the load
    return _upstream(site, upstream), service(site.scratch, site.port, upstream, env)


_contender = functools.partial(Contender, engine="none", tools=("nginx",))
FORWARDERS = (
    _contender(
        name=NGINX_PROXY,
        requests={FORWARD: Request(f"{SEND}?access_token={'t' * 140}", "POST", _JSON, _MESSAGE)},
        launch=_launch_nginx,
    ),
    _contender(
        name=FASTAPI_PROXY,
        requests={FORWARD: Request(SEND, "POST", _JSON, _MESSAGE)},
        launch=_launch_fastapi,
        prepare=environment.prepare,
    ),
    _contender(
        name=LINGPAI_FORWARD,
        engine="sqlite",
        requests={
            FORWARD: Request(
                f"/v1/forward/wechat/{ACCOUNT}{SEND}",
                "POST",
                {**_JSON, "Authorization": f"Bearer {_KEY}"},
                _MESSAGE,
            )
        },
        launch=_launch_lingpai,
    ),
)
