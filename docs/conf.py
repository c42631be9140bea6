"""How Sphinx builds the documentation: `poe docs`."""

from __future__ import annotations

from importlib.metadata import version as version_of

project = "autophage"
author = "autophage developers"
release = version = version_of("autophage")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc", "sphinx.ext.autosummary"]
exclude_patterns = ["_build"]
myst_heading_anchors = 2
numpydoc_show_class_members = False
html_theme = "alabaster"
