"""All who take part."""

from bench.contender import Contender
from bench.contenders.bare import BARE_ASGI
from bench.contenders.by_hand import FASTAPI_REDIS, TORNADO_REDIS
from bench.contenders.forwarding import FORWARDERS
from bench.contenders.issuer import ISSUERS
from bench.contenders.lingpai import KEEPER_FEW, KEEPER_MANY, KEEPERS
from bench.contenders.nginx import NGINX
from bench.contenders.node import NODE
from bench.contenders.npm import OAUTH2, OIDC
from bench.contenders.oauth_toolkit import TOOLKIT
from bench.contenders.standard import STANDARDS

ALL: tuple[Contender, ...] = (
    BARE_ASGI,
    NGINX,
    NODE,
    TORNADO_REDIS,
    FASTAPI_REDIS,
    *KEEPERS,
    KEEPER_FEW,
    KEEPER_MANY,
    *ISSUERS,
    *FORWARDERS,
    *STANDARDS,
    OIDC,
    OAUTH2,
    TOOLKIT,
)
