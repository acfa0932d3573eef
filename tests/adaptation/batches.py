"""Batches of two domains for the tests."""

import torch

from sktransfer.adaptation import DomainBatch


def random_batch(n_s=7, n_t=6, n_features=5, n_classes=3, seed=0):
    """Return an unweighted batch of distinct domains, in double precision."""
    torch.manual_seed(seed)
    return DomainBatch(
        features_s=torch.randn(n_s, n_features, dtype=torch.float64),
        logits_s=2 * torch.randn(n_s, n_classes, dtype=torch.float64),
        y_s=torch.randint(n_classes, (n_s,)),
        features_t=1.5 * torch.randn(n_t, n_features, dtype=torch.float64) + 0.5,
        logits_t=2 * torch.randn(n_t, n_classes, dtype=torch.float64) - 0.2,
    )


def arrays(batch):
    """Return the batch with NumPy arrays for tensors."""
    values = [t.detach().numpy() if torch.is_tensor(t) else t for t in batch]
    return DomainBatch(*values)


def with_gradients(batch):
    """Return the batch with features and logits that gather gradients."""
    names = ("features_s", "logits_s", "features_t", "logits_t")
    leaves = {n: getattr(batch, n).detach().clone().requires_grad_() for n in names}
    return batch._replace(**leaves)


def repeated(batch, counts_s, counts_t):
    """Return the batch with every row repeated as often as `counts_…` says."""
    return batch._replace(
        features_s=batch.features_s.repeat_interleave(counts_s, 0),
        logits_s=batch.logits_s.repeat_interleave(counts_s, 0),
        y_s=batch.y_s.repeat_interleave(counts_s),
        features_t=batch.features_t.repeat_interleave(counts_t, 0),
        logits_t=batch.logits_t.repeat_interleave(counts_t, 0),
    )
