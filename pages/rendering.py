"""Fill the templates of pages with Jinja2. What stands in a log is escaped, wherever it stands.

A package's templates begin with ``{% extends "base.html" %}``, which has the head, the style sheet and the policy that
forbids scripts. ``parts.html`` has tables.
"""

from collections.abc import Mapping
from functools import cache

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined


@cache
def _environment(package: str) -> Environment:
    return Environment(
        loader=ChoiceLoader(
            [PackageLoader(package, "templates"), PackageLoader("pages", "templates")]
        ),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def render(package: str, name: str, values: Mapping[str, object]) -> str:
    """Return a page.

    Args:
        package: The package that has the template, in its folder ``templates``.
        name: The template's file name.
        values: What the template names.
    """
    return _environment(package).get_template(name).render(values)
