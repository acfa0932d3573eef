"""Bad input through the public estimators: one clear error, and nothing is broken.

Each case names what the message must hold: the parameter or row, the value, the cure.
"""

import re
from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from scipy import sparse

from sktransfer import (
    FineTuneClassifier,
    FineTuneRegressor,
    PretrainedFeatureExtractor,
)
from sktransfer.backbones import load_backbone, save_backbone
from sktransfer.finetuning import BSS, L2SP, CrossEntropy, Focal

from .nets import images, name_of, state_of, table, tiny_backbone, write_images

X, Y = table(30, 5)
PIXELS, LABELS = images(12)
ERRORS = (ValueError, TypeError, FileNotFoundError, OSError)


def _with(array, index, value):
    changed = np.array(array, dtype=np.result_type(array, type(value)))
    changed[index] = value
    return changed


# --- parameters: a name, a value, the words of the message

PARAMETERS = {
    "strategy": [("fulls", "strategy.*fulls"), (None, "strategy.*None")],
    "backbone": [
        ("resnet19", "resnet19.*Did you mean.*resnet18"),
        (3, "backbone.*3"),
        (nn_class := torch.nn.Linear, "backbone=.*Linear.*must be"),
        ("nowhere.safetensors", "nowhere.safetensors"),
    ],
    "weights": [(3, "weights.*3")],
    "head": [
        ((0,), r"head=\(0,\) must be 'linear' or a tuple of positive integers"),
        (("a",), r"head=\('a',\) must be 'linear'"),
        ((), r"head=\(\) must be 'linear'"),
        ((2.5,), r"head=\(2.5,\) must be"),
        ("deep", "head.*deep"),
        (16, "head.*16"),
    ],
    "loss": [
        ("crossentropy", "loss.*crossentropy"),
        (Focal, r"loss=Focal is a class: pass an instance, Focal\(\)"),
        (Focal(gamma=-1), "gamma.*Focal.*-1"),
        (CrossEntropy(label_smoothing=2), "label_smoothing.*2"),
        (object(), "loss.*object"),
    ],
    "regularizer": [
        ("l3sp", "regularizer.*l3sp"),
        (L2SP, r"regularizer=L2SP is a class: pass an instance"),
        (L2SP(alpha=-1), "alpha.*L2SP.*-1"),
        (BSS(k=0), "k.*BSS.*0"),
    ],
    "class_weight": [
        ("unbalanced", "class_weight.*unbalanced"),
        ({0: 1, 7: 2}, r"class.*\[1\].*class_weight"),
        ({0: 1, 1: -1}, r"class_weight=.*-1.*must hold positive numbers"),
        ({0: 1, 1: 0}, r"class_weight=.*must hold positive numbers: leave out"),
    ],
    "C": [(0, "'C'.*0"), (-1.0, "'C'.*-1"), ("best", "'C'.*best")],
    "n_trainable_stages": [(-1, "n_trainable_stages.*-1"), (1.5, "n_trainable.*1.5")],
    "max_epochs": [(0, "max_epochs.*0"), ("all", "max_epochs.*all")],
    "batch_size": [(0, "batch_size.*0"), (2.5, "batch_size.*2.5")],
    "lr": [(0, "'lr'.*0"), (-0.1, "'lr'.*-0.1"), ("fast", "'lr'.*fast")],
    "backbone_lr_ratio": [
        (-1, "backbone_lr_ratio.*-1"),
        ((0.1,), r"backbone_lr_ratio=\(0.1,\) must be a number or a pair"),
        ((0.1, 0.2, 0.3), r"backbone_lr_ratio=\(0.1, 0.2, 0.3\) must be"),
        ((0.0, 1.0), r"backbone_lr_ratio=\(0.0, 1.0\) must be .* positive"),
        (("a", "b"), r"backbone_lr_ratio=\('a', 'b'\) must be"),
    ],
    "lr_schedule": [("two_cycle", "lr_schedule.*two_cycle")],
    "optimizer": [
        ("adamm", "optimizer.*adamm"),
        (print, r"optimizer=<built-in function print> cannot be built.*Use one of"),
        (partial(torch.optim.SGD, speed=1), "optimizer=.*speed.*Use one of"),
        (torch.optim.LBFGS, "optimizer=.*LBFGS.*cannot be built"),
        (3, "optimizer.*3"),
    ],
    "weight_decay": [(-1, "weight_decay.*-1"), ("some", "weight_decay.*some")],
    "early_stopping": [("yes", "early_stopping.*yes")],
    "validation_fraction": [(0, "validation_fraction.*0"), (1.5, "valid.*1.5")],
    "n_iter_no_change": [(0, "n_iter_no_change.*0")],
    "precision": [("fp8", "precision.*fp8")],
    "compile": [("fast", "compile.*fast")],
    "device": [("gpu", "device='gpu' cannot be used here.*'cpu'"), (3.5, "device=3.5")],
    "num_workers": [(-1, "num_workers.*-1")],
    "callbacks": [
        ("ema", "callbacks.*ema"),
        ([1], "callbacks holds 1, which is no skorch callback. Pass instances"),
    ],
    "warm_start": [("yes", "warm_start.*yes")],
    "random_state": [("seed", "random_state.*seed")],
    "augment": [
        (
            "light",
            "augment='light' is for images, but X is a table. Leave augment=None",
        ),
        (3, "augment.*3"),
    ],
    "n_views": [
        (0, "n_views.*0"),
        (11, "n_views.*11"),
        (2, "n_views=2 is for images, but X is a table. Leave n_views=1"),
    ],
    "image_size": [
        (0, "image_size.*0"),
        (32, "image_size=32 is for images, but X is a table. Leave image_size=None"),
    ],
    "input_shape": [
        ((2, 2), r"input_shape=\(2, 2\) asks for 4 columns, but X has 5"),
        ((5,), r"input_shape=\(5,\) must be"),
        ((1, 5, 2), r"input_shape=\(1, 5, 2\) must be"),
        (5, "input_shape.*5"),
    ],
}
CASES = [(n, value, match) for n, cases in PARAMETERS.items() for value, match in cases]


