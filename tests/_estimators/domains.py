"""Small rows of two domains, and what is fitted on them."""

import numpy as np

from sktransfer import DomainAdaptClassifier
from sktransfer.adaptation import (
    AdaptationMethod,
)

from ..nets import images, table, tiny_backbone

X, Y = table(60)
DOMAIN = np.where(np.arange(60) < 30, 1, -2)
LABELLED, TARGET = DOMAIN > 0, DOMAIN < 0
PIXELS, LABELS = images(24)
IMAGE_DOMAIN = np.where(np.arange(24) < 12, 1, -2)
FAST = {"max_epochs": 2, "random_state": 0}


def new_model(method="mcc", **parameters):
    """Return a classifier that is fitted fast."""
    return DomainAdaptClassifier(method=method, **{**FAST, **parameters})


def proba_of(model, *args, **kwargs):
    """Return the probabilities of the rows of X after a fit."""
    return model.fit(*args, **kwargs).predict_proba(X)


class _Seen(AdaptationMethod):
    """Notes what it is shown, in the class: an estimator copies its methods."""

    batches = []

    def loss(self, batch, aux):
        self.batches.append(batch)
        return batch.logits_s.new_zeros(())


def seen_by(X_, y, domain, **parameters):
    """Return the fitted classifier and the batches that a method was shown."""

    class Seen(_Seen):
        batches = []

    model = new_model(Seen(), max_epochs=1, **parameters).fit(X_, y, domain)
    return model, Seen.batches


def numbered(n=60):
    """Return a table in which a row can be told by the backbone's input."""
    return np.arange(n, dtype=float)[:, None] * np.ones((1, 5))


def adapt_images(X_, method, **parameters):
    """Return a classifier adapted on the small images `X_`."""
    model = new_model(method, backbone=tiny_backbone(), **parameters)
    return model.fit(X_, LABELS, IMAGE_DOMAIN)
