"""Backbones of texts from folders of transformers and sentence-transformers."""

import copy
import pickle
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sktransfer.backbones import load_backbone, save_backbone
from sktransfer.backbones._resolve import as_backbone
from sktransfer.exceptions import MissingExtraError, WeightsNotAvailableError

from ..texts import sentence_folder, texts, tiny_transformer, write_json

transformers = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_transformer(tmp_path_factory.mktemp("bert"))


@pytest.fixture
def backbone(folder):
    return load_backbone(f"text:{folder}")


def _states(folder, rows):
    """Return the last states and the mask, as transformers computes them."""
    network = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    batch = tokenizer(rows, padding=True, return_tensors="pt")
    states = network(batch["input_ids"], attention_mask=batch["attention_mask"])
    return states.last_hidden_state, batch["attention_mask"].unsqueeze(-1).float()


_KINDS = ["Bert", "DistilBert", "Roberta", "MPNet", "Electra", "ModernBert", "Albert"]


@pytest.mark.parametrize("kind", _KINDS)
def test_features_are_the_mean_of_the_states_of_the_tokens(kind, tmp_path):
    folder = tiny_transformer(tmp_path, kind)
    X, _ = texts()
    states, mask = _states(folder, X)
    expected = (states * mask).sum(1) / mask.sum(1)
    backbone = load_backbone(f"text:{folder}")
    features = backbone(backbone.preprocessing.batch(X))
    assert features.shape == (len(X), backbone.n_features) == (24, 16)
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)
    assert backbone.pretrained
    assert backbone.weights == folder.name


@pytest.mark.parametrize("kind", _KINDS)
def test_padding_changes_nothing(kind, tmp_path):
    backbone = load_backbone(f"text:{tiny_transformer(tmp_path, kind)}")
    X, _ = texts()
    together = backbone(backbone.preprocessing.batch(X))
    alone = torch.cat([backbone(backbone.preprocessing.batch([x])) for x in X])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["Bert", "DistilBert", "MPNet", "ModernBert"])
def test_stages_are_the_embeddings_and_the_layers(kind, tmp_path):
    folder = tiny_transformer(tmp_path, kind)
    backbone = load_backbone(f"text:{folder}")
    batch = backbone.preprocessing.batch(texts()[0])
    network = transformers.AutoModel.from_pretrained(folder).eval()
    mask = batch >= 0
    output = network(
        batch.clamp(min=0), attention_mask=mask.long(), output_hidden_states=True
    )
    # releases before 5 note the last states before their norm
    expected = [*output.hidden_states[:-1], output.last_hidden_state]
    assert len(backbone.stages) == len(expected) == 4
    for found, states in zip(backbone.feature_maps(batch), expected, strict=True):
        mean = (states * mask.unsqueeze(-1)).sum(1) / mask.sum(1, keepdim=True)
        torch.testing.assert_close(found, mean, rtol=1e-5, atol=1e-5)
    features = backbone.forward_stages(batch, ["stage0", -1])
    torch.testing.assert_close(features[1], backbone(batch))
    n_values = sum(p.numel() for p in backbone.stages[0].parameters())
    n_values += sum(p.numel() for s in backbone.stages[1:] for p in s.parameters())
    assert n_values == sum(p.numel() for p in backbone.parameters())
    assert not any(module._forward_hooks for module in backbone.modules())


def test_a_layer_that_is_run_again_and_again_makes_one_stage(tmp_path):
    backbone = load_backbone(f"text:{tiny_transformer(tmp_path, 'Albert')}")
    batch = backbone.preprocessing.batch(["the cat"])
    assert len(backbone.stages) == 1
    torch.testing.assert_close(backbone.feature_maps(batch)[0], backbone(batch))