@pytest.mark.parametrize(("name", "value", "match"), CASES, ids=name_of)
def test_parameters(name, value, match):
    model = FineTuneClassifier(**{"max_epochs": 2, name: value})
    _check(model, match, lambda: model.fit(X, Y))


REGRESSOR_PARAMETERS = [
    ("loss", "cross_entropy", "loss.*cross_entropy"),
    ("augment", "mixup", r"augment='mixup'"),
    ("strategy", "best", "strategy.*best"),
    ("C", -1, "'C'.*-1"),
]


@pytest.mark.parametrize(("name", "value", "match"), REGRESSOR_PARAMETERS, ids=name_of)
def test_parameters_of_the_regressor(name, value, match):
    model = FineTuneRegressor(**{name: value})
    _check(model, match, lambda: model.fit(X, Y))


def test_labels_cannot_be_mixed_in_a_regression():
    model = FineTuneRegressor(tiny_backbone(), augment="mixup", max_epochs=1)
    _check(
        model,
        r"augment='mixup' mixes class labels.*use 'light'",
        _fit(model, PIXELS, LABELS),
    )


EXTRACTOR_PARAMETERS = [
    ("layers", "stage1", "layers.*stage1"),
    ("layers", [7], r"layers: 7 is no stage.*Choose from"),
    ("layers", ["stage9"], r"layers: 'stage9' is no stage.*Choose from"),
    ("layers", [], r"layers=\[\]"),
    ("pooling", "mean", "pooling.*mean"),
    ("n_views", 2, "n_views=2 is for images, but X is a table"),
    ("batch_size", 0, "batch_size.*0"),
    ("device", "gpu", "device='gpu' cannot be used"),
]


@pytest.mark.parametrize(("name", "value", "match"), EXTRACTOR_PARAMETERS, ids=name_of)
def test_parameters_of_the_extractor(name, value, match):
    model = PretrainedFeatureExtractor(**{name: value})
    _check(model, match, lambda: model.fit(X))


# --- combinations


def _fit(model, *args, **kwargs):
    return lambda: model.fit(*args, **kwargs)


def test_more_trainable_stages_than_there_are():
    model = FineTuneClassifier(strategy="partial", n_trainable_stages=3)
    _check(
        model, "n_trainable_stages=3, but the backbone has 2 stages", _fit(model, X, Y)
    )


