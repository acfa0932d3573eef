"""What DomainAdaptClassifier has to bear: low precision, sorted rows, few rows."""

import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.frozen import FrozenEstimator
from torch import nn

from sktransfer import DomainAdaptClassifier, FineTuneClassifier
from sktransfer.adaptation import FixMatch
from sktransfer.adaptation._learning import Learning
from sktransfer.adaptation._resolve import NAMES
from sktransfer.datasets import pack_domains

from ..nets import images, table, tiny_backbone

X, Y = table(60)
DOMAIN = np.where(np.arange(60) < 30, 1, -2)
PIXELS, LABELS = images(24)
IMAGE_DOMAIN = np.where(np.arange(24) < 12, 1, -2)
FAST = {"max_epochs": 1, "random_state": 0}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("precision", ["bf16", "fp16"])
@pytest.mark.parametrize("method", NAMES)
def test_losses_are_computed_in_float32(method, precision):
    if method == "deepjdot":
        pytest.importorskip("ot")
    model = DomainAdaptClassifier(
        tiny_backbone(), method=method, precision=precision, **FAST
    )
    model.fit(PIXELS, LABELS, IMAGE_DOMAIN)
    assert np.isfinite(model.predict_proba(PIXELS)).all()


class _WithNorm(nn.Module):
    """Features whose scale is that of the batch."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm1d(3)

    def forward(self, x):
        return self.norm(x)


@pytest.mark.parametrize("method", ["adabn", "mcc"])
def test_the_order_of_target_rows_does_not_change_their_statistics(method):
    rng = np.random.default_rng(0)
    source, target = rng.normal(size=(40, 3)), rng.normal(size=(400, 3))
    target[200:] += 5  # as if sorted by class
    y = (source[:, 0] > 0).astype(int)
    model = DomainAdaptClassifier(_WithNorm(), method=method, **FAST)
    model.fit(
        np.r_[source, target],
        np.r_[y, np.zeros(400, int)],
        np.r_[np.ones(40, int), np.full(400, -2)],
    )
    norm = model.backbone_.stages[0].norm
    assert_allclose(norm.running_mean, target.mean(0), rtol=1e-6)
    assert_allclose(norm.running_var, target.var(0), rtol=0.05)


def test_rows_that_come_again_in_an_epoch_are_changed_anew():
    seen = []

    def note(image):
        seen.append(torch.rand(()).item())
        return image

    X_, y = np.r_[PIXELS, PIXELS], np.r_[LABELS, LABELS]
    domain = np.r_[np.ones(4, int), np.full(44, -2)]
    DomainAdaptClassifier(tiny_backbone(), augment=note, batch_size=8, **FAST).fit(
        X_, y, domain
    )
    assert len(seen) > 4
    assert len(set(seen)) == len(seen)


def test_tent_freezes_parameters_that_belong_to_no_leaf():
    class Module(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone = nn.TransformerEncoderLayer(8, 2, 8)
            self.head = nn.Linear(8, 2)

        def freeze(self, modules):
            for module in modules:
                module.requires_grad_(False)

    module = Module()
    Learning("norms")(module)
    learning = {name for name, p in module.named_parameters() if p.requires_grad}
    expected = {
        f"backbone.norm{i}.{part}" for i in (1, 2) for part in ("weight", "bias")
    }
    assert learning == expected


def test_a_fitted_net_holds_no_losses():
    model = DomainAdaptClassifier(method="mcc", **FAST).fit(X, Y, DOMAIN)
    assert model.net_._bare == {}


def test_labelled_rows_without_labels_are_an_error():
    source = FineTuneClassifier(**FAST).fit(X, Y)
    model = DomainAdaptClassifier(method="shot", source=FrozenEstimator(source), **FAST)
    with pytest.raises(ValueError, match="marks row 0 as labelled, but y is None"):
        model.fit(X, sample_domain=np.full(60, 2))


def test_views_of_one_batch_have_one_noise():
    methods = [FixMatch(noise=0.1), FixMatch(noise=0.5)]
    with pytest.raises(ValueError, match="different noise"):
        DomainAdaptClassifier(method=methods).fit(X, Y, DOMAIN)


@pytest.mark.parametrize("given", [{"sample_domain": np.abs(DOMAIN)}, {}])
def test_a_method_without_target_rows_says_so(given):
    model = DomainAdaptClassifier(method="dan", **FAST)
    with pytest.warns(UserWarning, match="No row is of a target domain"):
        model.fit(X, Y, **given)


@pytest.mark.parametrize("method", ["auto", "source_only"])
def test_supervised_training_is_silent(method):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DomainAdaptClassifier(method=method, **FAST).fit(X, Y)


def test_rows_set_aside_do_not_stop_the_adapting():
    model = DomainAdaptClassifier(
        method="adda", early_stopping=True, max_epochs=3, random_state=0
    ).fit(X, Y, DOMAIN)
    assert model.n_epochs_ == 6
    assert "valid_loss" in model.history_[0]
    assert "valid_loss" not in model.history_[-1]


@pytest.mark.parametrize("names", [None, np.array(["ant", "bee", "wasp"])])
def test_packed_rows_without_their_domains(names):
    y = Y % 3 if names is None else names[Y % 3]
    rows, packed, domain = pack_domains(X, y, X)
    filling = "-1" if names is None else "'unlabelled'"
    model = DomainAdaptClassifier(**FAST)
    with pytest.warns(UserWarning, match=f"y holds {filling}, which pack_domains puts"):
        model.fit(rows, packed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(rows, packed, sample_domain=domain)
        model.fit(rows, np.where(packed == packed[0], 1, -1))  # classes like others


@pytest.mark.parametrize("labels", [[0, 1, 2], [-2, -1, 1], [0.5, -0.5, 1.5]])
def test_labels_that_are_no_fillings(labels):
    y = np.array([str(label) for label in labels] if 0.5 in labels else labels)[Y % 3]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        DomainAdaptClassifier(**FAST).fit(X, y)
