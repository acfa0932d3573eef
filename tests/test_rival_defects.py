"""Defects found in other libraries for domain adaptation, one test each: not in ours.

They were seen in skada 0.6, ADAPT 0.4.5, pytorch-adapt 0.0.83 and TLlib.
"""

import configparser
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from skorch.callbacks import Callback

from sktransfer import DomainAdaptClassifier
from sktransfer._inputs import ImagePaths, read_images
from sktransfer._training.config import TrainingConfig
from sktransfer._training.domains import DomainBatches, DomainRows
from sktransfer.adaptation import CDAN, MDD, DeepCORAL, DomainBatch
from sktransfer.adaptation._resolve import NAMES, resolve_methods
from sktransfer.metrics import get_adaptation_scorer
from sktransfer.selection import TargetKFold

from .adaptation.batches import random_batch
from .nets import images, same_state, state_of, table, tiny_backbone, write_images

X, LABELS = table(60)
DOMAIN = np.where(np.arange(60) < 30, 1, -2)
Y = np.where(DOMAIN > 0, LABELS, -1)
APART = X + 2.0 * (DOMAIN < 0)[:, None]  # domains that a discriminator can tell
FAST = {"max_epochs": 2, "random_state": 0}
LOSSES = sorted(
    name
    for name in NAMES
    if (method := resolve_methods(name)[0]).composes and method.needs_target
)


def _model(method="mcc", **parameters):
    return DomainAdaptClassifier(method=method, **{**FAST, **parameters})


class _Gradients(Callback):
    """Keeps the gradients of the first step, in the class: it is copied."""

    first = None

    def on_grad_computed(self, net, named_parameters, **kwargs):
        if type(self).first is None:
            type(self).first = {
                name: parameter.grad.clone()
                for name, parameter in net.module_.named_parameters()
                if parameter.grad is not None
            }


def _first_gradients(method, **weight):
    class Gradients(_Gradients):
        first = None

    (own,) = resolve_methods(method)
    model = _model(own.set_params(**weight), ramp=False, callbacks=[Gradients()])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sktransfer._training.adapt._warn_of_collapse", lambda *_: None)
        model.fit(APART, Y, DOMAIN)
    return {n: g for n, g in Gradients.first.items() if n.startswith("backbone")}


# --- skada: the default domain classifier ends in a softmax over one logit


@pytest.mark.parametrize("method", ["dann", "cdan"])
def test_the_discriminator_leaves_chance(method):
    model = _model(method, max_epochs=30).fit(APART, Y, DOMAIN)
    accuracy = [epoch["domain_acc"] for epoch in model.history_]
    assert max(accuracy) > 0.75


@pytest.mark.parametrize("method", LOSSES)
def test_the_gradient_of_the_domains_reaches_the_backbone(method):
    weight = {"threshold": 0.0} if method == "fixmatch" else {}
    with_it = _first_gradients(method, weight=1.0, **weight)
    without = _first_gradients(method, weight=0.0, **weight)
    assert with_it.keys() == without.keys()
    for name, gradient in with_it.items():
        assert (gradient - without[name]).abs().max() > 1e-8, name


# --- ADAPT: the encoder of DeepCORAL gets no gradient of the task


@pytest.mark.parametrize("method", LOSSES)
def test_the_gradient_of_the_task_reaches_the_backbone(method):
    gradients = _first_gradients(method, weight=0.0)
    assert len(gradients) == 4
    assert all(gradient.abs().max() > 1e-6 for gradient in gradients.values())


# --- skada: formulas


def test_cdan_sees_probabilities_and_not_logits():
    batch = random_batch()
    torch.manual_seed(0)
    discriminator = CDAN().build(5, 3).double()
    shifted = batch._replace(logits_s=batch.logits_s + 9, logits_t=batch.logits_t - 9)
    assert_allclose(
        CDAN().loss(shifted, discriminator).item(),
        CDAN().loss(batch, discriminator).item(),
        rtol=1e-10,
    )


