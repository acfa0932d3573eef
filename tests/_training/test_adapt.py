"""The phases of adaptation."""

import copy
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone

from sktransfer import DomainAdaptClassifier
from sktransfer.adaptation import (
    SHOT,
    AdaptationMethod,
)
from sktransfer.adaptation._adversarial import Discriminator
from sktransfer.exceptions import DiscriminatorWarning

from .adapted import (
    DOMAIN,
    IMAGES,
    X,
    Y,
    fitted,
    fitted_after,
)


def _column_means(method):
    model = fitted(method, max_epochs=1)
    return next(m.mean for m in model.backbone_.modules() if hasattr(m, "scale"))


@pytest.mark.parametrize(
    ("method", "rows"),
    [
        ("source_only", DOMAIN > 0),
        ("joint", DOMAIN > 0),
        ("mcc", DOMAIN != 0),
        ("shot", DOMAIN != 0),
        ("adabn", DOMAIN < 0),
    ],
)
def test_columns_are_scaled_by_the_rows_that_take_part(method, rows):
    assert_allclose(_column_means(method), X[rows].mean(0), rtol=1e-10)


def test_adabn_trains_on_columns_scaled_by_the_source():
    far = np.where(DOMAIN[:, None] < 0, X + 30, X)
    model = DomainAdaptClassifier(method="adabn", max_epochs=1, random_state=0)
    moved, plain = (clone(model).fit(data, Y, DOMAIN) for data in (far, X))
    assert_allclose(
        moved.predict_proba(X + 30), plain.predict_proba(X), rtol=1e-6, atol=1e-9
    )


# Two epochs on the source, then as many of its own; TENT sees the target once.
@pytest.mark.parametrize(("method", "n_own"), [("shot", 2), ("tent", 1), ("adda", 2)])
def test_methods_that_adapt_a_trained_net_train_it_first(method, n_own):
    model = fitted(method)
    assert model.n_epochs_ == 2 + n_own
    first, last = model.history_[0], model.history_[-1]
    assert "train_acc" in first
    assert f"{method}_loss" not in first
    assert f"{method}_loss" in last
    epochs = [epoch["epoch"] for epoch in model.history_]
    assert epochs == list(range(1, 3 + n_own))


def test_adabn_has_one_phase_of_training():
    assert fitted("adabn").n_epochs_ == 2


@pytest.mark.parametrize(("method", "n_own"), [("shot", 2), ("tent", 1), ("adda", 2)])
def test_a_trained_source_saves_the_first_phase(method, n_own):
    assert fitted_after(fitted("source_only"), method).n_epochs_ == n_own


def test_shot_labels_all_target_rows_before_every_epoch():
    class Watched(SHOT):
        seen = []

        def begin_epoch(self, game):
            super().begin_epoch(game)
            outputs = game.target_outputs()
            backbone = copy.deepcopy(game.backbone).eval()
            self.seen.append((outputs, self.labels_, backbone))

    fitted(Watched(), batch_size=4)
    assert len(Watched.seen) == 2
    for (features, logits, weight), labels, backbone in Watched.seen:
        with torch.no_grad():
            expected = backbone(torch.from_numpy(X[DOMAIN < 0]))
        assert_allclose(features, expected, rtol=1e-10)
        assert logits.shape == (16, 2)
        assert weight is None
        assert len(labels) == 16


class _SmallFeatures(AdaptationMethod):
    needs_source = needs_logits = False

    def loss(self, batch, aux):
        return batch.features_t.square().mean()


@pytest.mark.parametrize("data", [None, IMAGES], ids=["table", "images"])
def test_a_method_on_features_alone_needs_no_source_rows(data):
    adapted = fitted_after(fitted("source_only", data), _SmallFeatures(), data)
    assert all(epoch["_smallfeatures_loss"] > 0 for epoch in adapted.history_)


class _InTurns(AdaptationMethod):
    """All learn at once, then the backbone alone, from a discriminator at chance."""

    composes = False

    def build(self, n_features, n_classes):
        return Discriminator(n_features, ())

    def step(self, game):
        gap = game.aux(game.see().features_s).mean()
        gap = gap - game.aux(game.seen.features_t).mean()
        game.aux.domain_accuracy = torch.tensor(0.5)
        game.learn(game.task_loss() + gap)
        game.see()
        game.learn(game.task_loss(), game.backbone)
        return gap


def test_a_discriminator_that_learns_is_not_flat_when_others_learn_after_it():
    with warnings.catch_warnings():
        warnings.simplefilter("error", DiscriminatorWarning)
        fitted(_InTurns(), IMAGES)