def test_cv_with_one_row_of_a_class():
    model = FineTuneClassifier(strategy="linear_probe", C="cv")
    y = np.r_[1, np.zeros(29, int)]
    _check(
        model, r"C='cv' needs at least 2 rows of every class.*has 1", _fit(model, X, y)
    )


def test_early_stopping_with_too_few_rows():
    model = FineTuneClassifier(early_stopping=True)
    y = np.r_[1, np.zeros(29, int)]
    message = r"early_stopping=True cannot set validation_fraction=0.1 of 30 rows aside"
    _check(model, message + ".*Pass X_val", _fit(model, X, y))


def test_early_stopping_in_partial_fit():
    model = FineTuneClassifier(early_stopping=True)
    message = "early_stopping=True needs validation rows.*Use fit"
    _check(model, message, lambda: model.partial_fit(X, Y, classes=[0, 1]))


def test_balanced_weights_in_partial_fit():
    model = FineTuneClassifier(class_weight="balanced")
    message = "class_weight='balanced' needs all rows at once.*Pass a dict"
    _check(model, message, lambda: model.partial_fit(X, Y, classes=[0, 1]))


def test_first_partial_fit_without_classes():
    model = FineTuneClassifier()
    _check(
        model,
        "classes must be passed in the first call",
        lambda: model.partial_fit(X, Y),
    )


def test_partial_fit_with_new_labels():
    model = FineTuneClassifier().partial_fit(X, Y, classes=[0, 1])
    message = r"y has labels that are not among the classes \[0 1\]: \[2\].*Drop"
    _check(model, message, lambda: model.partial_fit(X, Y + 1))


def test_partial_fit_with_other_classes():
    model = FineTuneClassifier().partial_fit(X, Y, classes=[0, 1])
    message = r"classes=\[0, 1, 2\] differ from those of the first call"
    _check(model, message, lambda: model.partial_fit(X, Y, classes=[0, 1, 2]))


def test_partial_fit_with_other_outputs():
    model = FineTuneRegressor().partial_fit(X, X[:, :2])
    _check(
        model, "y has 3 outputs.* fitted on 2", lambda: model.partial_fit(X, X[:, :3])
    )


def test_image_size_of_a_vision_transformer():
    model = FineTuneClassifier("vit_b_32", weights=None, image_size=100, max_epochs=1)
    _check(
        model,
        r"image_size.*vit_b_32|vit_b_32.*image_size",
        _fit(model, PIXELS, LABELS),
    )


@pytest.mark.parametrize("value", ["strong", ["light", 3], object()], ids=name_of)
def test_augmentations_that_are_none(value):
    model = FineTuneClassifier(tiny_backbone(), augment=value, max_epochs=1)
    _check(model, "augment", _fit(model, PIXELS, LABELS))


def test_scheduler_beside_a_schedule():
    from skorch.callbacks import LRScheduler

    model = FineTuneClassifier(callbacks=[LRScheduler()])
    _check(
        model, r"LRScheduler.*lr_schedule='one_cycle'.*'constant'", _fit(model, X, Y)
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="This machine has CUDA.")
@pytest.mark.parametrize(
    "model",
    [FineTuneClassifier(device="cuda"), PretrainedFeatureExtractor(device="cuda")],
    ids=name_of,
)
def test_a_device_that_is_not_there(model):
    _check(
        model, r"device='cuda' cannot be used here.*'auto' or 'cpu'", _fit(model, X, Y)
    )


# --- tables and targets

TABLES = {
    "one_dimension": (X[:, 0], "1D array|Reshape"),
    "scalar": (3.0, "Expected 2D array, got scalar"),
    "none": (None, "X is None"),
    "no_rows": (X[:0], "0 sample"),
    "no_columns": (X[:, :0], "0 feature"),
    "nan": (_with(X, (3, 2), np.nan), "NaN"),
    "infinity": (_with(X, (3, 2), np.inf), "infinity"),
    "complex": (X + 1j, "[Cc]omplex"),
    "sparse": (sparse.csr_matrix(X), "[Ss]parse"),
    "words_in_a_table": (np.array([["a", "b"]] * 30, object), "string|convert"),
    "ragged": ([[1.0, 2.0]] * 29 + [[1.0]], "differ in shape|inhomogeneous"),
    "too_many_axes": (np.zeros((30, 2, 2, 2, 2)), "shape .*images are"),
    "a_dict": ({"a": 1}, "dict"),
}


