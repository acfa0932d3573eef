"""Small encoders of texts and texts that several tests share."""

import json

import numpy as np
import pytest
import torch

WORDS = [*"abcdefgh", "the", "cat", "dog", "sat", "ran", "on", "mat", "red", "blue"]
_OTHERS = [word for word in WORDS if len(word) > 1 and word not in ("cat", "dog")]
_SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def texts(n=24, seed=0):
    """Return texts of differing lengths, and which animal and letters are in them."""
    rng = np.random.default_rng(seed)
    y, X = np.arange(n) % 2, []
    for label in y:
        own = (["cat", *"abcd"], ["dog", *"efgh"])[label]
        chosen = [*rng.choice(own, rng.integers(2, 5)), *rng.choice(_OTHERS, 2)]
        X.append(" ".join(rng.permutation(chosen)))
    return X, y


def tiny_transformer(folder, kind="Bert", max_length=32, **config):
    """Write a random encoder and its tokenizer to `folder`; return the folder."""
    transformers = pytest.importorskip("transformers")
    settings = {
        "vocab_size": len(WORDS) + len(_SPECIAL),
        "hidden_size": 16,
        "num_hidden_layers": 3,
        "num_attention_heads": 2,
        "intermediate_size": 24,
        "max_position_embeddings": 40,
        "pad_token_id": 0,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "cls_token_id": 2,
        "sep_token_id": 3,
        "initializer_range": 0.5,
    }
    if kind == "DistilBert":
        names = {"hidden_size": "dim", "num_hidden_layers": "n_layers"}
        names |= {"num_attention_heads": "n_heads", "intermediate_size": "hidden_dim"}
        settings = {names.get(name, name): value for name, value in settings.items()}
    config = getattr(transformers, f"{kind}Config")(**{**settings, **config})
    with torch.random.fork_rng():
        torch.manual_seed(0)
        transformers.AutoModel.from_config(config).save_pretrained(folder)
    tiny_tokenizer(max_length).save_pretrained(folder)
    return folder


def tiny_tokenizer(max_length):
    """Return a tokenizer of transformers for `WORDS`."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate([*_SPECIAL, *WORDS])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=max_length,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def sentence_folder(folder, pooling="mean_tokens", normalize=True, **about):
    """Write a tiny encoder as sentence-transformers does; return the folder."""
    tiny_transformer(folder)
    kinds = ["Transformer", "Pooling", *(["Normalize"] if normalize else [])]
    modules = [
        {"idx": i, "path": f"{i}_{kind}" if i else "", "type": f"sentence.{kind}"}
        for i, kind in enumerate(kinds)
    ]
    (folder / "1_Pooling").mkdir()
    modes = {f"pooling_mode_{mode}": mode == pooling for mode in ("cls_token", pooling)}
    write_json(folder / "modules.json", modules)
    write_json(folder / "1_Pooling" / "config.json", modes)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": 9, **about})
    return folder


def write_json(path, value):
    """Write `value` as JSON to `path`."""
    path.write_text(json.dumps(value), encoding="utf8")


def word_vectors(path, width=8, seed=0):
    """Write vectors of `WORDS` in GloVe's format to `path`; return them by word."""
    rng = np.random.default_rng(seed)
    vectors = {word: rng.normal(size=width).round(5) for word in WORDS}
    lines = [" ".join([word, *map(str, row)]) for word, row in vectors.items()]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return vectors
