"""The training loop against a bare loop in torch, and what ends it."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from skorch.callbacks import Callback
from torch import nn
from torch.nn import functional as F

from sktransfer import FineTuneClassifier, FineTuneRegressor
from sktransfer._training.batches import batch_slices
from sktransfer.backbones import load_backbone
from sktransfer.exceptions import TrainingDivergedError
from sktransfer.finetuning import DELTA

from ..nets import images, table

X, Y = table(100, 6, n_classes=3)


class _Start(Callback):
    """Keeps the weights that training starts with (of the class: it is copied)."""

    module = None

    def on_train_begin(self, net, **kwargs):
        import copy

        type(self).module = copy.deepcopy(net.module_)


def _draw_seed(random_state):
    return int(np.random.RandomState(random_state).randint(np.iinfo(np.int32).max))


def _one_cycle(n_steps, lr):
    """Return the rates of torch's OneCycleLR, stretched over exactly n_steps."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr, total_steps=n_steps, cycle_momentum=False
    )
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def _reference(module, optimizer, rates, seed, *, epochs, weight=None, batch_size=32):
    """Train `module` by a loop as one writes it by hand."""
    inputs, labels = torch.tensor(X), torch.tensor(Y)
    generator = torch.Generator().manual_seed(seed)
    rates = iter(rates)
    module.train()
    for _ in range(epochs):
        order = torch.randperm(len(X), generator=generator)
        for rows in (order[part] for part in batch_slices(len(X), batch_size)):
            optimizer.param_groups[0]["lr"] = next(rates)
            optimizer.zero_grad()
            logits = module.head(module.backbone(inputs[rows]))
            losses = F.cross_entropy(logits, labels[rows], reduction="none")
            if weight is None:
                losses.mean().backward()
            else:
                w = torch.tensor(weight)[rows]
                ((losses * w).sum() / w.sum()).backward()
            optimizer.step()
    return module


@pytest.mark.parametrize("name", ["adamw", "adam", "sgd", "rmsprop"])
@pytest.mark.parametrize(
    "weight", [None, np.linspace(0.5, 2, 100)], ids=["", "weights"]
)
def test_weights_are_those_of_a_bare_loop(name, weight):
    model = FineTuneClassifier(
        optimizer=name,
        max_epochs=3,
        batch_size=32,
        random_state=7,
        callbacks=[_Start()],
    ).fit(X, Y, sample_weight=weight)
    make = {
        "adamw": lambda p: torch.optim.AdamW(p, weight_decay=0.0),
        "adam": torch.optim.Adam,
        "sgd": lambda p: torch.optim.SGD(p, lr=1, momentum=0.9, nesterov=True),
        "rmsprop": torch.optim.RMSprop,
    }[name]
    module = _Start.module
    optimizer = make(list(module.parameters()))
    expected = _reference(
        module,
        optimizer,
        _one_cycle(3 * 4, 0.01),
        _draw_seed(7),
        epochs=3,
        weight=weight,
    )
    pairs = zip(expected.parameters(), model.net_.module_.parameters(), strict=True)
    for theirs, ours in pairs:
        assert ours.dtype == torch.float64
        assert_allclose(ours.detach(), theirs.detach(), rtol=0, atol=1e-10)


def test_history_holds_the_mean_loss_and_accuracy_of_the_epoch():
    weight = np.linspace(0.5, 2, 100)
    model = FineTuneClassifier(
        max_epochs=2, batch_size=32, lr=1e-12, random_state=0, lr_schedule="constant"
    ).fit(X, Y, weight, X_val=X[:30], y_val=Y[:30], sample_weight_val=weight[:30])
    losses = -np.log(model.predict_proba(X)[np.arange(100), Y])
    hits = model.predict(X) == Y
    last = model.history_[-1]
    assert_allclose(last["train_loss"], np.average(losses, weights=weight), rtol=1e-6)
    assert_allclose(last["train_acc"], np.average(hits, weights=weight), rtol=1e-6)
    expected = np.average(losses[:30], weights=weight[:30])
    assert_allclose(last["valid_loss"], expected, rtol=1e-6)
    assert_allclose(last["valid_acc"], np.average(hits[:30], weights=weight[:30]))
    assert last["lr"] == 1e-12


class _Blank(Callback):
    """Puts the mean of the columns into the place of each row."""

    def on_batch_begin(self, net, batch, **kwargs):
        batch[0].copy_(net.module_.backbone.preprocessing.mean)


