"""The strength of the convex head, chosen by cross-validation."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes, load_digits
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.preprocessing import StandardScaler, scale

from sktransfer.finetuning import CrossEntropy, SquaredError, _probe_cv
from sktransfer.finetuning._probe import solve_head
from sktransfer.finetuning._probe_cv import CV_GRID, choose_strength, path
from sktransfer.finetuning._probe_problem import ProbeProblem

RNG = np.random.default_rng(0)
X = RNG.normal(size=(150, 12)) * RNG.uniform(0.1, 9, 12) + RNG.normal(size=12)
Z = StandardScaler().fit_transform(X)


def _labels(n_classes):
    scores = Z[:, :n_classes] + np.random.default_rng(1).normal(size=(150, n_classes))
    return scores.argmax(axis=1)


def _choose(y, weight=None, seed=0, Z=Z):
    return choose_strength(
        Z,
        y,
        np.ones(len(y)) if weight is None else weight,
        seed,
        loss=CrossEntropy(),
        class_counts=np.bincount(y).astype(float),
        n_outputs=y.max() + 1,
    )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_it_is_the_strength_with_the_least_loss_on_held_out_rows(
    weighted, n_classes, dtype
):
    y = _labels(n_classes)
    weight = RNG.uniform(0.2, 3, len(y)) if weighted else np.ones(len(y))
    losses = np.zeros(len(CV_GRID))
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(Z, y):
        for number, C in enumerate(CV_GRID):
            model = LogisticRegression(C=C, max_iter=1000)
            model.fit(Z[train], y[train], weight[train])
            p = model.predict_proba(Z[test])[np.arange(len(test)), y[test]]
            losses[number] -= np.log(p) @ weight[test]
    assert _choose(y, weight, Z=Z.astype(dtype)) == CV_GRID[np.argmin(losses)]


def test_it_is_the_strength_of_the_least_squared_error_on_held_out_rows():
    X, y = load_diabetes(return_X_y=True)
    X, y = scale(X), scale(y)[:, None]
    folds = KFold(5, shuffle=True, random_state=0)
    errors = [
        -cross_val_score(
            Ridge(alpha=1 / C), X, y, cv=folds, scoring="neg_mean_squared_error"
        ).mean()
        for C in CV_GRID
    ]
    *_, chosen = solve_head(
        X, y, None, loss=SquaredError(), class_counts=None, n_outputs=1, C="cv"
    )
    assert chosen == CV_GRID[np.argmin(errors)]


def test_every_fold_and_strength_is_within_1e_4_of_its_optimum():
    X, y = load_digits(return_X_y=True)
    X, y = scale(X[:600]), y[:600]
    weight = np.ones((5, len(y)))
    for fold, (_, rows) in enumerate(StratifiedKFold(5).split(X, y)):
        weight[fold, rows] = 0
    task = (CrossEntropy(), np.bincount(y).astype(float), 10)
    single = ProbeProblem(X.astype(np.float32), y, weight, *task)
    double = ProbeProblem(X, y, weight, *task)
    for C, W in zip(CV_GRID, path(single, CV_GRID), strict=True):
        reached = _objective(double, C, W.double())
        for fold, mask in enumerate(weight.astype(bool)):
            best = LogisticRegression(C=C, tol=1e-6, max_iter=10_000)
            best.fit(X[mask], y[mask])
            W = torch.from_numpy(np.column_stack([best.coef_, best.intercept_]))
            optimum = _objective(double, C, W.expand(5, -1, -1))[fold]
            assert reached[fold] <= optimum * (1 + 1e-4)


def _objective(problem, C, W):
    log_p = (W @ problem.Z.T).log_softmax(1)
    losses = -log_p[:, problem.y, torch.arange(len(problem.y))]
    norm = W[:, :, :-1].square().sum((1, 2)) / 2
    return norm + C * (losses * problem.weight).sum(1)


def test_folds_that_do_not_fit_into_memory_together_give_the_same(monkeypatch):
    losses = []
    monkeypatch.setattr(np, "argmin", lambda a: losses.append(a.copy()) or 0)
    y = _labels(3)
    _choose(y)
    monkeypatch.setattr(_probe_cv, "_MAX_OUTPUTS", 2 * 3 * len(y))
    _choose(y)
    assert_allclose(losses[0], losses[1], rtol=2e-3)


def test_it_is_reproducible_and_leaves_the_random_state():
    y = _labels(3)
    state = torch.get_rng_state()
    assert _choose(y) == _choose(y)
    assert torch.equal(state, torch.get_rng_state())


def test_one_row_names_the_cure():
    with pytest.raises(ValueError, match="C='cv' needs at least 2 rows"):
        choose_strength(
            Z[:1],
            np.ones((1, 1)),
            np.ones(1),
            0,
            loss=SquaredError(),
            class_counts=None,
            n_outputs=1,
        )


def test_it_says_which_class_is_too_small():
    y = np.array([0] * 20 + [1])
    with pytest.raises(ValueError, match=r"C='cv' needs at least 2 rows.*has 1"):
        _choose(y, Z=Z[:21])
