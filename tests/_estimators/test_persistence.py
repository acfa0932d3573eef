"""Fitted estimators survive pickle, joblib and deepcopy, at a fair size."""

import copy
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone

from sktransfer import (
    FineTuneClassifier,
    FineTuneRegressor,
    PretrainedFeatureExtractor,
)
from sktransfer.callbacks import WeightAverage

from ..nets import images, name_of, table, tiny_backbone, write_images

TABLE, LABELS = table(40)
PIXELS, PIXEL_LABELS = images()
FAST = {"max_epochs": 2, "random_state": 0}


def _by_pickle(model, folder):
    return pickle.loads(pickle.dumps(model))


def _by_joblib(model, folder):
    joblib.dump(model, folder / "model.joblib")
    return joblib.load(folder / "model.joblib")


def _by_deepcopy(model, folder):
    return copy.deepcopy(model)


@pytest.mark.parametrize("way", [_by_pickle, _by_joblib, _by_deepcopy])
@pytest.mark.parametrize("kind", ["table", "images", "paths"])
@pytest.mark.parametrize(
    "model",
    [
        FineTuneClassifier(strategy="full", early_stopping=True, **FAST),
        FineTuneClassifier(strategy="linear_probe", **FAST),
        FineTuneClassifier(strategy="gradual", regularizer="l2sp", **FAST),
        FineTuneRegressor(callbacks=[WeightAverage()], **FAST),
        PretrainedFeatureExtractor(random_state=0),
    ],
    ids=name_of,
)
def test_predictions_are_the_same(model, kind, way, tmp_path):
    X, y = (TABLE, LABELS) if kind == "table" else (PIXELS, PIXEL_LABELS)
    X = write_images(PIXELS, tmp_path) if kind == "paths" else X
    model = clone(model)
    if kind != "table":
        model.set_params(backbone=tiny_backbone())
    model.fit(X, y)
    again = way(model, tmp_path)
    for method in ("predict", "predict_proba", "transform"):
        if hasattr(model, method):
            assert np.array_equal(getattr(again, method)(X), getattr(model, method)(X))
    assert vars(again).keys() == vars(model).keys()


@pytest.mark.parametrize("warm_start", [False, True])
def test_training_goes_on_after_a_pickle_as_without_one(warm_start):
    model = FineTuneClassifier(warm_start=warm_start, **FAST).fit(TABLE, LABELS)
    again = pickle.loads(pickle.dumps(model))
    for one in (model, again):
        if warm_start:
            one.fit(TABLE, LABELS)
        else:
            one.partial_fit(TABLE, LABELS)
    assert np.array_equal(again.predict_proba(TABLE), model.predict_proba(TABLE))


def _size(**parameters):
    backbone = "smallnet"
    model = FineTuneClassifier(
        backbone, weights=None, batch_size=8, **FAST | parameters
    ).fit(PIXELS, PIXEL_LABELS)
    n_bytes = sum(p.nbytes for p in model.net_.module_.state_dict().values())
    return len(pickle.dumps(model)) / n_bytes


def test_a_pickle_holds_the_module_once():
    assert _size(strategy="linear_probe") < 1.2
    # the state of SGD is a momentum, that of AdamW two moments
    assert _size(strategy="full", optimizer="sgd") < 2.2
    assert _size(strategy="full") < 3.2
    stopped = {"early_stopping": True, "n_iter_no_change": 1, "max_epochs": 3}
    assert _size(strategy="full", optimizer="sgd", **stopped) < 2.2
    averaged = {"callbacks": [WeightAverage()]}
    assert _size(strategy="full", optimizer="sgd", **averaged) < 2.2


def test_no_training_data_in_a_pickle():
    rng = np.random.default_rng(0)
    many = rng.normal(size=(20_000, 5))
    y = (many[:, 0] > 0).astype(int)
    model = FineTuneClassifier(max_epochs=1, batch_size=5000)
    few = len(pickle.dumps(clone(model).fit(many[:100], y[:100])))
    lots = len(pickle.dumps(clone(model).fit(many, y, X_val=many, y_val=y)))
    assert lots < few + 2000


class _OnAccelerator(torch.nn.Linear):
    moved = False

    def parameters(self, recurse=True):
        yield torch.empty(1, device="cpu" if self.moved else "meta")

    def cpu(self):
        self.moved = True
        return super().cpu()


@pytest.mark.parametrize("kind", [FineTuneClassifier, PretrainedFeatureExtractor])
def test_backbones_are_pickled_on_the_cpu(kind):
    module = _OnAccelerator(5, 3)
    model = kind(module)
    again = pickle.loads(pickle.dumps(model))
    assert again.backbone.moved
    assert not module.moved
    assert model.backbone is module
