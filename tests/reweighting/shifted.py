"""Small data of two domains to reweight."""

import pytest

from sktransfer.datasets import make_shifted_classification, pack_domains

DATA = make_shifted_classification(200, 2, n_informative=2, random_state=4)
X, Y, DOMAIN = pack_domains(DATA.X_source, DATA.y_source, DATA.X_target)
SOURCE = DOMAIN == 1
without_collapse_warnings = pytest.mark.filterwarnings(
    "ignore::sktransfer.exceptions.EffectiveSampleSizeWarning"
)
