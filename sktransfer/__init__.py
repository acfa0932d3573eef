"""Deep transfer learning that is scikit-learn.

Estimators and transformers that bring the knowledge of a pretrained network, or of
another domain, to scikit-learn. Importing this package imports no deep-learning
framework: that happens in `fit`.
"""

from importlib import import_module

__version__ = "0.1.0.dev0"

_HOMES = {
    "DistillationClassifier": "_estimators._distillation",
    "DomainAdaptClassifier": "_estimators._domain_adapt",
    "DomainAligner": "alignment._aligner",
    "FineTuneClassifier": "_estimators._fine_tune_classifier",
    "FineTuneRegressor": "_estimators._fine_tune_regressor",
    "PretrainedFeatureExtractor": "_estimators._extractor",
    "ReweightedClassifier": "reweighting._reweighted",
    "ReweightedRegressor": "reweighting._reweighted",
    "SelfSupervisedPretrainer": "_estimators._pretrainer",
    "TrAdaBoostClassifier": "reweighting._tradaboost",
    "TrAdaBoostRegressor": "reweighting._tradaboost_r2",
}
_SUBPACKAGES = (
    "adaptation",
    "alignment",
    "backbones",
    "cache",
    "callbacks",
    "datasets",
    "distillation",
    "exceptions",
    "finetuning",
    "metrics",
    "pretraining",
    "reweighting",
    "selection",
)

__all__ = [*_HOMES, *_SUBPACKAGES]


def __getattr__(name):
    if name in _SUBPACKAGES:
        return import_module(f".{name}", __name__)
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return [*__all__, "__version__"]
