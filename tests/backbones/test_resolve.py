"""The parameter `backbone` of estimators."""

import pytest
import torch
from torch import nn

from sktransfer.backbones import Backbone, load_backbone, save_backbone
from sktransfer.backbones._resolve import as_backbone

TABLE = torch.rand(4, 5, dtype=torch.float64)
IMAGES = torch.randint(256, (2, 3, 12, 14)).byte()


def resolve(backbone, sample=IMAGES, **options):
    kind = "table" if sample.ndim == 2 else "images"
    return as_backbone(backbone, kind=kind, sample=sample, **options)


def test_auto_goes_by_the_input():
    assert resolve("auto", TABLE, dtype=torch.float64).name == "mlp"
    image_net = resolve("auto")
    assert (image_net.name, image_net.pretrained) == ("synthnet", True)


def test_columns_and_dtype_are_those_of_the_table():
    backbone = resolve("mlp", TABLE, dtype=torch.float64)
    assert backbone.n_inputs == 5
    assert backbone(TABLE).dtype == torch.float64


def test_a_backbone_is_copied():
    given = load_backbone("smallnet", None)
    own = resolve(given, pooling="max", image_size=20)
    with torch.no_grad():
        next(own.parameters()).zero_()
    assert next(given.parameters()).any()
    assert (given.pooling.kind, given.preprocessing.flexible) == ("auto", True)
    assert (own.pooling.kind, own.preprocessing.crop) == ("max", (20, 20))


def test_a_backbone_keeps_its_pooling_unless_another_is_named():
    given = load_backbone("smallnet", None, pooling="gem")
    assert resolve(given).pooling.kind == "gem"
    assert resolve(given, pooling="avg").pooling.kind == "avg"


def test_a_file(tmp_path):
    given = load_backbone("smallnet", None)
    path = save_backbone(given, tmp_path / "mine.safetensors")
    for name in (path, str(path)):
        assert torch.equal(resolve(name)(IMAGES), given(IMAGES))


def test_a_module_may_take_images_of_one_size_alone():
    module = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 5))
    assert resolve(module, image_size=8)(IMAGES).shape == (2, 5)
    with pytest.raises(ValueError, match=r"cannot run.*give that as image_size"):
        resolve(module)


def test_a_module_is_copied_and_measured():
    module = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
    grey = torch.rand(2, 1, 9, 9)
    own = resolve(module, grey)
    assert (own.name, own.weights, own.n_features) == ("Sequential", "module", 4)
    assert len(own.stages) == 2
    expected = module.eval()(grey).mean((2, 3))
    torch.testing.assert_close(own(grey), expected)
    own.train()(grey)
    assert module[1].num_batches_tracked == 0


def test_a_module_gets_images_from_0_to_1():
    own = resolve(nn.Flatten())
    assert own.n_features == 3 * 12 * 14
    torch.testing.assert_close(own(IMAGES), IMAGES.flatten(1) / 255)


def test_a_module_computes_in_the_dtype_of_the_table():
    module = nn.Linear(5, 3)
    own = resolve(module, TABLE, dtype=torch.float64)
    assert own(TABLE).dtype == torch.float64
    assert module.weight.dtype == torch.float32


def test_a_module_of_vectors_has_nothing_to_pool():
    own = resolve(nn.Flatten(), pooling="avgmax")
    with pytest.raises(ValueError, match="Leave pooling='auto'"):
        own(IMAGES)


class _Tuple(nn.Module):
    def forward(self, x):
        return x, x


@pytest.mark.parametrize(
    ("backbone", "sample", "options", "error", "message"),
    [
        ("resnet18", TABLE, {}, ValueError, "'resnet18' takes images.*input_shape"),
        ("mlp", IMAGES, {}, ValueError, "'mlp' takes tables, but X holds images"),
        (
            load_backbone("mlp", n_inputs=9),
            TABLE,
            {},
            ValueError,
            "'mlp' takes 9 columns, but X has 5",
        ),
        (
            load_backbone("smallnet", None),
            TABLE,
            {},
            ValueError,
            "'smallnet' takes images",
        ),
        (
            load_backbone("smallnet", None),
            IMAGES,
            {"weights": None},
            ValueError,
            "weights: a backbone given as an object has weights of its own",
        ),
        (nn.Linear(7, 3), TABLE, {}, ValueError, r"'Linear' cannot run .*\(4, 5\)"),
        (_Tuple(), TABLE, {}, ValueError, "'_Tuple' returned .*tuple"),
        (nn.Unflatten(1, (5, 1)), TABLE, {}, ValueError, r"returned \(4, 5, 1\)"),
        ("no_net", TABLE, {}, ValueError, "no backbone 'no_net'"),
        (7, TABLE, {}, TypeError, "backbone=7 must be 'auto', the name"),
        (nn.Linear, TABLE, {}, TypeError, "must be 'auto', the name"),
        ("gone.safetensors", IMAGES, {}, FileNotFoundError, "does not exist"),
    ],
)
def test_what_cannot_be_a_backbone(backbone, sample, options, error, message):
    with pytest.raises(error, match=message):
        resolve(backbone, sample, **options)


def test_a_module_whose_batch_norms_saw_no_row_counts_as_random():
    module = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
    sample = torch.rand(5, 4)
    assert not as_backbone(module, kind="table", sample=sample).pretrained
    module(sample)
    assert as_backbone(module, kind="table", sample=sample).pretrained
    assert as_backbone(nn.Linear(4, 8), kind="table", sample=sample).pretrained


def test_a_backbone_without_preprocessing_gets_images_in_0_to_1():
    bare = Backbone([nn.Conv2d(3, 8, 3), nn.ReLU()], name="bare", width=8)
    own = resolve(bare)
    with torch.no_grad():
        torch.testing.assert_close(own(IMAGES), bare(IMAGES / 255))
    assert bare.preprocessing is None
