"""Settings of the whole test run."""

import os

# Nets this small are several times faster on one thread than on many; it has to be
# set before torch and the BLAS libraries are imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
