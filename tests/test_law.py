"""The exact law of collapse against dense Markov chains, 60-digit arithmetic and what is known."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

import autophage as ap
import judge
from autophage import occupancy
from autophage.alias import AliasTable
from law_reference import DenseChain, precise_mean_and_variance, precise_sf

MEANS = {
    2: {10: 12.5905181977, 50: 67.5171716674, 100: 136.6022783820, 400: 552.0295729634},
    3: {10: 14.8495797952, 50: 79.1994372648, 100: 160.0629187516, 400: 646.1600891445},
    10: {10: 17.4956202260, 50: 92.8307849039, 100: 187.4257379533, 400: 755.9115861623},
    50: {10: 18.3010018934, 50: 96.9711976852, 100: 195.7349537630, 400: 789.2336138435},
}
SKEWED = [0.5, 0.25, 0.125, 0.0625, 0.0625]  # sums of powers of two are exact in any arithmetic
NEARLY_ONE = [1.0 - 2.0**-30, 2.0**-30]
CHAINS = {
    "two tokens": ([0.3, 0.7], [12]),
    "three tokens": ([0.5, 0.3, 0.2], [7]),
    "a token without probability": ([0.6, 0.0, 0.4], [6]),
    "nearly a point mass": ([0.999, 0.001], [9]),
    "a point mass": ([0.0, 1.0], [5]),
    "n = 1": ([0.5, 0.5], [1]),
    "n = 2": ([0.2, 0.3, 0.5], [2]),
    "n = 3": ([0.2, 0.8], [3]),
    "growing": ([0.3, 0.7], [2, 5, 11, 20]),
    "shrinking": ([0.5, 0.3, 0.2], [12, 7, 3, 2]),
    "up and down": ([0.4, 0.6], [3, 30, 2, 17, 4]),
    "a bottleneck": ([0.4, 0.35, 0.25], [9, 1, 8]),
    "one at last": ([0.4, 0.6], [20, 15, 1]),
}


def dense(name: str, generations: int = 12) -> tuple[DenseChain, ap.law.CollapseLaw]:
    p, n = CHAINS[name]
    return DenseChain(p, n + [n[-1]] * (generations - len(n))), ap.collapse_law(p, n)


def uniform(s: int) -> npt.NDArray[np.float64]:
    return np.full(s, 1.0 / s)


@pytest.mark.parametrize(("s", "n"), [(s, n) for s in MEANS for n in MEANS[s]])
def test_means_of_uniform_laws(s: int, n: int) -> None:
    assert f"{ap.collapse_law(uniform(s), n).mean:.10f}" == f"{MEANS[s][n]:.10f}"


def test_one_mean_by_three_ways() -> None:
    law = ap.collapse_law([0.3, 0.7], 50)
    mean, variance = DenseChain([0.3, 0.7], [50]).mean_and_variance()
    assert mean == pytest.approx(59.374760648446, abs=2e-12)
    assert law.mean == pytest.approx(mean, rel=1e-13)
    assert law.variance == pytest.approx(variance, rel=1e-12)


@pytest.mark.parametrize("name", CHAINS)
def test_times_against_the_dense_chain(name: str) -> None:
    chain, law = dense(name)
    m = np.arange(1, 13)
    cdf = np.array([chain.point_mass(t) for t in range(1, 13)])
    assert np.allclose(law.cdf(m), cdf, rtol=1e-12, atol=1e-300)
    assert np.allclose(law.sf(m), 1.0 - cdf, rtol=0, atol=1e-14)
    assert np.allclose(law.pmf(m), np.diff(cdf, prepend=0.0), rtol=0, atol=1e-14)
    mean, variance = chain.mean_and_variance()
    assert law.mean == pytest.approx(mean, rel=1e-12)
    assert law.variance == pytest.approx(variance, rel=1e-11, abs=1e-13)
    assert (law.cdf(0), law.sf(0), law.pmf(0)) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("name", CHAINS)
def test_tokens_against_the_dense_chain(name: str) -> None:
    chain, law = dense(name)
    for m in (1, 2, 3, 4, 5, 12):
        assert np.allclose(law.token_lost(m), chain.absent(m), rtol=0, atol=1e-14)
        assert law.surviving_tokens(m) == pytest.approx(chain.surviving(m), abs=1e-14)
        assert law.expected_l1(m) == pytest.approx(chain.l1(m), abs=1e-14)
        for token in range(len(chain.p)):
            expected = chain.count_law(token, m)
            assert np.allclose(law.marginal(token, m), expected, rtol=1e-12, atol=1e-20)
    assert np.array_equal(law.token_lost(0), chain.p == 0.0)
    assert law.surviving_tokens(0) == np.count_nonzero(chain.p)
    assert law.expected_l1(0) == 0.0


def test_tails_against_the_dense_chain() -> None:
    for name in ("n = 2", "n = 3", "two tokens", "shrinking", "one at last", "a bottleneck"):
        chain, law = dense(name, 200)
        assert np.allclose(law.token_lost(200), chain.absent(200), rtol=0, atol=1e-14)
        assert law.surviving_tokens(200) == pytest.approx(chain.surviving(200), abs=1e-14)
        assert np.allclose(law.marginal(0, 200), chain.count_law(0, 200), rtol=0, atol=1e-14)
        assert law.expected_l1(200) == pytest.approx(chain.l1(200), abs=1e-14)
        assert law.expected_l1([200, 3, 3]) == pytest.approx([chain.l1(m) for m in (200, 3, 3)])


@pytest.mark.parametrize("p", [SKEWED, NEARLY_ONE, [1 / 64] * 64], ids=["skew", "sure", "flat"])
@pytest.mark.parametrize("n", [200, 1000])
def test_mean_and_variance_to_sixty_digits(p: list[float], n: int) -> None:
    mean, variance = precise_mean_and_variance(p, n)
    law = ap.collapse_law(p, n)
    assert law.mean == pytest.approx(mean, rel=1e-14)
    assert law.variance == pytest.approx(variance, rel=2e-14)


@pytest.mark.parametrize("p", [SKEWED, NEARLY_ONE], ids=["skew", "sure"])
def test_far_tail_to_sixty_digits(p: list[float]) -> None:
    m = [1, 2, 3, 10, 200, 1000, 3500, 3540, 5000, 8000]  # the horizon is 3515
    law = ap.collapse_law(p, 200)
    expected = precise_sf(p, 200, m)
    assert law.sf(m) == pytest.approx(expected, rel=1e-13, abs=0)
    assert expected[-1] < 1e-17
    assert law.pmf(8001) == pytest.approx(expected[-1] / 200, rel=1e-12, abs=0)


def test_left_tail_keeps_its_relative_accuracy() -> None:
    chain = DenseChain([0.3, 0.7], [60, 60, 60])
    law = ap.collapse_law([0.3, 0.7], 60)
    expected = [chain.point_mass(m) for m in (1, 2, 3)]
    assert expected[0] < 1e-9
    assert law.cdf([1, 2, 3]) == pytest.approx(expected, rel=1e-12, abs=0)
    assert law.pmf([1, 2, 3]) == pytest.approx(np.diff(expected, prepend=0), rel=1e-11, abs=0)


@pytest.mark.parametrize(
    ("p", "constant"),
    [
        (uniform(2), -0.4908),
        ([0.5, 0.3, 0.2], -0.5558),
        ([0.9, 0.1], -0.0274),
        (uniform(100), -0.7185),
    ],
    ids=["2", "3", "skew", "100"],
)
def test_constant_of_the_closed_form(p: npt.ArrayLike, constant: float) -> None:
    n = 20_000
    gap = ap.collapse_law(p, n).mean - ap.collapse_time_asymptotic(p, n)
    assert gap + np.log(n) / 3 == pytest.approx(constant, abs=2e-4)


def test_gap_to_the_closed_form() -> None:
    p = [0.5, 0.3, 0.2]
    n = [10, 50, 100, 400, 1000]
    gaps = [ap.collapse_law(p, k).mean - ap.collapse_time_asymptotic(p, k) for k in n]
    assert [round(gap, 2) for gap in gaps] == [-1.34, -1.86, -2.09, -2.55, -2.86]
    assert np.array_equal(
        ap.collapse_time_asymptotic([p, [0.0, 1.0, 0.0]], n)[:, 0],
        ap.collapse_time_asymptotic(p, n),
    )
    assert ap.collapse_time_asymptotic([0, 1, 0], 10**18) == 0.0
    sure = ap.collapse_time_asymptotic([1 - 2.0**-60, 2.0**-60], 2**40)
    assert sure == pytest.approx(2.0**-19 * (60 * np.log(2) + 1), rel=1e-12)


def test_constant_of_the_tail() -> None:
    constants = {2: 2, 3: 2.25, 5: 2.4671, 10: 2.6705, 50: 2.9024, 200: 2.9686, 1000: 2.9921}
    for n, constant in constants.items():
        for p in ([0.3, 0.7], SKEWED):
            law, m = ap.collapse_law(p, n), 30 * n
            first = (1.0 - np.square(p).sum()) * np.exp(m * np.log1p(-1.0 / n))
            assert law.sf(m) / first == pytest.approx(constant, abs=6e-5)


def test_bounds_of_seddik_2024() -> None:
    rng = np.random.default_rng(5)
    for _ in range(40):
        s, n = int(rng.integers(2, 40)), int(rng.integers(2, 120))
        p, m = rng.dirichlet(np.full(s, 0.5)), np.arange(1, 5 * n)
        law, spread = ap.collapse_law(p, n), 1.0 - np.square(p).sum()
        decay, sharp = (1.0 - 1.0 / n) ** m, spread / (1.0 - 1.0 / min(s, n))
        cdf = law.cdf(m)
        assert (cdf >= 1.0 - n * spread * decay - 1e-14).all()
        assert (cdf <= 1.0 - sharp * decay + 1e-14).all()
        assert 1.0 + sharp * (n - 1) <= law.mean * (1 + 1e-14)
        assert law.mean <= 1.0 + spread * n * (n - 1) + 1e-12


@pytest.mark.parametrize(("p", "n"), [(SKEWED, 30), ([0.5, 0.5], [4, 50, 9]), (NEARLY_ONE, 8)])
def test_moments_are_those_of_the_law(p: list[float], n: int | list[int]) -> None:
    law = ap.collapse_law(p, n)
    m = np.arange(0, 60 * np.max(n))
    sf = law.sf(m)
    assert law.mean == pytest.approx(sf.sum(), rel=1e-13)
    second = ((2 * m + 1) * sf).sum()
    assert law.variance == pytest.approx(second - sf.sum() ** 2, rel=1e-9, abs=1e-12)
    assert law.pmf(m).sum() == pytest.approx(1.0, abs=1e-13)


def test_variance_when_collapse_comes_late_and_suddenly() -> None:
    n = [*[20_000] * 40, 2]
    law = ap.collapse_law([0.5, 0.5], n)
    # From generation 41 on n = 2: T - 40 is geometric with 1/2 but for some parts in 1e3.
    assert law.mean == pytest.approx(42, abs=0.01)
    m = np.arange(41, 200)
    second = ((m - 42.0) ** 2 * law.pmf(m)).sum()
    assert law.variance == pytest.approx(second - (law.mean - 42.0) ** 2, rel=1e-12)


@pytest.mark.parametrize(("p", "n"), [(SKEWED, 30), ([0.3, 0.7], [4, 50, 9]), (NEARLY_ONE, 3)])
def test_quantiles_invert_the_law(p: list[float], n: int | list[int]) -> None:
    law = ap.collapse_law(p, n)
    q = np.array([0.0, 1e-9, 1e-3, 0.1, 0.5, 0.9, 0.999, 1 - 1e-9, 1 - 1e-15])
    m = law.quantile(q)
    assert (m >= 1).all()
    assert (law.sf(m) <= 1.0 - q).all()
    short = np.where(q < 0.5, law.cdf(m - 1) < q, law.sf(m - 1) > 1.0 - q)
    assert (short | (m == 1)).all()
    assert law.quantile(0.5) == m[4]
    assert ap.collapse_law(p, n).quantile(0.5) == m[4]  # with a table that is not complete
    assert ap.collapse_law(p, n).quantile(0.999) == m[6]
    steps = law.cdf(np.arange(1, 100))
    steps = [0.0, *steps[(steps > 0) & (steps < 0.5)]]
    assert np.array_equal(law.cdf(law.quantile(steps))[1:], steps[1:])


def fit(times: npt.NDArray[np.int64], law: ap.law.CollapseLaw) -> judge.Fit:
    """Chi-square of collapse times, with one cell for all times beyond the largest."""
    m = np.arange(1, times.max() + 1)
    observed = np.append(np.bincount(times)[1:], 0)
    return judge.chi_square("times", observed, len(times) * np.append(law.pmf(m), law.sf(m[-1])))


@pytest.mark.parametrize("n", [12, [4, 30, 9], 2])
def test_samples_follow_the_law(n: int | list[int]) -> None:
    p = [0.3, 0.5, 0.2]
    law = ap.collapse_law(p, n)
    times = law.sample(400_000, rng=11)
    judge.accept(fit(times, law))
    judge.accept_moments("mean", times.mean(), law.mean, np.sqrt(law.variance / len(times)))
    wrong = fit(times, ap.collapse_law([0.35, 0.5, 0.15], n))
    assert wrong.p < judge.ALPHA, str(wrong)


def test_samples_follow_the_rng() -> None:
    law = ap.collapse_law([[0.5, 0.5], [0.2, 0.8]], 20)
    times = law.sample((3, 4), rng=7)
    assert times.shape == (3, 4, 2)
    assert np.array_equal(times, law.sample((3, 4), rng=7))
    assert not np.array_equal(times, law.sample((3, 4), rng=8))
    assert not np.array_equal(times[..., 0], times[..., 1])
    assert law.sample(0).shape == (0, 2)
    generator = np.random.default_rng(1)
    assert not np.array_equal(law.sample(9, generator), law.sample(9, generator))


def test_samples_beyond_the_horizon_are_geometric() -> None:
    law = ap.collapse_law([0.5, 0.5], 2)  # horizon 1: all but the first cell lies beyond
    times = law.sample(200_000, rng=3)
    observed = np.bincount(np.minimum(times, 13), minlength=14)[1:]
    expected = 2e5 * 0.5 ** np.minimum(np.arange(1.0, 14.0), 12)
    judge.accept(judge.chi_square("geometric", observed, expected))


@pytest.mark.parametrize("cells", [1, 2, 3, 50, 5000])
def test_alias_tables_hold_the_law(cells: int) -> None:
    rng = np.random.default_rng(cells)
    for law in (rng.dirichlet(np.full(cells, 0.3)), np.eye(cells)[cells // 2], uniform(cells)):
        table = AliasTable(law)
        assert (table.threshold >= 0).all()
        assert (table.threshold <= table.capacity).all()
        weight = table.threshold.astype(float)
        np.add.at(weight, table.other, table.capacity - table.threshold)
        assert np.allclose(weight / (cells * table.capacity), law, rtol=0, atol=1e-14)


def test_an_alias_table_whose_cells_are_emptied_evenly() -> None:
    table = AliasTable(np.array([0.5, 0.0, 0.5, 0.0]))
    assert table.threshold.tolist() == [table.capacity, 0, table.capacity, 0]
    assert table.other[[1, 3]].tolist() == [0, 2]


def test_many_contexts_equal_single_ones() -> None:
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.full(7, 0.5), 6)
    p[2] = [0, 0, 1, 0, 0, 0, 0]
    n = np.array([[20, 20, 5, 33, 20, 5], [30, 30, 5, 40, 30, 5]])
    law, m, q = ap.collapse_law(p, n), np.array([[0, 1, 2], [3, 50, 2000]]), [0.1, 0.5, 0.999]
    assert law.sf(m).shape == (2, 3, 6)
    assert law.token_lost(m).shape == (2, 3, 6, 7)
    for c in range(6):
        one = ap.collapse_law(p[c], n[:, c])
        assert (law.mean[c], law.variance[c]) == (one.mean, one.variance)
        for name in ("sf", "cdf", "pmf", "surviving_tokens", "expected_l1"):
            many, single = getattr(law, name)(m)[..., c], getattr(one, name)(m)
            if name == "expected_l1":  # a matrix product may add in another order
                assert np.allclose(many, single, rtol=0, atol=1e-14)
            else:
                assert np.array_equal(many, single), name
        assert np.array_equal(law.quantile(q)[:, c], one.quantile(q))
        assert np.array_equal(law.token_lost(m)[..., c, :], one.token_lost(m))
        assert np.array_equal(law.marginal(1, 3, context=c), one.marginal(1, 3))


def test_blocks_of_contexts_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    p = np.random.default_rng(2).dirichlet(np.ones(5), 7)
    whole = ap.collapse_law(p, [30, 40])
    monkeypatch.setattr("autophage.contexts._BLOCK", 100)
    parts = ap.collapse_law(p, [30, 40])
    assert np.array_equal(whole.mean, parts.mean)
    assert np.array_equal(whole.variance, parts.variance)
    assert np.array_equal(whole.sf([1, 5, 9]), parts.sf([1, 5, 9]))


def test_large_n_agrees_with_the_closed_form() -> None:
    """Beyond the stored rows the laws of ancestors are made row by row."""
    n = 30_000
    law = ap.collapse_law(SKEWED, n)
    assert law.mean == pytest.approx(ap.collapse_time_asymptotic(SKEWED, n), rel=1e-4)
    m = np.arange(0, law.quantile(1 - 1e-14))
    assert law.sf(m).sum() == pytest.approx(law.mean, rel=1e-12)
    assert law.token_lost(2)[0] < 1e-100
    first, chances = law._groups[0].ancestry.law(2)
    mean = (first + np.arange(len(chances))) @ chances
    assert mean == pytest.approx(n * -np.expm1(n * np.log1p(-1 / n)), rel=1e-13)
    start, _, chance = law._groups[0].ancestry.table
    assert chance[start[-2] :].sum() == pytest.approx(1.0, abs=1e-13)  # after 500,000 steps
    assert occupancy.TABLE_BYTES * n > sum(x.nbytes for x in law._groups[0].ancestry.table)
