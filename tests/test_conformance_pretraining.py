"""scikit-learn's own checks on SelfSupervisedPretrainer, with every objective."""

import pytest
from sklearn.utils.estimator_checks import check_estimator

from sktransfer import SelfSupervisedPretrainer
from sktransfer.pretraining import Contractive
from sktransfer.pretraining._resolve import NAMES

from .test_conformance import SquashingMixin

# The checks are of the contract, not of quality.
FEW = 2


class ImagePretrainer(SquashingMixin, SelfSupervisedPretrainer):
    pass


def _check(estimator):
    results = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {
        r["check_name"]: r["exception"] for r in results if r["status"] == "failed"
    }
    assert failed == {}
    assert not any(r["expected_to_fail"] for r in results)
    assert len(results) > 40


def test_the_default_passes_every_check():
    _check(SelfSupervisedPretrainer())


@pytest.mark.parametrize("objective", NAMES)
def test_every_objective_passes_every_check_on_tables(objective):
    _check(SelfSupervisedPretrainer(objective, max_epochs=FEW))


@pytest.mark.parametrize("objective", NAMES)
def test_every_objective_passes_every_check_on_images(objective):
    if objective == "contractive":  # the exact penalty takes long
        objective = Contractive(n_projections=1)
    _check(ImagePretrainer(objective, max_epochs=FEW))
