"""Make the documentation site: `python -m docs_site`, called by `./build.sh docs`.

The pages are the repository's own, docs/*.md and the READMEs; nothing is copied by hand. They are laid out anew for each
build, with reference pages made from the code's tables, and Sphinx makes HTML of them. Nothing of it ships in a layer.
"""