def test_mdd_needs_no_square_of_the_number_of_rows():
    batch, largest = random_batch(n_s=500, n_t=500), []
    classifier = MDD().build(5, 3).double()

    def note(tensor):
        largest.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        MDD().loss(batch, classifier)
    assert max(largest) <= 1000 * 128  # rows x hidden units


class _Always:
    """Predicts class 1; its features are the columns."""

    classes_ = np.array([0, 1])

    def predict(self, X):
        return np.ones(len(X), dtype=int)

    def predict_proba(self, X):
        return np.tile([0.0, 1.0], (len(X), 1))

    def features(self, X):
        return np.asarray(X)


def test_dev_weighs_each_row_by_its_own_weight():
    # no row is right: whatever the weights, the risk is one
    y = np.zeros(60, dtype=int)
    risk = -get_adaptation_scorer("dev")(_Always(), APART, y, sample_domain=DOMAIN)
    assert_allclose(risk, 1.0, rtol=1e-6)


# --- skada: batches, predictions, classes


@pytest.mark.parametrize("n_source", [4, 30])
def test_a_batch_larger_than_a_domain_trains(n_source):
    rows = np.r_[0:n_source, 30:40]
    model, short = (_model(batch_size=1000, max_epochs=n) for n in (20, 1))
    model.fit(X[rows], Y[rows], DOMAIN[rows])
    short.fit(X[rows], Y[rows], DOMAIN[rows])
    assert model.n_epochs_ == 20
    assert model.history_[-1, "train_batch_count"] == 1
    assert not same_state(*(state_of(m.net_.module_) for m in (model, short)))
    assert model.score(X[:n_source], Y[:n_source]) > 0.8


def test_predictions_need_no_domain():
    model = _model().fit(X, Y, DOMAIN)
    assert np.array_equal(model.predict(X), model.predict(X, sample_domain=DOMAIN))


def test_mixed_rows_all_get_a_prediction_in_their_order():
    model, order = _model().fit(X, Y, DOMAIN), np.random.default_rng(0).permutation(60)
    mixed = model.predict_proba(X[order], sample_domain=DOMAIN[order])
    assert len(mixed) == 60
    assert_allclose(mixed, model.predict_proba(X)[order], rtol=1e-10)


def test_the_mask_is_no_class():
    assert _model().fit(X, Y, DOMAIN).classes_.tolist() == [0, 1]


def test_fit_leaves_the_module_of_the_caller_and_clone_works_after_it():
    backbone = tiny_backbone()
    before = state_of(backbone)
    pixels, y = images()
    model = _model("dann", backbone=backbone)
    model.fit(pixels, y, np.where(np.arange(24) < 12, 1, -2))
    assert same_state(before, state_of(backbone))
    again = clone(model)
    assert not hasattr(again, "net_")
    assert same_state(before, state_of(again.backbone))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_rows_of_any_precision(dtype):
    rows = (10 * X).astype(dtype)
    assert _model("dann").fit(rows, Y, DOMAIN).predict(rows).shape == (60,)


def test_lists():
    model = _model("dann").fit(X.tolist(), Y.tolist(), DOMAIN.tolist())
    expected = _model("dann").fit(X, Y, DOMAIN)
    assert np.array_equal(model.predict(X.tolist()), expected.predict(X))


@pytest.mark.parametrize("labels", [["ant", "bee"], [1, 2], [-1, 1], [10, 70]], ids=str)
def test_labels_of_any_kind(labels):
    y = np.array(labels)[LABELS]
    model = _model("dann").fit(X, y, DOMAIN)
    assert model.classes_.tolist() == labels
    assert set(model.predict(X).tolist()) <= set(labels)


def test_a_part_of_the_rows_can_be_set_aside():
    model = _model("dann", early_stopping=True).fit(X, Y, DOMAIN)
    assert "valid_loss" in model.history_[-1]


# --- skada: the sampler reads all data at every construction


