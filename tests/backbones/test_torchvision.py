"""Every classification network of torchvision against the original."""

import pickle

import pytest
import torch
from torchvision import models
from torchvision.transforms.v2.functional import normalize

from sktransfer.backbones import load_backbone
from sktransfer.backbones._build import build_skeleton
from sktransfer.backbones._torchvision import _arguments, shapes_only

NAMES = models.list_models(module=models)

# One of each family, the cheapest, and where its pooled features can be seen: the
# input of the named layer (by default of the whole head), averaged if it is a map.
FEATURES_ENTER = {
    "alexnet": "avgpool",
    "convnext_tiny": "classifier.2",
    "densenet121": "classifier",
    "efficientnet_b0": "classifier",
    "googlenet": "fc",
    "inception_v3": "fc",
    "maxvit_t": "classifier.3",
    "mnasnet0_5": "classifier",
    "mobilenet_v2": "classifier",
    "mobilenet_v3_small": "classifier",
    "regnet_y_400mf": "fc",
    "resnet18": "fc",
    "shufflenet_v2_x0_5": "fc",
    "squeezenet1_1": "classifier",
    "swin_t": "head",
    "swin_v2_t": "head",
    "vgg11": "avgpool",
    "vit_b_32": "heads",
}


def original(name):
    """Return torchvision's own network, with batch-norm statistics of its own."""
    builder = models.get_model_builder(name)
    published = models.get_model_weights(name).DEFAULT
    arguments = _arguments(builder, published)
    if "aux_logits" in arguments:
        arguments = {**arguments, "transform_input": True}
    network = builder(weights=None, **arguments).eval()
    for key, buffer in network.named_buffers():
        if key.endswith("running_mean"):
            buffer.uniform_(-0.1, 0.1)
        if key.endswith("running_var"):
            buffer.uniform_(0.8, 1.2)
    return network, published


def features_of(network, layer, images):
    """Return what enters `layer`, and the scores."""
    seen = []
    module = network.get_submodule(layer)
    handle = module.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    scores = network(images)
    handle.remove()
    return seen[0], scores


@pytest.mark.parametrize("name", NAMES)
def test_any_name_gives_features_stage_by_stage(name):
    backbone = build_skeleton(name)
    assert _n_values(backbone) == _n_values_but_the_classifier(name)
    images = torch.empty(2, 3, *backbone.preprocessing.crop, device="meta")
    with torch.no_grad():
        maps = backbone.to("meta").feature_maps(images)
        features = backbone.pooling(maps[-1])
    assert features.shape == (2, backbone.n_features)
    assert 3 <= len(maps) == len(backbone.stages) == len(backbone.stage_names) <= 5
    assert all(any(True for _ in stage.parameters()) for stage in backbone.stages)
    heights = [m.shape[2] for m in maps if m.ndim == 4]
    assert heights == sorted(set(heights), reverse=True)


def _n_values_but_the_classifier(name):
    builder = models.get_model_builder(name)
    arguments = _arguments(builder, models.get_model_weights(name).DEFAULT)
    with shapes_only():
        network = builder(weights=None, **arguments)
    *_, head = network.children()
    classifies = [
        layer
        for layer in head.modules()
        if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d))
    ]
    assert classifies
    return _n_values(network) - sum(map(_n_values, classifies))


def _n_values(module):
    return sum(tensor.numel() for tensor in module.state_dict().values())


@pytest.mark.parametrize("name", FEATURES_ENTER)
def test_features_are_those_that_the_original_classifies(name):
    network, published = original(name)
    backbone = load_backbone(name, network.state_dict(), dtype=torch.float64)
    images = torch.rand(1, 3, *backbone.preprocessing.crop, dtype=torch.float64)
    preset = published.transforms()
    with torch.no_grad():
        normalized = normalize(images, preset.mean, preset.std)
        layer = FEATURES_ENTER[name]
        expected, scores = features_of(network.double(), layer, normalized)
        features = backbone(images)
        pooled = expected.mean((2, 3)) if expected.ndim == 4 else expected
        torch.testing.assert_close(features, pooled, rtol=1e-8, atol=1e-10)
        if expected.ndim == 2 and "." not in layer:
            head = network.get_submodule(layer)
            torch.testing.assert_close(head(features), scores)


@pytest.mark.parametrize("name", FEATURES_ENTER)
def test_every_family_is_built_without_chance_and_pickled(name):
    before = torch.get_rng_state()
    backbone = build_skeleton(name)
    assert torch.equal(torch.get_rng_state(), before)
    again = pickle.loads(pickle.dumps(backbone))
    assert again.state_dict().keys() == backbone.state_dict().keys()


def test_every_family_is_compared():
    def family(name):
        return models.get_model_builder(name).__annotations__["return"]

    assert {family(name) for name in FEATURES_ENTER} == {family(n) for n in NAMES}


def test_stages_of_a_resnet_are_its_stem_and_its_layers():
    parts = [list(stage._modules) for stage in build_skeleton("resnet50").stages]
    assert parts == [
        ["conv1", "bn1", "relu"],
        ["maxpool", "layer1"],
        ["layer2"],
        ["layer3"],
        ["layer4"],
    ]


def test_first_token_of_a_vision_transformer_is_its_feature_by_default():
    backbone = load_backbone("vit_b_32", None)
    images = torch.rand(2, 3, 224, 224)
    with torch.no_grad():
        tokens = backbone.feature_maps(images)[-1]
        assert torch.equal(backbone(images), tokens[:, 0])
        averaged = backbone.with_pooling("avg")(images)
    torch.testing.assert_close(averaged, tokens[:, 1:].mean(1))


@pytest.mark.parametrize("name", ["vit_b_32", "maxvit_t"])
def test_nets_of_one_size_refuse_another_and_name_the_cure(name):
    with pytest.raises(ValueError, match=r"image_size=.*Leave image_size=None"):
        load_backbone(name, None, image_size=96)


@pytest.mark.parametrize("name", ["resnet18", "swin_t", "vgg11"])
def test_other_sizes_where_the_architecture_allows(name):
    backbone = load_backbone(name, None, image_size=(96, 128))
    assert backbone.preprocessing.crop == (96, 128)
    assert backbone(torch.rand(1, 3, 50, 50)).shape == (1, backbone.n_features)


def test_too_small_a_size_is_refused_at_once():
    with pytest.raises(ValueError, match=r"image_size=.*'inception_v3'.*299x299"):
        load_backbone("inception_v3", None, image_size=32)


def test_local_weights_get_the_published_preprocessing():
    preprocessing = build_skeleton("efficientnet_b1").preprocessing
    assert (preprocessing.resize, preprocessing.crop) == (255, (240, 240))
    inception = build_skeleton("inception_v3").preprocessing
    assert (inception.mean, inception.std) == ((0.5,) * 3, (0.5,) * 3)


def test_grey_and_transparent_images_of_any_size_are_prepared():
    backbone = load_backbone("squeezenet1_1", None, image_size=64)
    grey = torch.rand(2, 1, 40, 70)
    with torch.no_grad():
        same = backbone(grey.expand(-1, 3, -1, -1))
        torch.testing.assert_close(backbone(grey), same)
        alpha = torch.cat([grey.expand(-1, 3, -1, -1), grey], dim=1)
        torch.testing.assert_close(backbone(alpha), same)


def test_networks_of_one_architecture_share_the_plan_of_stages_alone():
    first, again = (load_backbone("resnet18", weights=None) for _ in range(2))
    assert list(first.state_dict()) == list(again.state_dict())
    assert not {id(p) for p in first.parameters()} & {id(p) for p in again.parameters()}
