"""Alignment by optimal transport."""

import numpy as np
from sklearn.base import clone
from sklearn.utils._param_validation import HasMethods

from .._utils.optional import import_optional
from ._base import AlignmentMethod


class OptimalTransport(AlignmentMethod):
    """Move source rows onto target rows at the least cost.

    A transport plan couples the rows of the domains; a source row of `fit` becomes the
    mean of the target rows that it is coupled with, any other source row moves as the
    nearest one of `fit` does [2]_. Target rows stay where they are. The plans are those
    of POT, the package Python Optimal Transport.

    Parameters
    ----------
    transport : object or None, default=None
        A transport of ``ot.da``, not fitted, such as ``ot.da.SinkhornTransport()``, or
        ``ot.da.SinkhornL1l2Transport()``, which uses the labels of the source. None:
        ``ot.da.EMDTransport()``, the exact plan for squared Euclidean distances.

    Attributes
    ----------
    transport_ : object
        The fitted transport.

    Raises
    ------
    MissingExtraError
        If POT, the extra "ot", is not installed.
    ValueError
        If the transport uses labels and there are none.

    References
    ----------
    .. [1] N. Courty, R. Flamary, D. Tuia, A. Rakotomamonjy. Optimal transport for
       domain adaptation. IEEE TPAMI 2017.
    .. [2] S. Ferradans, N. Papadakis, G. Peyré, J.-F. Aujol. Regularized discrete
       optimal transport. SIAM Journal on Imaging Sciences 2014.

    Examples
    --------
    >>> import numpy as np
    >>> from sktransfer.alignment import OptimalTransport
    >>> X_source, X_target = np.array([[0.0], [1.0]]), np.array([[6.0], [5.0]])
    >>> method = OptimalTransport().fit(X_source, X_target)
    >>> method.map_source(np.array([[0.0], [1.0], [1.5]])).ravel()
    array([5. , 6. , 6.5])
    """

    _parameter_constraints = {"transport": [HasMethods(["fit", "transform"]), None]}

    def __init__(self, transport=None):
        self.transport = transport

    def fit(self, X_source, X_target, y_source=None):
        """Learn a plan from the rows of both domains."""
        da = import_optional("ot.da", "ot", "Alignment by optimal transport")
        plan = da.EMDTransport() if self.transport is None else clone(self.transport)
        if y_source is not None:
            y_source = np.unique(y_source, return_inverse=True)[1]
        self.transport_ = plan.fit(Xs=X_source, ys=y_source, Xt=X_target)
        if not any(name.endswith("_") for name in vars(plan)):  # POT only prints so
            raise ValueError(
                f"transport={type(plan).__name__}() uses the labels of source rows, "
                "but y is None: pass y to fit, or another transport."
            )
        return self

    def map_source(self, X):
        """Return source rows where the plan moves them."""
        return self.transport_.transform(Xs=X)
