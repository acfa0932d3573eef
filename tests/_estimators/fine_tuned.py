"""Small data to fine-tune on, and nets tuned on them."""

from sktransfer import FineTuneClassifier

from ..nets import state_of, table, tiny_backbone

X, Y = table(60, n_classes=3)


def image_model(**parameters):
    settings = {"max_epochs": 2, "batch_size": 8, "random_state": 0}
    return FineTuneClassifier(tiny_backbone(), **settings | parameters)


def fitted_state(model):
    return state_of(model.net_.module_)
