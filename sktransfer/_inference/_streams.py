"""Jobs in several threads: results in order, a bounded number of them ahead."""

from collections import deque
from concurrent.futures import ThreadPoolExecutor

import torch
from threadpoolctl import threadpool_limits

# More would wait for one another: Python runs one at a time between the operators.
_MAX_STREAMS = 8


def split_threads():
    """Return how many streams torch's threads make up, and the threads in each.

    A core that has batches of its own waits for nobody; several that share an operator
    wait at its end.
    """
    n_threads = torch.get_num_threads()
    n_streams = min(n_threads, _MAX_STREAMS)
    return n_streams, n_threads // n_streams


def run_ahead(jobs, n_workers, n_threads=None):
    """Yield the results of the callables `jobs`, run by threads before they are due.

    Parameters
    ----------
    jobs : iterable of callable
    n_workers : int
        Number of threads; up to twice as many results lie ready.
    n_threads : int, optional
        Number of threads with which torch computes in each; None leaves it.
    """
    waiting = deque()
    with ThreadPoolExecutor(
        n_workers, initializer=limited_threads, initargs=[n_threads]
    ) as pool:
        for job in jobs:
            waiting.append(pool.submit(job))
            if len(waiting) > n_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def limited_threads(n_threads):
    """Let this thread, and no other, compute with `n_threads`; None leaves it.

    As a context, inside the block. `torch.set_num_threads` would also set what threads
    that start meanwhile get.
    """
    torch.get_num_threads()  # gives a new thread torch's own number, once
    return threadpool_limits(n_threads, user_api="openmp")
