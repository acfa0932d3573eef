"""Label-free scorers by name."""

from ._circular import CircularScorer
from ._confidence import (
    BNMScorer,
    ClassClusterScorer,
    EntropyScorer,
    IMScorer,
    SNDScorer,
)
from ._importance import DEVScorer, IWCVScorer
from ._probes import ConsistencyScorer, MixValScorer

_SCORERS = {
    "bnm": BNMScorer,
    "circular": CircularScorer,
    "class_cluster": ClassClusterScorer,
    "consistency": ConsistencyScorer,
    "dev": DEVScorer,
    "entropy": EntropyScorer,
    "im": IMScorer,
    "iwcv": IWCVScorer,
    "mixval": MixValScorer,
    "snd": SNDScorer,
}


def get_adaptation_scorer(name, **params):
    """Return a scorer that tells adapted classifiers apart without target labels.

    It is a callable ``scorer(estimator, X, y=None, sample_domain=None)`` for `scoring`
    in searches and cross-validation; higher is better for all of them. Target rows are
    those of a domain that has unlabelled (negative) rows; `y` of target rows is never
    read.

    Scorers of the target rows alone (the first seven below) take all rows for target
    rows if they get no `sample_domain`. So they work without metadata routing in the
    folds of `TargetKFold`. With routing, scorers ask for `sample_domain` by
    themselves, and work in any folds. "iwcv", "dev" and "circular" read source labels
    too: they need routing, and folds with rows of both domains, such as those of
    `StratifiedKFold`.

    Parameters
    ----------
    name : str
        One of

        - "consistency": share of predictions that hold when the rows change a little.
          Images are rotated (8°), scaled and shifted; tables get noise. `n_views=3`
          views of every row, of a `noise=0.1` in units of the column's standard
          deviation. Files only if the estimator has ``decoded(X)``, as ours have.
          Blind to a collapse onto one class.
        - "im": entropy of the mean prediction less mean entropy, in nats: sure and
          varied predictions. For any kind of data.
        - "bnm": nuclear norm of the predictions over their number [1]_. It falls with
          the root of that number: compare it on equally many rows.
        - "entropy": minus the mean entropy [2]_. Blind to a collapse too.
        - "snd": soft neighbourhood density, the entropy of softmax similarities of
          predictions [3]_. Blind to a collapse too.
        - "class_cluster": adjusted mutual information of predictions and k-means
          clusters of the features [4]_.
        - "mixval": share of mixed rows (by `share=0.55`) predicted as the row they are
          most of, the mean over pairs of one class and of two [5]_.
        - "iwcv": minus the error on source rows, weighted by how dense the target is
          there [6]_; with ``loss="log"`` the log loss instead of ``"zero_one"``.
        - "dev": the same with a control variate, of less variance [7]_.
        - "circular": accuracy on source rows of a new `classifier` (None: logistic
          regression on standardised features) that is fitted to the predictions for
          the target rows [8]_.

    **params : dict
        Settings of the scorer, named above. All take `target_domain` (None), the
        target where no row is unlabelled; those that draw, `random_state` (0, so that
        all candidates meet the same numbers).

    Returns
    -------
    scorer : object
        With `get_params`, `set_params` and `set_score_request`; can be cloned and
        pickled.

    Raises
    ------
    ValueError
        If there is no such scorer; when called, if there is no target row, or no
        `sample_domain`, `y` or source row for a scorer that reads source labels.
    TypeError
        If the scorer has no such parameter; when called, if the estimator has no
        `predict_proba`, or X holds no numbers and the score computes with them.

    See Also
    --------
    sktransfer.selection.TargetKFold : Folds of target rows.

    Notes
    -----
    The estimator is known by `predict_proba` and `classes_`. Features are what its
    method `features` returns, or that of the last step of a pipeline; without such a
    method what reaches the last step, flattened. "iwcv" and "dev" estimate densities
    by a logistic regression of the domain on these features, out of fold.

    References
    ----------
    .. [1] S. Cui, S. Wang, J. Zhuo, L. Li, Q. Huang, Q. Tian, "Towards discriminability
       and diversity: batch nuclear-norm maximization under label insufficient
       situations", CVPR, 2020.
    .. [2] P. Morerio, J. Cavazza, V. Murino, "Minimal-entropy correlation alignment for
       unsupervised deep domain adaptation", ICLR, 2018.
    .. [3] K. Saito, D. Kim, P. Teterwak, S. Sclaroff, T. Darrell, K. Saenko, "Tune it
       the right way: unsupervised validation of domain adaptation via soft neighborhood
       density", ICCV, 2021.
    .. [4] K. Musgrave, S. Belongie, S.-N. Lim, "Three new validators and a large-scale
       benchmark ranking for unsupervised domain adaptation", 2022.
    .. [5] D. Hu, J. Liang, J. H. Liew, C. Xue, S. Bai, X. Wang, "Mixed samples as
       probes for unsupervised model selection in domain adaptation", NeurIPS, 2023.
    .. [6] M. Sugiyama, M. Krauledat, K.-R. Müller, "Covariate shift adaptation by
       importance weighted cross validation", JMLR, 2007.
    .. [7] K. You, X. Wang, M. Long, M. I. Jordan, "Towards accurate model selection in
       deep unsupervised domain adaptation", ICML, 2019.
    .. [8] L. Bruzzone, M. Marconcini, "Domain adaptation problems: a DASVM
       classification technique and a circular validation strategy", IEEE TPAMI, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from sktransfer.metrics import get_adaptation_scorer
    >>> X, y = load_iris(return_X_y=True)
    >>> scorer = get_adaptation_scorer("im")
    >>> for n_columns in (1, 4):
    ...     columns = X[:, :n_columns]
    ...     classifier = GaussianNB().fit(columns, y)
    ...     print(f"{scorer(classifier, columns):.2f}")
    0.50
    1.03
    """
    if name not in _SCORERS:
        names = ", ".join(map(repr, sorted(_SCORERS)))
        raise ValueError(f"There is no scorer {name!r}; there are {names}.")
    scorer = _SCORERS[name]()
    known = scorer.get_params(deep=False)
    if unknown := params.keys() - known:
        raise TypeError(
            f"The scorer {name!r} has no parameter {min(unknown)!r}; it has "
            f"{', '.join(map(repr, known))}."
        )
    return scorer.set_params(**params)
