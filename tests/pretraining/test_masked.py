"""Masked modelling: what is hidden, and the losses by formula."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose

from sktransfer.pretraining import Masked


def _images(n=5, height=16, width=24):
    rng = np.random.default_rng(0)
    return torch.from_numpy(rng.normal(size=(n, 3, height, width)))


class Seen:
    """Notes what it is given and returns what is asked for."""

    def __init__(self, answer):
        self.answer = answer

    def __call__(self, x):
        self.rows = x
        return self.answer


@pytest.mark.parametrize(("ratio", "expected"), [("auto", 0.75), (0.5, 0.5)])
def test_the_given_part_of_the_patches_is_hidden(ratio, expected):
    hidden = Masked(ratio, patch_size=4).hide(_images())
    assert_allclose(hidden.double().mean((1, 2, 3)), expected)
    patches = hidden.view(5, 4, 4, 6, 4).transpose(2, 3).reshape(5, 24, 16)
    assert ((patches.sum(2) == 0) | (patches.sum(2) == 16)).all()
    assert len({tuple(row.flatten().tolist()) for row in hidden}) == 5


def test_patches_that_do_not_fit_are_cut_off():
    hidden = Masked(0.5, patch_size=5).hide(_images(height=7, width=11))
    assert hidden.shape == (5, 1, 7, 11)
    one_patch = Masked(0.5, patch_size=50).hide(_images())
    assert one_patch.all()


def test_the_error_of_hidden_pixels_counts_alone():
    x = _images()
    answer = torch.zeros_like(x)
    g = Seen(answer)
    torch.manual_seed(0)
    loss = Masked().loss(g, x)
    hidden = (g.rows != x).any(1).numpy()
    assert_allclose(hidden.mean(), 0.75)
    assert (g.rows.numpy()[np.repeat(hidden[:, None], 3, 1)] == 0).all()
    expected = (x.numpy() ** 2).mean(1)[hidden].mean()
    assert_allclose(loss.item(), expected, rtol=1e-12)


def test_columns_by_the_formula_of_vime():
    rng = np.random.default_rng(0)
    x = torch.from_numpy(rng.normal(size=(50, 6)))
    values, logits = rng.normal(size=(2, 50, 6))
    g = Seen(torch.from_numpy(np.hstack([values, logits])))
    torch.manual_seed(0)
    loss = Masked(0.3, alpha=1.7).loss(g, x)
    mask = g.rows.numpy() != x.numpy()
    assert 0.2 < mask.mean() < 0.4
    guessed = 1 / (1 + np.exp(-logits))
    entropy = -np.where(mask, np.log(guessed), np.log(1 - guessed)).mean()
    expected = entropy + 1.7 * ((values - x.numpy()) ** 2).mean()
    assert_allclose(loss.item(), expected, rtol=1e-10)


def test_the_rows_are_the_first_half_of_what_the_decoder_says_of_a_table():
    decoder = Masked().build(8, (6,))
    output = decoder(torch.rand(3, 8))
    assert output.shape == (3, 12)
    assert torch.equal(Masked().decode(output), output[:, :6])
