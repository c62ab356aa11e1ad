"""How far the vectors of a variant lie from those of the original."""

from __future__ import annotations

import time

import torch
from torch.nn import functional as F


def cosines(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Returns the cosine of each pair of rows of two [batch, dimension] tensors, in double precision."""
    return F.cosine_similarity(a.double(), b.double(), dim=1)


def lowest(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Returns the lowest cosine of two sets of vectors. A cosine that is not a number counts as −1."""
    return float(torch.nan_to_num(cosines(found, expected), nan=-1.0).min())


def centred_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Returns the error of inner products as a share of what tells the expected vectors apart.

    The vectors of a model often share a direction, so a cosine near 1 may hide that their order is lost. Here that
    direction is taken away: both sets are centred by the mean of the expected unit vectors, the inner products of all
    pairs are compared, and the root mean square of the differences is divided by the standard deviation of the expected
    products. Vectors that are not finite have an infinite error.
    """
    wanted, given = (F.normalize(vectors.double(), dim=1) for vectors in (expected, found))
    centre = wanted.mean(0)
    wanted, given = wanted - centre, given - centre
    pairs = ~torch.eye(len(wanted), dtype=torch.bool)
    products, others = (wanted @ wanted.T)[pairs], (given @ given.T)[pairs]
    error = float((others - products).square().mean().sqrt() / products.std())
    return error if error == error else float("inf")


def seconds(module, inputs: tuple[torch.Tensor, ...], runs: int = 5) -> float:
    """Returns the processor time of one row on one thread, the least of several runs.

    Processor time counts what the thread computes, whatever else the machine does.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    row = tuple(x[:1] for x in inputs)
    try:
        with torch.inference_mode():
            # Torch optimizes a module in its first two runs.
            for _ in range(2):
                module(*row)
            taken = []
            for _ in range(runs):
                began = time.thread_time()
                module(*row)
                taken.append(time.thread_time() - began)
    finally:
        torch.set_num_threads(threads)
    return min(taken)
