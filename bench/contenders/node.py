"""Reference (c): node's http module sending the same bytes."""

import json

from bench.answers import BY_PATH, CONTENT_TYPE
from bench.cases import HELD_TOKEN, NODE_HTTP
from bench.contender import Command, Contender, Site
from bench.places import REFERENCES


def _launch(site: Site) -> tuple[Command, ...]:
    answers = {
        request.path: BY_PATH[request.path.partition("?")[0]].decode() for request in HELD_TOKEN.values()
    }
    file = site.scratch / "answers.json"
    file.write_text(json.dumps(answers), "utf-8")
    argv = ("node", str(REFERENCES / "node_http.js"), str(site.port), str(file), CONTENT_TYPE)
    return (Command(argv, site.port),)


NODE = Contender(name=NODE_HTTP, engine="none", requests=HELD_TOKEN, launch=_launch, tools=("node",))