def test_callbacks_may_change_a_batch_in_place():
    model = FineTuneClassifier(callbacks=[_Start(), _Blank()], max_epochs=2).fit(X, Y)
    first, second = (
        net.backbone.stages[0] for net in (_Start.module, model.net_.module_)
    )
    assert torch.equal(first.weight, second.weight)
    assert not torch.equal(first.bias, second.bias)


class _Listener(Callback):
    def on_batch_begin(self, net, **kwargs):
        pass


@pytest.mark.parametrize("weight", [None, np.linspace(0.5, 2, 100)])
@pytest.mark.parametrize("regularizer", [None, "delta"])
def test_rows_prepared_ahead_train_the_same_net(weight, regularizer):
    settings = {"max_epochs": 3, "random_state": 0, "regularizer": regularizer}
    ahead = FineTuneClassifier(**settings).fit(X, Y, weight, X_val=X, y_val=Y)
    heard = FineTuneClassifier(**settings, callbacks=[_Listener()])
    heard.fit(X, Y, weight, X_val=X, y_val=Y)
    assert np.array_equal(ahead.predict_proba(X), heard.predict_proba(X))
    assert ahead.history_[:, "valid_loss"] == heard.history_[:, "valid_loss"]


def test_validation_rows_change_no_weight():
    settings = {"max_epochs": 3, "batch_size": 32, "random_state": 0}
    alone = FineTuneClassifier(**settings).fit(X[:80], Y[:80])
    watched = FineTuneClassifier(**settings).fit(
        X[:80], Y[:80], X_val=X[80:], y_val=Y[80:]
    )
    assert np.array_equal(alone.predict_proba(X), watched.predict_proba(X))
    assert len(watched.history_[:, "valid_loss"]) == 3
    assert "valid_loss" not in alone.history_[-1]


def test_rows_set_aside_by_early_stopping_are_never_trained_on():
    class Seen(Callback):
        rows = set()  # of the class: the callback is copied

        def on_batch_end(self, net, batch, training, **kwargs):
            if training:
                self.rows.update(batch[0][:, 0].tolist())

    Seen.rows = set()
    model = FineTuneClassifier(
        early_stopping=True,
        validation_fraction=0.2,
        max_epochs=3,
        random_state=0,
        callbacks=[Seen()],
    ).fit(X, Y)
    assert len(Seen.rows) == 80
    assert Seen.rows < set(X[:, 0])
    assert len(model.history_[:, "valid_loss"]) == 3


@pytest.mark.parametrize("cls", [FineTuneClassifier, FineTuneRegressor])
def test_early_stopping_returns_to_the_best_epoch(cls):
    rng = np.random.default_rng(0)
    X_val, y_val = rng.normal(size=(60, 6)), rng.integers(0, 3, 60)
    model = cls(
        early_stopping=True, n_iter_no_change=3, max_epochs=100, random_state=0
    ).fit(X, Y, X_val=X_val, y_val=y_val)
    losses = np.array(model.history_[:, "valid_loss"])
    assert len(losses) == losses.argmin() + 4 < 100
    if cls is FineTuneClassifier:
        ours = -np.log(model.predict_proba(X_val)[np.arange(60), y_val]).mean()
    else:
        ours = np.square((model.predict(X_val) - y_val) / Y.std()).mean()
    assert_allclose(ours, losses.min(), rtol=1e-6)


class _Interrupt(Callback):
    def __init__(self, epoch, hook):
        self.epoch = epoch
        self.hook = hook

    def on_epoch_begin(self, net, **kwargs):
        self._maybe("on_epoch_begin", net)

    def on_batch_end(self, net, **kwargs):
        self._maybe("on_batch_end", net)

    def on_epoch_end(self, net, **kwargs):
        self._maybe("on_epoch_end", net)

    def _maybe(self, hook, net):
        if hook == self.hook and len(net.history) == self.epoch:
            raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("hook", "n_epochs"),
    [("on_epoch_begin", 2), ("on_batch_end", 2), ("on_epoch_end", 3)],
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_an_interrupt_keeps_what_was_trained(hook, n_epochs, early_stopping):
    model = FineTuneClassifier(
        callbacks=[_Interrupt(3, hook)],
        early_stopping=early_stopping,
        max_epochs=10,
        batch_size=32,
        random_state=0,
    ).fit(X, Y)
    assert model.n_epochs_ == n_epochs
    assert len(model.history_[:, "train_loss"]) == n_epochs
    assert model.predict(X).shape == Y.shape