@pytest.mark.parametrize("case", TABLES)
@pytest.mark.parametrize(
    "cls", [FineTuneClassifier, FineTuneRegressor, PretrainedFeatureExtractor]
)
def test_tables(cls, case):
    data, match = TABLES[case]
    model = cls()
    _check(model, match, lambda: model.fit(data, Y))


TARGETS = {
    "missing": (None, "y"),
    "too_short": (Y[:-1], "inconsistent.*30, 29"),
    "one_class": (np.zeros(30), r"one class, \[0.0\].*Add rows"),
    "continuous": (X[:, 0], "known label type|continuous"),
    "nan": (_with(Y.astype(float), 3, np.nan), "NaN"),
    "two_columns": (np.c_[Y, Y], "y should be a 1d array|shape"),
    "none": (_with(Y.astype(object), 3, None), r"Row 3 of y is missing \(None\)"),
    "na": (_with(Y.astype(object), 4, pd.NA), r"Row 4 of y is missing \(<NA>\)"),
    "mixed": (_with(Y.astype(object), 3, "cat"), "types int, str: convert"),
}


@pytest.mark.parametrize("case", TARGETS)
def test_labels(case):
    y, match = TARGETS[case]
    model = FineTuneClassifier()
    _check(model, match, lambda: model.fit(X, y))


REGRESSION_TARGETS = {
    "missing": (None, "y"),
    "too_short": (Y[:-1], "inconsistent.*30, 29"),
    "words": (np.array(["a"] * 30), "y must hold numbers"),
    "nan": (_with(X[:, 0], 3, np.nan), "Input y contains NaN"),
    "infinity": (_with(X[:, 0], 3, np.inf), "y contains infinity"),
    "three_axes": (np.zeros((30, 2, 2)), "y must hold numbers.*dim 3"),
}


@pytest.mark.parametrize("case", REGRESSION_TARGETS)
def test_regression_targets(case):
    y, match = REGRESSION_TARGETS[case]
    model = FineTuneRegressor()
    _check(model, match, lambda: model.fit(X, y))


