"""What the net sees in training is what it sees in validation and prediction."""

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import log_loss

from sktransfer import FineTuneClassifier


@pytest.mark.parametrize("side", [32, 40], ids=["as the crop", "larger"])
@pytest.mark.parametrize("kind", ["array", "paths"])
def test_figures_of_validation_are_those_of_prediction(kind, side, tmp_path):
    rng = np.random.RandomState(0)
    X = rng.randint(256, size=(12, side, side, 3), dtype=np.uint8)
    X[::2, :3] = 255  # a bright border, which a crop would cut off
    y = np.arange(12) % 2
    if kind == "paths":
        paths = [str(tmp_path / f"{row}.png") for row in range(12)]
        for path, image in zip(paths, X, strict=True):
            Image.fromarray(image).save(path)
        X = paths
    model = FineTuneClassifier(
        "squeezenet1_1", weights=None, image_size=32, max_epochs=3, random_state=0
    ).fit(X, y, X_val=X, y_val=y)
    assert model.history_[-1, "valid_loss"] == pytest.approx(
        log_loss(y, model.predict_proba(X)), rel=1e-4
    )
