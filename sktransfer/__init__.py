"""Deep transfer learning that is scikit-learn."""

__version__ = "0.1.0.dev0"
