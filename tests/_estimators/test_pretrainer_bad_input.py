"""What a pretrainer cannot do: one clear error that names it."""

import numpy as np
import pytest
from torch import nn
from torchvision.transforms import v2

from sktransfer import SelfSupervisedPretrainer
from sktransfer.backbones import Backbone
from sktransfer.pretraining import Autoencoder, SimCLR

from ..nets import tiny_backbone
from .pretrainers import PIXELS, X, pretrainer_of_images, small_pretrainer


@pytest.mark.parametrize(
    ("parameters", "data", "error", "message"),
    [
        ({"objective": "rotation"}, X, ValueError, "objective='rotation' is not known"),
        ({"objective": SimCLR}, X, TypeError, r"pass an instance, SimCLR\(\)"),
        ({"objective": SimCLR(-1.0)}, X, ValueError, "'temperature' parameter"),
        (
            {"objective": SimCLR(projection=())},
            X,
            ValueError,
            r"projection=\(\) must be a tuple of positive integers",
        ),
        ({"objective": "simclr"}, X[:1], ValueError, r"X has one row \(n_samples=1\)"),
        (
            {"objective": "vicreg", "batch_size": 1},
            X,
            ValueError,
            "batch_size=1, but VICReg compares the rows",
        ),
        (
            {"objective": "contractive", "compile": True},
            X,
            ValueError,
            "compile=True.*second derivative, which Contractive",
        ),
        ({"augment": "light"}, X, ValueError, "X is a table"),
        (
            {"objective": "simclr", "augment": "mixup"},
            PIXELS,
            ValueError,
            "mixes class labels",
        ),
        (
            {"objective": "autoencoder", "augment": v2.RandomCrop(5)},
            PIXELS,
            ValueError,
            "images of 8 x 8 pixels.*but got 5 x 5",
        ),
    ],
)
def test_what_is_wrong_is_named(parameters, data, error, message):
    backbone = "auto" if data is not PIXELS else tiny_backbone()
    pretrainer = SelfSupervisedPretrainer(backbone=backbone, **parameters)
    with pytest.raises(error, match=message):
        pretrainer.fit(data)
    assert not hasattr(pretrainer, "net_")


def test_something_else_than_an_objective():
    class Lookalike:
        def build(self):
            """Build nothing."""

        loss = build

    with pytest.raises(TypeError, match="neither a name nor a PretrainingObjective"):
        small_pretrainer(Lookalike()).fit(X)


def test_an_objective_that_forgets_the_mean():
    class ByRow(Autoencoder):
        def loss(self, g, x):
            return (g(x) - x).square().mean(1)

    with pytest.raises(TypeError, match=r"ByRow\.loss must return a scalar tensor"):
        small_pretrainer(ByRow()).fit(X)


def test_validation_data_that_does_not_fit():
    with pytest.raises(ValueError, match=r"In X_val: X has 3 features"):
        small_pretrainer().fit(X, X_val=X[:, :3])
    with pytest.raises(ValueError, match="X_val has one row"):
        small_pretrainer("simclr").fit(X, X_val=X[:1])


@pytest.mark.parametrize("objective", ["simclr", "vicreg"])
def test_a_single_row_cannot_be_compared(objective):
    fitted = SelfSupervisedPretrainer(objective, max_epochs=1).fit(X)
    with pytest.raises(ValueError, match=r"X has one row .* compares the rows"):
        fitted.score(X[:1])


def test_features_that_do_not_fit():
    fitted = small_pretrainer().fit(X)
    with pytest.raises(ValueError, match="X has 5 columns, but the backbone has 64"):
        fitted.inverse_transform(X)


def test_a_preprocessing_that_cannot_be_undone():
    stages = [nn.Linear(5, 8)]
    backbone = Backbone(
        stages, name="mine", width=8, modality="table", preprocessing=nn.Tanh()
    )
    fitted = small_pretrainer(backbone=backbone).fit(X)
    with pytest.raises(ValueError, match="a Tanh, has no method `invert`"):
        fitted.inverse_transform(fitted.transform(X))


def test_images_of_another_size_cannot_be_scored():
    fitted = pretrainer_of_images().fit(PIXELS)
    larger = np.repeat(np.repeat(PIXELS, 2, axis=1), 2, axis=2)
    with pytest.raises(ValueError, match=r"but got 16 x 16\. Pass images of that size"):
        fitted.score(larger)
