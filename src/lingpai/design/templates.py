"""Templates of pages: escaped, strict about what is missing, and loaded when the first page is asked for.

Each may extend `design/page.html.j2`, the skeleton that all pages share.
"""

import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment, Template

_OURS = "lingpai.design"


def template(package: str, folder: str, name: str) -> "Template":
    """Return the template `name` in a package's folder of templates; all values in it are escaped.

    Args:
        package: dotted name of the package.
        folder: within it.
        name: the file's name.
    """
    return _environment(package, folder).get_template(name)


@functools.cache
def _environment(package: str, folder: str) -> "Environment":
    # Most workers never show a page, and Jinja2 is 2 MiB.
    from jinja2 import (  # noqa: PLC0415
        ChoiceLoader,
        Environment,
        PackageLoader,
        PrefixLoader,
        StrictUndefined,
        select_autoescape,
    )

    shared = PrefixLoader({"design": PackageLoader(_OURS, "skeleton")})
    return Environment(
        loader=ChoiceLoader([PackageLoader(package, folder), shared]),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
