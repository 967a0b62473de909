"""Reference (d): the keeper's hot route as teams write it by hand, on Tornado and on FastAPI, the token in Redis."""

from bench.answers import ACCOUNT, SECRET
from bench.cases import HELD_TOKEN
from bench.contender import Command, Contender, Role, Site
from bench.contenders import bare, environment
from bench.machine import find
from bench.places import REFERENCES
from bench.ports import free_port

_UVICORN = "--http httptools --loop uvloop --no-access-log --log-level warning"


def _redis(site: Site, port: int) -> Command:
    options = ("--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no")
    argv = (find("redis-server") or "redis-server", *options, "--dir", str(site.scratch))
    return Command(argv, port, Role.STORE)


def _with_redis(site: Site, argv: tuple[str, ...]) -> tuple[Command, ...]:
    redis, upstream = free_port(), free_port()
    env = {
        "REDIS_URL": f"redis://127.0.0.1:{redis}/0",
        "UPSTREAM_URL": f"http://127.0.0.1:{upstream}",
        f"THIRD_APPID_{ACCOUNT}": SECRET,
    }
    service = Command((str(environment.python()), *argv), site.port, env=env, cwd=REFERENCES)
    return (_redis(site, redis), bare.serve(upstream, Role.UPSTREAM), service)


def _tornado(site: Site) -> tuple[Command, ...]:
    return _with_redis(site, ("tornado_redis.py", str(site.port)))


def _fastapi(site: Site) -> tuple[Command, ...]:
    options = (*_UVICORN.split(), "--port", str(site.port))
    return _with_redis(site, ("-m", "uvicorn", "fastapi_redis:app", *options))


TORNADO_REDIS = Contender(
    name="Tornado + Redis",
    engine="redis",
    requests=HELD_TOKEN,
    launch=_tornado,
    tools=("redis-server",),
    prepare=environment.prepare,
)
FASTAPI_REDIS = Contender(
    name="FastAPI + Redis",
    engine="redis",
    requests=HELD_TOKEN,
    launch=_fastapi,
    tools=("redis-server",),
    prepare=environment.prepare,
)
