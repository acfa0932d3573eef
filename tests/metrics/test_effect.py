import numpy as np
import pytest

from sktransfer.metrics import transfer_gain, transfer_ratio


def test_gain_is_the_mean_difference():
    assert transfer_gain([0.9, 0.7, 0.5], [0.6, 0.7, 0.8]) == pytest.approx(0)
    assert transfer_gain(0.9, 0.6) == pytest.approx(0.3)
    assert type(transfer_gain(np.float32([1, 2]), [0, 0])) is float


def test_ratio_is_the_mean_of_ratios_not_the_ratio_of_means():
    assert transfer_ratio([0.2, 0.4], [0.1, 0.4]) == pytest.approx((2 + 1) / 2)
    assert transfer_ratio(0.3, 0.1) == pytest.approx(3)


@pytest.mark.parametrize("effect", [transfer_gain, transfer_ratio])
def test_bad_pairs(effect):
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\)"):
        effect([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="NaN"):
        effect([1, np.nan], [1, 2])
    with pytest.raises(ValueError, match="minimum of 1"):
        effect([], [])


def test_bad_errors():
    with pytest.raises(ValueError, match=r"error_in_domain holds 0.0"):
        transfer_ratio([0.1, 0.1], [0.1, 0])
    with pytest.raises(ValueError, match=r"error_transfer holds -0.1"):
        transfer_ratio([-0.1], [0.1])
