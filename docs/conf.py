"""Settings of the documentation."""

from pathlib import Path

import sktransfer

project = "sktransfer"
author = "The sktransfer developers"
copyright = "2026, The sktransfer developers"
version = release = sktransfer.__version__

extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
]
exclude_patterns = ["_build"]
templates_path = ["_templates"]
# Docstrings inherited from scikit-learn refer to its glossary and user guide.
suppress_warnings = ["config.cache", "ref.ref", "ref.term"]

autosummary_generate = True
numpydoc_show_class_members = False

html_theme = "pydata_sphinx_theme"
html_static_path = ["_static"]
html_theme_options = {"navigation_with_keys": False, "show_toc_level": 2}

_EXAMPLES = Path(__file__).parents[1] / "examples"
if _EXAMPLES.is_dir():
    extensions.append("sphinx_gallery.gen_gallery")
    sphinx_gallery_conf = {
        "examples_dirs": str(_EXAMPLES),
        "gallery_dirs": "auto_examples",
        # Scripts called plot_... run offline in well under a minute. The others, on
        # data or weights that have to be fetched, are shown without being run.
        "filename_pattern": "/plot_",
        "download_all_examples": False,
        "show_memory": False,
    }
