"""Fitting any scikit-learn estimator with weights of rows."""

from inspect import Parameter, signature

from sklearn import config_context
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils.validation import has_fit_parameter


def fit_with_weights(estimator, X, y, weight):
    """Return a fitted clone of `estimator`; the caller's own is left as it was.

    Of a Pipeline the last step gets the weights, and a search hands them to what it
    fits, whether metadata routing is enabled or not: there is nothing else to route.
    """
    with config_context(enable_metadata_routing=False):
        return clone(estimator).fit(X, y, **{weight_parameter(estimator): weight})


def check_learner(learner, owner):
    """Refuse what the estimator `owner` cannot fit with weights.

    Raises
    ------
    TypeError
        If it is a class, a regressor where `owner` is a classifier or the reverse, or
        takes no weights.
    """
    if isinstance(learner, type):
        raise TypeError(
            f"estimator={learner.__name__} is a class: pass an instance, "
            f"{learner.__name__}()."
        )
    wanted, other, is_other = "classifier", "regressor", is_regressor
    if not is_classifier(owner):
        wanted, other, is_other = "regressor", "classifier", is_classifier
    if is_other(learner):
        raise TypeError(
            f"estimator={learner!r} is a {other}, but {type(owner).__name__} takes a "
            f"{wanted}."
        )
    weight_parameter(learner)


def weight_parameter(estimator):
    """Return the name by which `fit` of `estimator` takes weights.

    Raises
    ------
    TypeError
        If it takes none.
    """
    from sklearn.model_selection._search import BaseSearchCV  # slow to import
    from sklearn.pipeline import Pipeline

    if isinstance(estimator, Pipeline):
        name, step = estimator.steps[-1]
        return f"{name}__{weight_parameter(step)}"
    if isinstance(estimator, BaseSearchCV):
        return weight_parameter(estimator.estimator)
    parameters = signature(estimator.fit).parameters.values()
    open_to_more = any(p.kind is Parameter.VAR_KEYWORD for p in parameters)
    if not (open_to_more or has_fit_parameter(estimator, "sample_weight")):
        raise TypeError(
            f"{type(estimator).__name__} takes no sample_weight in fit, so that its "
            "rows cannot be weighted. Take an estimator that does, such as "
            "LogisticRegression, RandomForestClassifier or Ridge, or a Pipeline whose "
            "last step does."
        )
    return "sample_weight"