def test_stages_of_another_order_of_axes_are_refused(tmp_path):
    sizes = {"d_model": 16, "n_layer": 3, "n_head": 2, "d_inner": 24}
    config = transformers.XLNetConfig(vocab_size=25, pad_token_id=0, **sizes)
    folder = tiny_transformer(tmp_path)
    transformers.XLNetModel(config).save_pretrained(folder)
    backbone = load_backbone(f"text:{folder}")
    batch = backbone.preprocessing.batch(["the cat", "a b c"])
    assert backbone(batch).shape == (2, 16)
    with pytest.raises(ValueError, match="only its last stage has features"):
        backbone.forward_stages(batch, [0])


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        ("avg", lambda states, mask: (states * mask).sum(1) / mask.sum(1)),
        ("max", lambda states, mask: (states - 1e9 * (1 - mask)).amax(1)),
        (
            "gem",
            lambda s, m: ((s.clamp(min=1e-6) ** 3 * m).sum(1) / m.sum(1)) ** (1 / 3),
        ),
    ],
)
def test_poolings_leave_padding_out(pooling, pool, folder):
    X, _ = texts()
    expected = pool(*_states(folder, X))
    backbone = load_backbone(f"text:{folder}", pooling=pooling)
    features = backbone(backbone.preprocessing.batch(X))
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token", "max_tokens"])
def test_folders_of_sentence_transformers(pooling, normalize, tmp_path):
    sentence_folder(tmp_path, pooling, normalize)
    rows = [text for text in texts()[0] if len(text.split()) <= 7]
    states, mask = _states(tmp_path, rows)
    if pooling == "mean_tokens":
        expected = (states * mask).sum(1) / mask.sum(1)
    elif pooling == "cls_token":
        expected = states[:, 0]
    else:
        expected = states.masked_fill(mask == 0, -1e9).amax(1)
    if normalize:
        expected = expected / expected.norm(dim=1, keepdim=True)
    backbone = load_backbone(f"text:{tmp_path}")
    features = backbone(backbone.preprocessing.batch(rows))
    torch.testing.assert_close(features, expected, rtol=1e-5, atol=1e-5)


def test_a_folder_may_ask_for_lower_case(tmp_path):
    backbone = load_backbone(f"text:{sentence_folder(tmp_path, do_lower_case=True)}")
    upper, lower = backbone.preprocessing.batch(["THE Cat", "the cat"])
    assert torch.equal(upper, lower)


def test_texts_are_cut_off_and_counted(tmp_path):
    backbone = load_backbone(f"text:{sentence_folder(tmp_path)}")
    fits, too_long = "a b c d e f g", "a b c d e f g h"  # 9 tokens with [CLS], [SEP]
    tokenizer = backbone.preprocessing
    assert (tokenizer.batch([too_long]) >= 0).sum() == 9
    assert torch.equal(*tokenizer.batch([fits, too_long]))
    assert tokenizer.count_truncated([fits, too_long, "a", too_long]) == 2


@pytest.mark.parametrize(
    ("kind", "limit"), [("Bert", 40), ("Roberta", 39), ("ModernBert", 40)]
)
def test_texts_are_cut_off_where_positions_end(kind, limit, tmp_path):
    folder = tiny_transformer(tmp_path, kind, max_length=10**30)
    backbone = load_backbone(f"text:{folder}")
    batch = backbone.preprocessing.batch(["cat " * 100])
    assert (batch >= 0).sum() == limit
    assert torch.isfinite(backbone(batch)).all()


def test_gradients_reach_every_parameter(backbone):
    backbone.train()
    backbone(backbone.preprocessing.batch(texts()[0])).square().sum().backward()
    without = [
        name
        for name, p in backbone.named_parameters()
        if p.grad is None or not p.grad.any()
    ]
    # attention is blind to what is added to all keys alike
    assert all(name.endswith("key.bias") for name in without), without


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda backbone: pickle.loads(pickle.dumps(backbone))]
)
def test_copies_share_nothing(copied, backbone):
    batch = backbone.preprocessing.batch(texts()[0])
    expected = backbone(batch)
    backbone.feature_maps(batch)  # leaves nothing that cannot be copied
    other = copied(backbone)
    assert other.preprocessing == backbone.preprocessing
    with torch.no_grad():
        for stage in other.stages:
            for parameter in stage.parameters():
                parameter.zero_()
    assert torch.equal(backbone(batch), expected)
    assert not other(batch).any()


def test_weights_may_be_random_or_of_a_file(folder, tmp_path):
    batch = load_backbone(f"text:{folder}").preprocessing.batch(["the cat"])
    torch.manual_seed(0)
    random = load_backbone(f"text:{folder}", weights=None)
    assert not random.pretrained
    assert random.weights == "random"
    state = {
        key: F.relu(value) for key, value in random.encoder.network.state_dict().items()
    }
    path = tmp_path / "mine.pth"
    torch.save(state, path)
    mine = load_backbone(f"text:{folder}", weights=path)
    assert mine.pretrained
    assert mine.weights == "mine.pth"
    random.encoder.network.load_state_dict(state)
    assert torch.equal(mine(batch), random(batch))