WEIGHTS = {
    "negative": (-np.ones(30), "Negative values.*sample_weight"),
    "zero": (np.zeros(30), "[Ss]ample.weight.*zero"),
    "wrong_length": (np.ones(29), r"sample_weight.shape == \(29,\), expected \(30,\)"),
    "nan": (_with(np.ones(30), 3, np.nan), "sample_weight contains NaN"),
    "two_axes": (np.ones((30, 2)), "[Ss]ample.weights? must be 1D"),
    "of_one_class": ((Y == 0).astype(float), "one class.*weight zero do not count"),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights(case):
    weight, match = WEIGHTS[case]
    model = FineTuneClassifier()
    _check(model, match, lambda: model.fit(X, Y, sample_weight=weight))


VALIDATION = {
    "no_labels": ({"X_val": X}, r"only \['X_val'\] were given: pass X_val and y_val"),
    "no_rows": ({"y_val": Y}, r"only \['y_val'\] were given"),
    "weights_alone": ({"sample_weight_val": Y}, r"only \['sample_weight_val'\] were"),
    "unknown_labels": (
        {"X_val": X, "y_val": Y + 1},
        r"In X_val, y_val, .*labels that are not among the classes \[0 1\]: \[2\]",
    ),
    "other_columns": (
        {"X_val": X[:, :3], "y_val": Y},
        "In X_val.*3 features.*expecting 5",
    ),
    "lengths": ({"X_val": X, "y_val": Y[:3]}, r"In X_val.*\[30, 3\]"),
    "images": ({"X_val": PIXELS, "y_val": LABELS}, "In X_val.*images.*takes tables"),
    "nan": ({"X_val": _with(X, (3, 2), np.nan), "y_val": Y}, "In X_val.*NaN"),
}


@pytest.mark.parametrize("case", VALIDATION)
def test_validation_data(case):
    given, match = VALIDATION[case]
    model = FineTuneClassifier(max_epochs=1)
    _check(model, match, lambda: model.fit(X, Y, **given))


# --- images

FLOATS = PIXELS / 255
ARRAYS = {
    "two_channels": (PIXELS[..., :2], r"shape \(12, 8, 8, 2\).*length 1, 3 or 4"),
    "five_axes": (PIXELS[None], "shape .*images are"),
    "no_images": (PIXELS[:0], "at least one image"),
    "no_pixels": (PIXELS[:, :0], "at least one image of at least one pixel"),
    "unscaled_floats": (FLOATS * 255, "values from .* to .*divide by 255"),
    "normalised": ((FLOATS - 0.5) / 0.25, "Float images must lie in 0 to 1"),
    "nan": (_with(FLOATS, (4, 0, 0, 0), np.nan), "Row 4 of X contains NaN"),
    "sixteen_bits": (PIXELS.astype(int) * 257, "0 to 255.*row .*scale them"),
    "negative": (PIXELS.astype(int) - 1000, "0 to 255"),
    "complex": (FLOATS + 1j, "dtype complex"),
    "objects": (FLOATS.astype(object), "dtype object"),
    "a_table": (FLOATS[:, :, 0, 0], r"X is 2-D, of shape .*input_shape=\(h, w\)"),
    "one_image": (PIXELS[0], "inconsistent"),
    "one_path": ("photo.jpg", r"single str.*pass \[X\]"),
    "mixed": (["a.png"] * 11 + [Image.new("RGB", (4, 4))], r"mixes .*row 0.*row 11"),
    "missing_row": (["a.png"] * 11 + [None], "Row 11 of X is missing"),
    "number_among_paths": (["a.png"] * 11 + [3], "Row 11 of X is 3 of type int"),
    "bytes": ([b"\xff\xd8"] * 12, "Row 0 of X holds bytes"),
    "empty_path": ([""] * 12, "Row 0 .*non-empty"),
}


@pytest.mark.parametrize("case", ARRAYS)
@pytest.mark.parametrize("cls", [FineTuneClassifier, PretrainedFeatureExtractor])
def test_images(cls, case):
    data, match = ARRAYS[case]
    model = cls(tiny_backbone())
    y = LABELS
    if cls is PretrainedFeatureExtractor and case == "one_image":
        pytest.skip("Eight grey rows of images are images without labels too.")
    _check(model, match, lambda: model.fit(data, y))


@pytest.fixture
def paths(tmp_path):
    return write_images(PIXELS, tmp_path)


def _break_missing(path):
    path.unlink()


def _break_directory(path):
    path.unlink()
    path.mkdir()


def _break_truncated(path):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format="JPEG")
    path.write_bytes(path.read_bytes()[:500])


def _break_text(path):
    path.write_text("This is no image.")


def _break_empty(path):
    path.write_bytes(b"")


BREAKS = {
    "missing": (_break_missing, "does not exist. Check the path"),
    "directory": (_break_directory, "is a directory: pass paths of image files"),
    "truncated": (_break_truncated, "cannot be read as an image.*Replace"),
    "text": (_break_text, "cannot be read as an image.*Replace"),
    "empty": (_break_empty, "is an empty file: replace"),
}


@pytest.mark.parametrize("case", BREAKS)
@pytest.mark.parametrize(
    "where", ["fit", "fit with workers", "X_val", "predict", "transform"]
)
def test_files(case, where, paths, tmp_path):
    damage, match = BREAKS[case]
    good = FineTuneClassifier(tiny_backbone(), max_epochs=1)
    fitted = good.fit(paths, LABELS)
    damage(tmp_path / "007.png")
    match = rf"(?is)row 7 .*007\.png.*{match}"
    if where == "predict":
        _check(fitted, match, lambda: fitted.predict(paths))
        return
    model = FineTuneClassifier(tiny_backbone(), strategy="full", max_epochs=1)
    call = _fit(model, paths, LABELS)
    if where == "fit with workers":
        model.set_params(num_workers=1)
    elif where == "X_val":
        call = _fit(model, PIXELS, LABELS, X_val=paths, y_val=LABELS)
    elif where == "transform":
        model = PretrainedFeatureExtractor(tiny_backbone()).fit(PIXELS)
        call = lambda: model.transform(paths)  # noqa: E731
    _check(model, match, call)


