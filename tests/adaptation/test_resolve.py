"""From names and objects to methods of one's own."""

import re

import pytest
from sklearn.utils._param_validation import InvalidParameterError

import sktransfer.adaptation as adaptation
from sktransfer.adaptation import DANN, MCC, AdaptationMethod, FixMatch
from sktransfer.adaptation._resolve import NAMES, resolve_methods


def test_every_method_has_a_name():
    classes = {
        name
        for name in adaptation.__all__
        if name not in ("AdaptationMethod", "DomainBatch")
    }
    assert set(NAMES.values()) == classes
    assert all(
        name == cls.lower() or name == "source_only" for name, cls in NAMES.items()
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stands_for_its_defaults(name):
    (method,) = resolve_methods(name)
    assert type(method).__name__ == NAMES[name]
    assert repr(method) == f"{NAMES[name]}()"
    assert isinstance(method, AdaptationMethod)
    assert method.__doc__.count("References") == (name not in ("source_only", "joint"))


@pytest.mark.parametrize("container", [list, tuple])
def test_several_methods_keep_their_order(container):
    methods = resolve_methods(container(["fixmatch", MCC(weight=0.5), "dann"]))
    assert [type(m).__name__ for m in methods] == ["FixMatch", "MCC", "DANN"]
    assert methods[1].weight == 0.5


def test_objects_are_copied():
    mine = FixMatch(threshold=0.7)
    for method in (mine, [mine]):
        (copy,) = resolve_methods(method)
        assert copy is not mine
        assert copy.threshold == 0.7


LOSSES = {
    *("joint", "dann", "cdan", "mdd", "dan", "jan", "deepcoral", "deepjdot", "afn"),
    *("mcc", "bnm", "im", "fixmatch"),
}


@pytest.mark.parametrize("name", NAMES)
def test_only_losses_compose(name):
    if name in LOSSES:
        assert len(resolve_methods([name, "mcc"])) == 2
        return
    message = f"combines {NAMES[name]} with others, but it is no loss.*Use it alone"
    for several in ([name, "mcc"], ["mcc", name]):
        with pytest.raises(ValueError, match=message):
            resolve_methods(several)
    assert len(resolve_methods([name])) == 1


@pytest.mark.parametrize(
    ("method", "error", "message"),
    [
        ("dan2", ValueError, "'dan2' is not known: did you mean 'dan'? Choose"),
        ("DeepCoral", ValueError, "did you mean 'deepcoral'?"),
        (["mcc", "x"], ValueError, "method='x' is not known. Choose from ['a"),
        ([], ValueError, "method=[] is empty: name at least one, or 'source_only'"),
        (DANN, TypeError, "method=DANN is a class: pass an instance, DANN()"),
        ([MCC, "dann"], TypeError, "method=MCC is a class: pass an instance"),
        (3, TypeError, "method=3 is neither a name nor an AdaptationMethod"),
        ([None], TypeError, "method=None is neither a name nor"),
        (DANN(weight=-1), InvalidParameterError, "'weight' parameter of DANN"),
        (FixMatch(threshold=2), InvalidParameterError, "'threshold' parameter"),
    ],
    ids=str,
)
def test_what_is_no_method(method, error, message):
    with pytest.raises(error, match=re.escape(message)):
        resolve_methods(method)


class _NoLoss(AdaptationMethod):
    def losses(self, batch, aux):
        return batch.logits_t.mean()


class _OneArgument(AdaptationMethod):
    def loss(self, batch):
        return batch.logits_t.mean()


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (_NoLoss(), "has no loss: define loss(self, batch, aux) in _NoLoss"),
        (_OneArgument(), "_OneArgument.loss is called as loss(batch, aux)"),
    ],
    ids=repr,
)
def test_a_method_that_would_do_nothing_is_refused(method, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        resolve_methods(method)