@pytest.mark.parametrize("hook", ["on_epoch_begin", "on_batch_end"])
def test_an_interrupt_before_the_first_epoch_ends_is_one(hook):
    model = FineTuneClassifier(callbacks=[_Interrupt(1, hook)])
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y)
    assert not hasattr(model, "net_")


@pytest.mark.parametrize("cls", [FineTuneClassifier, FineTuneRegressor])
def test_divergence_names_epoch_rate_and_cure(cls):
    model = cls(lr=1e200, optimizer="sgd", max_epochs=5, batch_size=32, random_state=0)
    message = r"loss became (nan|inf) in epoch \d.*lr=1e\+200.*tenth of that.*ClipGrad"
    with pytest.raises(TrainingDivergedError, match=message):
        model.fit(X, Y)


def test_the_net_ends_in_evaluation_mode():
    for strategy in ("linear_probe", "full", "lp_ft"):
        model = FineTuneClassifier(strategy=strategy, max_epochs=2).fit(X, Y)
        assert not any(part.training for part in model.net_.module_.modules())


@pytest.mark.parametrize("strategy", ["linear_probe", "lp_ft"])
def test_verbose_prints_a_solved_head_and_epochs(strategy, capsys):
    settings = {"max_epochs": 2, "strategy": strategy}
    FineTuneClassifier(**settings).fit(X, Y)
    assert capsys.readouterr().out == ""
    FineTuneClassifier(**settings, verbose=1).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert sum("train_loss" in line for line in lines) == 1 + (strategy == "lp_ft")
    numbers = [int(line.split()[0]) for line in lines if line.split()[0].isdigit()]
    assert numbers == ([1] if strategy == "linear_probe" else [1, 2, 3])


@pytest.mark.parametrize("images_are", [False, True])
def test_batch_norm_on_a_batch_of_one_names_the_cure(images_are):
    backbone, data, y = nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4)), X, Y
    if images_are:
        backbone, (data, y) = "smallnet", images()
        data = data[:, :1, :1]
    model = FineTuneClassifier(backbone, strategy="full", batch_size=1)
    if images_are:
        model.set_params(weights=None)
    with pytest.raises(ValueError, match=r"batch_size=1: .*batch_size=2.*probe"):
        model.fit(data, y)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_trains_on_a_cpu(precision):
    small = X.astype(np.float32)
    model = FineTuneClassifier(precision=precision, random_state=0).fit(small, Y)
    assert model.predict_proba(small).dtype == np.float32
    assert model.score(small, Y) > 0.8
    if precision == "fp16":
        assert model.net_._scaler.get_scale() > 0


def test_a_compiled_net_predicts_the_same(tmp_path):
    import pickle

    plain = FineTuneClassifier(max_epochs=2, random_state=0).fit(X, Y)
    compiled = FineTuneClassifier(max_epochs=2, random_state=0, compile=True)
    try:
        compiled.fit(X, Y)
    except Exception as error:
        if "compiler" in str(error) or "Python.h" in str(error):
            pytest.skip("torch.compile finds no C++ compiler here.")
        raise
    assert_allclose(compiled.predict_proba(X), plain.predict_proba(X), atol=1e-6)
    again = pickle.loads(pickle.dumps(compiled))
    assert_allclose(again.predict_proba(X), plain.predict_proba(X), atol=1e-6)


def test_max_epochs_auto_aims_at_a_number_of_steps():
    few = FineTuneClassifier(random_state=0).fit(X, Y)
    many = FineTuneClassifier(random_state=0, batch_size=5).fit(X, Y)
    assert few.n_epochs_ == 100
    assert many.n_epochs_ == 15  # 300 steps of 20 batches


def test_a_source_computes_in_the_precision_of_the_net():
    pixels, y = images()
    model = FineTuneClassifier(
        load_backbone("squeezenet1_1", weights=None, image_size=32).eval(),
        strategy="linear_probe",
        augment=[nn.Identity()],
        regularizer=DELTA(alpha=1e6, beta=0.0),
        precision="bf16",
        max_epochs=1,
        random_state=0,
    )
    regular = model.fit(pixels, y).history_[0, "train_loss"]
    plain = model.set_params(regularizer=None).fit(pixels, y)
    assert_allclose(regular, plain.history_[0, "train_loss"])
