"""Configure Sphinx. Everything is on the site itself: no font, script or picture is fetched from elsewhere."""

from typing import Any

project = "Flight Recorder"
author = "The Flight Recorder authors"
copyright = author  # noqa: A001 - Sphinx's own name
html_title = "Flight Recorder for AWS Lambda"
extensions = ["myst_parser"]
myst_heading_anchors = 6
myst_enable_extensions = ["colon_fence"]
highlight_language = "none"
# What a lexer does not know, such as a database's own words, is shown without colours.
suppress_warnings = ["misc.highlighting_failure"]
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sphinx = False
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": False}
nitpicky = True


def _give_captions_a_level(
    _app: object, _page: str, _template: str, context: dict[str, Any], _doctree: object
) -> None:
    """Say which level of heading the menu's captions are: assistive technology asks for it."""
    menu = context.get("furo_navigation_tree")
    if menu:
        context["furo_navigation_tree"] = menu.replace(
            'role="heading"', 'role="heading" aria-level="2"'
        )


def setup(app: Any) -> None:
    """Tell Sphinx of what is changed in its pages."""
    # After the theme, which makes the menu at the usual priority of 500.
    app.connect("html-page-context", _give_captions_a_level, priority=900)