CHANGES = {
    "grey": (PIXELS[..., :1], "1 channels, but .* fitted on images of 3.*RGB"),
    "alpha": (np.concatenate([PIXELS, PIXELS[..., :1]], -1), "4 channels.*drops alpha"),
    "a_table": (X, "X is 2-D.*input_shape"),
    "paths_of_text": (["a"], "Row 0|row 0"),
}


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("cls", [FineTuneClassifier, PretrainedFeatureExtractor])
def test_other_images_than_in_fit(cls, case):
    data, match = CHANGES[case]
    model = cls(
        tiny_backbone(), **({"max_epochs": 1} if cls is FineTuneClassifier else {})
    )
    model.fit(PIXELS, LABELS)
    call = model.predict if cls is FineTuneClassifier else model.transform
    _check(model, match, lambda: call(data))


def test_other_tables_than_in_fit():
    model = FineTuneClassifier(max_epochs=1).fit(X, Y)
    _check(model, "3 features.*expecting 5", lambda: model.predict(X[:, :3]))
    _check(model, "images.*takes tables", lambda: model.predict(PIXELS))
    frame = pd.DataFrame(X, columns=list("abcde"))
    model.fit(frame, Y)
    _check(model, "feature names", lambda: model.predict(frame[list("edcba")]))


def test_a_backbone_of_other_columns():
    source = FineTuneClassifier(max_epochs=1).fit(X, Y)
    model = FineTuneClassifier(source.backbone_)
    _check(model, "takes 5 columns, but X has 3", _fit(model, X[:, :3], Y))
    _check(model, "takes tables", _fit(model, PIXELS, LABELS))


def test_a_backbone_for_images_on_a_table():
    model = FineTuneClassifier("resnet18", weights=None)
    _check(model, "takes images.*input_shape", _fit(model, X, Y))


# --- backbones and weights


def _wrong_weights(folder, case):
    path = folder / f"{case}.pth"
    state = torch.nn.Linear(2, 2).state_dict()
    if case == "of_another_net":
        torch.save(state, path)
    elif case == "code":
        torch.save(torch.nn.Linear(2, 2), path)
    elif case == "text":
        path.write_text("weights")
    elif case == "empty":
        path.write_bytes(b"")
    elif case == "directory":
        path.mkdir()
    elif case == "backbone_file":
        path = folder / "b.safetensors"
        save_backbone(load_backbone("mlp", n_inputs=5), path)
    return path


@pytest.mark.parametrize(
    "case",
    [
        "of_another_net",
        "code",
        "text",
        "empty",
        "directory",
        "missing",
        "backbone_file",
    ],
)
def test_wrong_weights(case, tmp_path):
    path = _wrong_weights(tmp_path, case)
    model = FineTuneClassifier("squeezenet1_1", weights=path, max_epochs=1)
    _check(
        model,
        f"(?s)weights.*{path.name}|{path.name}.*weights|[Mm]issing",
        _fit(model, PIXELS, LABELS),
    )


def test_weights_beside_an_object():
    model = FineTuneClassifier(tiny_backbone(), weights=None)
    _check(model, "weights.*Leave weights='auto'", _fit(model, PIXELS, LABELS))


class _Pair(torch.nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    "module", [torch.nn.Linear(7, 3), _Pair(), torch.nn.LSTM(5, 4)], ids=type
)
def test_modules_that_return_no_features(module):
    model = FineTuneClassifier(module)
    _check(model, "backbone: .*module", _fit(model, X, Y))


def test_a_loss_that_fails_is_not_hidden():
    class Bad:
        def loss(self, logits, y, class_counts=None):
            raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        FineTuneClassifier(loss=Bad(), strategy="full").fit(X, Y)


# --- what an error must be like


def _snapshot(model):
    fitted = {
        k: v for k, v in vars(model).items() if k.endswith("_") or k.startswith("_")
    }
    net = getattr(model, "net_", None)
    return fitted.keys(), fitted, None if net is None else state_of(net.module_)


def _check(model, match, call):
    """Assert one clear error, after which `model` is what it was."""
    names, before, net = _snapshot(model)
    with pytest.raises(ERRORS) as info:
        call()
    message = str(info.value)
    assert re.search(match, message, re.DOTALL), message
    assert "Traceback" not in message
    assert not message.startswith(("mat1", "size mismatch", "Error(s)", "Expected all"))
    names_after, after, net_after = _snapshot(model)
    assert names_after == names
    assert all(after[name] is before[name] for name in names)
    if net is not None:
        assert all(torch.equal(net[k], net_after[k]) for k in net)
