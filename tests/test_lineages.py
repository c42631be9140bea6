"""Exact laws of contaminated sources against the dense chain and the laws they contain."""

from __future__ import annotations

import numpy as np
import pytest

import autophage as ap
from law_reference import DenseChain

SOURCES = {
    "two tokens": ([0.3, 0.7], [6] * 5, [0.25] * 5),
    "three tokens": ([0.5, 0.3, 0.2], [4] * 4, [0.1] * 4),
    "a token without probability": ([0.5, 0.0, 0.5], [4] * 4, [0.5] * 4),
    "a point mass": ([0.0, 1.0], [3] * 3, [0.5] * 3),
    "varying": ([0.2, 0.8], [3, 9, 1, 5, 2, 14], [0.9, 0.1, 0.5, 0.0, 1.0, 0.3]),
    "one sample": ([0.4, 0.6], [1] * 4, [0.2] * 4),
    "mostly one": ([0.999, 0.001], [8] * 5, [0.05] * 5),
}


@pytest.mark.parametrize("name", SOURCES)
def test_laws_against_the_dense_chain(name: str) -> None:
    p, n, alpha = SOURCES[name]
    chain, law = DenseChain(p, n, alpha), ap.contaminated_law(p, n, alpha)
    m = range(1, len(n) + 1)
    masses, absences = [chain.point_mass(t) for t in m], [chain.absent(t) for t in m]
    assert np.allclose(law.point_mass(list(m)), masses, rtol=1e-13, atol=1e-300)
    assert np.allclose(law.token_absent(list(m)), absences, rtol=1e-13, atol=1e-16)
    assert law.point_mass(2) == pytest.approx(masses[1], rel=1e-13)


def test_without_real_data_it_is_the_law_of_collapse() -> None:
    p, n = [0.5, 0.3, 0.2], [20, 7, 60, 31]
    law, other = ap.contaminated_law(p, n, 0.0), ap.collapse_law(p, n)
    m = [1, 2, 3, 4, 5, 40, 200]
    assert np.allclose(law.point_mass(m), other.cdf(m), rtol=1e-12, atol=0)
    assert np.allclose(law.token_absent(m), other.token_lost(m), rtol=1e-12, atol=0)


def test_with_real_data_only_every_generation_is_the_first() -> None:
    law = ap.contaminated_law([0.5, 0.25, 0.25], 9, 1.0)
    assert law.point_mass([1, 2, 30]) == pytest.approx([0.5**9 + 2 * 0.25**9] * 3, rel=1e-14)


def test_little_real_data_keeps_tokens_alive() -> None:
    """The limit law exists and is reached: a token's chance to be absent settles below one."""
    law = ap.contaminated_law([0.9, 0.1], 200, 0.01)
    absent = law.token_absent([50, 600, 900, 1200])[:, 1]
    assert 0.1 < absent[0] < absent[1] < absent[2] < 0.9
    assert absent[2] == pytest.approx(absent[3], rel=1e-4)


def test_contexts_equal_single_ones() -> None:
    p = np.random.default_rng(3).dirichlet(np.full(5, 0.4), 4)
    n = np.array([[8, 8, 3, 8], [5, 5, 6, 5]])
    alpha = np.array([[0.1, 0.1, 0.5, 0.2]] * 2)
    law, m = ap.contaminated_law(p, n, alpha), np.array([[1, 2, 3], [7, 7, 1]])
    assert law.point_mass(m).shape == (2, 3, 4)
    assert law.token_absent(m).shape == (2, 3, 4, 5)
    for c in range(4):
        one = ap.contaminated_law(p[c], n[:, c], alpha[:, c])
        assert np.array_equal(law.token_absent(m)[..., c, :], one.token_absent(m))
        assert np.allclose(law.point_mass(m)[..., c], one.point_mass(m), rtol=1e-14, atol=0)


def test_parameters_may_be_functions_of_the_generation() -> None:
    law = ap.contaminated_law([0.5, 0.5], lambda t: t + 1, lambda t: 1 / t, generations=4)
    same = ap.contaminated_law([0.5, 0.5], [2, 3, 4, 5], [1.0, 1 / 2, 1 / 3, 1 / 4])
    assert np.array_equal(law.point_mass([1, 4]), same.point_mass([1, 4]))
    with pytest.raises(ValueError, match=r"m must be integers in \[1, 4\], got 5"):
        law.point_mass(5)
    with pytest.raises(ValueError, match="callable"):
        ap.contaminated_law([0.5, 0.5], lambda t: t, 0.5)


def test_more_samples_than_the_exact_laws_reach_are_refused() -> None:
    with pytest.raises(ValueError, match=r"n must be at most 2000.*got 2001 in generation 2"):
        ap.contaminated_law([0.5, 0.5], [10, 2001], 0.5)