def test_batches_read_no_row_before_it_is_asked_for(tmp_path, monkeypatch):
    read, sample = [], ImagePaths.sample

    def noted(self, index):
        read.append(int(self._rows[index]))
        return sample(self, index)

    monkeypatch.setattr(ImagePaths, "sample", noted)
    paths = write_images(images(16)[0], tmp_path)
    rows = DomainRows(
        read_images(paths),
        torch.zeros(16, dtype=int),
        None,
        torch.tensor([1] * 8 + [2] * 8),
        np.arange(8),
        np.array([], dtype=int),
        np.arange(8, 16),
    )
    config = TrainingConfig.of(_model(batch_size=4, device="cpu"), from_scratch=False)
    batches = DomainBatches(
        rows,
        backbone=tiny_backbone(),
        augment=None,
        n_classes=2,
        config=config,
        seed=0,
    )
    assert len(batches) == 2
    assert read == []
    list(batches)
    assert sorted(read) == list(range(16))


# --- skada: importing it flips the routing of metadata for everybody

_IMPORT = """
import sklearn
before = sklearn.get_config()
from sktransfer import DomainAdaptClassifier
DomainAdaptClassifier()
assert sklearn.get_config() == before
import sktransfer.adaptation, sktransfer.metrics, sktransfer.selection
assert sklearn.get_config() == before
"""


def test_importing_changes_no_setting_of_scikit_learn():
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# --- ADAPT: probabilities for labels; no searches


def test_predict_returns_labels():
    predicted = _model("deepcoral").fit(X, Y, DOMAIN).predict(X)
    assert predicted.shape == (60,)
    assert predicted.dtype == Y.dtype
    assert set(predicted) <= {0, 1}


@pytest.mark.parametrize("routing", [False, True])
@pytest.mark.parametrize("method", ["deepcoral", "dann"])
def test_cross_validation_and_searches(method, routing):
    scoring, groups = get_adaptation_scorer("im"), {} if routing else {"groups": DOMAIN}
    settings = {"scoring": scoring, "cv": TargetKFold(2), "error_score": "raise"}
    with config_context(enable_metadata_routing=routing):
        scores = cross_val_score(
            _model(method), X, Y, params={"sample_domain": DOMAIN}, **groups, **settings
        )
        search = GridSearchCV(_model(method), {"lr": [1e-3, 1e-2]}, **settings)
        search.fit(X, Y, sample_domain=DOMAIN, **groups)
    assert np.isfinite(scores).all()
    assert np.isfinite(search.best_score_)


# --- TLlib: CORAL is a difference of means; the best epoch by labels of the target


def test_coral_compares_covariances_and_not_means():
    batch = random_batch()
    moved = DomainBatch(features_s=batch.features_s, features_t=batch.features_s + 3)
    assert_allclose(DeepCORAL().loss(moved, None).item(), 0, atol=1e-20)
    s, t = (np.cov(f.numpy().T) for f in (batch.features_s, batch.features_t))
    expected = np.sum((s - t) ** 2) / (4 * 5**2)
    assert_allclose(DeepCORAL().loss(batch, None).item(), expected, rtol=1e-6)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_labels_of_unlabelled_rows_are_never_used(early_stopping):
    model = _model("dann", early_stopping=early_stopping, max_epochs=5)
    one = clone(model).fit(X, LABELS, DOMAIN)
    other = clone(model).fit(X, np.where(DOMAIN < 0, 1 - LABELS, LABELS), DOMAIN)
    assert same_state(*(state_of(m.net_.module_) for m in (one, other)))


# --- pytorch-adapt: pins a package that can no longer be imported


def test_no_requirement_has_an_upper_bound():
    settings = configparser.ConfigParser()
    settings.read(Path(__file__).resolve().parents[1] / "setup.cfg")
    extras = settings["options.extras_require"].values()
    wanted = "\n".join([settings["options"]["install_requires"], *extras])
    assert "numpy>=" in wanted
    assert not any(sign in wanted for sign in ("==", "<", "~="))