def test_estimators_get_a_copy(backbone):
    own = as_backbone(backbone, kind="text", sample=None)
    assert own is not backbone
    assert own.stages[0] is not backbone.stages[0]
    with pytest.raises(ValueError, match="takes texts, but X holds images"):
        as_backbone(backbone, kind="paths", sample=torch.zeros(1, 3, 8, 8))
    with pytest.raises(ValueError, match=r"image_size=8: .*takes a text as it is"):
        backbone.with_image_size(8)
    with pytest.raises(ValueError, match=r"is of texts, .*save_pretrained"):
        save_backbone(backbone, "x.safetensors")


def test_pickled_weights_are_refused(folder, tmp_path):
    for file in folder.iterdir():
        if file.suffix != ".safetensors":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    with pytest.raises(ValueError, match="pickled ones are refused"):
        load_backbone(f"text:{tmp_path}")


def test_code_in_a_folder_is_not_run(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    code = "raise SystemExit('run')"
    (tmp_path / "mine.py").write_text(code)
    config = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.A"}}
    write_json(tmp_path / "config.json", config)
    with pytest.raises(ValueError, match="cannot be loaded"):
        load_backbone(f"text:{tmp_path}")


def test_weights_that_lack_a_key_are_refused(folder, tmp_path):
    from safetensors.torch import load_file, save_file

    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    state = load_file(folder / "model.safetensors")
    del state["encoder.layer.1.output.dense.weight"]
    save_file(state, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(ValueError, match=r"layer\.1\.output\.dense\.weight"):
        load_backbone(f"text:{tmp_path}")


def test_encoders_with_a_decoder_are_refused(folder, tmp_path):
    sizes = {"d_model": 8, "num_layers": 1, "num_heads": 2, "d_ff": 8, "d_kv": 4}
    transformers.T5Config(**sizes).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="pair of encoder and decoder"):
        load_backbone(f"text:{tmp_path}")


def test_modules_that_are_not_known_are_refused(tmp_path):
    sentence_folder(tmp_path)
    kinds = ["Transformer", "Pooling", "Dense"]
    modules = [{"path": str(i), "type": f"s.{kind}"} for i, kind in enumerate(kinds)]
    write_json(tmp_path / "modules.json", modules)
    with pytest.raises(ValueError, match=r"'Dense'.* are known"):
        load_backbone(f"text:{tmp_path}")


def test_poolings_that_are_not_known_are_refused(tmp_path):
    sentence_folder(tmp_path, "weightedmean_tokens")
    with pytest.raises(ValueError, match=r"pooling.*weightedmean_tokens"):
        load_backbone(f"text:{tmp_path}")


def test_a_missing_folder_is_named():
    with pytest.raises(FileNotFoundError, match=r"no folder '\./nowhere'"):
        load_backbone("text:./nowhere")
    for nothing in ("text:", "text: "):
        with pytest.raises(FileNotFoundError, match=f"{nothing}.*there is no folder"):
            load_backbone(nothing)


def test_a_model_that_cannot_be_downloaded(monkeypatch):
    import huggingface_hub

    def refuse(repository, allow_patterns):
        assert repository == "sentence-transformers/all-MiniLM-L6-v2"
        assert not any("bin" in pattern for pattern in allow_patterns)
        raise OSError("no network")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(WeightsNotAvailableError, match=r"no network.*local_dir=folder"):
        load_backbone("text:all-MiniLM-L6-v2")


def test_a_missing_extra_is_named(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sktransfer\[text\]'"):
        load_backbone(f"text:{folder}")


def test_nothing_is_printed_and_no_setting_changes(folder, capfd):
    logging = transformers.utils.logging
    for enabled in (True, False):
        (logging.enable_progress_bar if enabled else logging.disable_progress_bar)()
        load_backbone(f"text:{folder}")
        assert logging.is_progress_bar_enabled() == enabled
    logging.enable_progress_bar()
    assert capfd.readouterr() == ("", "")


def test_batches_are_plain_tensors(backbone):
    batch = backbone.preprocessing.batch(["the cat", "dog"])
    expected = np.array([[2, 13, 14, 3], [2, 15, 3, -1]])
    assert batch.dtype == torch.int64
    assert np.array_equal(batch[:, :4], expected)
    assert (batch[:, 4:] == -1).all()
