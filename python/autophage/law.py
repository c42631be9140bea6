"""The exact law of the collapse time of the fully synthetic chain, for every p and every n."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from autophage import _check
from autophage.collapse import CollapseLaw
from autophage.lineages import ContaminatedLaw, contaminated_law
from autophage.models import Categorical, of_contexts
from autophage.occupancy import REACH, Result, Tokens
from autophage.regimes import FullySynthetic
from autophage.schedules import Counts

__all__ = [
    "CollapseLaw",
    "ContaminatedLaw",
    "collapse_law",
    "collapse_time_asymptotic",
    "contaminated_law",
]


def collapse_law(p: ArrayLike | Categorical, n: Counts, *, progress: bool = False) -> CollapseLaw:
    """Compute the exact law of the collapse time of the fully synthetic chain.

    The collapse time T is the first generation m >= 1 whose model p^(m) is a point mass, when each
    generation is trained on n draws from the model before it and generation 1 on n draws from p
    (Seddik et al. 2024, who give bounds (7) and (8) and the order of E T). Mean and variance are
    computed at once, the law of all generations when it is first asked for.

    Parameters
    ----------
    p : array_like, shape (s,) or (c, s), or Categorical
        The true law of one context, or one a row.
    n : int or array_like of int
        Draws of each generation, 1 to 4,000,000: a number, an array over generations or over
        (generations, contexts). The last value holds for ever after.
    progress : bool, default False
        Whether to show a bar.

    Returns
    -------
    CollapseLaw
        The law; contexts with the same n share the work.

    Raises
    ------
    TypeError, ValueError
        If p is not a law or n not a number of draws; if n is beyond the exact law's reach. Then
        `collapse_time_asymptotic` is the way out.

    Notes
    -----
    The samples of generation m descend from A distinct samples of generation 1, whose number
    follows from balls thrown into boxes and is free of p; given A they are independent draws from
    p. So P(T <= m) = E f_A with f_j = sum_i p_i^j, and for constant n, with q(j, k) the chance that
    j balls hit k of n boxes,

        E T = 1 + h_n,   h_j (1 - q(j, j)) = (1 - f_j) + sum_{k<j} q(j, k) h_k,   h_1 = 0.

    All sums are of positive terms, over the O(sqrt n) significant entries of each row: the time is
    O(n^1.5), the relative error about 1e-14, and at most 1e-13 is dropped. A chain whose n varies
    costs as much for each generation until n is constant.

    Examples
    --------
    >>> import autophage as ap
    >>> law = ap.collapse_law([0.3, 0.7], 50)
    >>> round(law.mean, 10)
    59.3747606484
    >>> law.quantile([0.5, 0.9])
    array([ 45, 124])
    >>> ap.collapse_law([[0.3, 0.7], [0.5, 0.5]], [10, 20, 40]).mean.round(6)
    array([42.935669, 49.512336])
    """
    model = of_contexts(p)
    sizes = FullySynthetic(n).schedule(None, model.context_count).n
    if sizes.max() > REACH:
        t, c = (int(i) for i in np.argwhere(sizes > REACH)[0])
        msg = (
            f"n must be at most {REACH} for the exact law, got {sizes[t, c]} in generation "
            f"{t + 1}; for larger n use collapse_time_asymptotic(p, n)"
        )
        raise ValueError(msg)
    return CollapseLaw(model, sizes, progress=_check.flag("progress", progress))


def collapse_time_asymptotic(p: ArrayLike | Categorical, n: ArrayLike) -> Result:
    """Leading term of the mean collapse time for large n: -2 n sum_i (1 - p_i) ln(1 - p_i).

    The way out where n is beyond `collapse_law`. The exact mean minus this is
    -(1/3) ln n + c(p) + o(1), found numerically: c = -0.4908 for (.5, .5), -0.5558 for (.5, .3,
    .2), -0.0274 for (.9, .1) and -0.7185 for 100 equal tokens. So the relative error is about
    ln(n) / n, and a point mass, whose collapse time is 1, has 0 here.

    Parameters
    ----------
    p : array_like, shape (s,) or (c, s), or Categorical
        The true law of one context, or one a row.
    n : array_like of int
        Draws of each generation, constant over generations, 1 to 2^62.

    Returns
    -------
    float or ndarray, shape of n (and (c,))
        Generations.

    Raises
    ------
    TypeError, ValueError
        If p is not a law, or n not a number of draws.

    Examples
    --------
    >>> import autophage as ap
    >>> round(ap.collapse_time_asymptotic([0.5, 0.5], 10**9))
    1386294361
    >>> exact = ap.collapse_law([0.5, 0.5], 1000).mean
    >>> round(exact - ap.collapse_time_asymptotic([0.5, 0.5], 1000), 3)
    -2.793
    """
    model = of_contexts(p)
    sizes = _check.integers("n", n, 1, _check.COUNT_LIMIT, ndim=None)
    rate = np.empty(model.context_count)
    for c, law in enumerate(model.laws):
        tokens = Tokens(law)
        miss = tokens.misses
        log_miss = np.log(miss, out=np.zeros_like(miss), where=miss > 0.0)
        np.log1p(-tokens.values, out=log_miss, where=miss > 0.5)
        rate[c] = -2.0 * (tokens.copies * miss * log_miss).sum()
    result = np.multiply.outer(sizes.astype(np.float64), rate.reshape(model.p.shape[:-1]))
    return result if result.ndim else float(result)
