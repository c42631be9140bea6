"""The cases of mixtures learned from a stream; a run is one point, or one pixel of one frame."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

import autophage as ap
from bench import peers_streaming as peers
from bench.cases import OURS, Case, Contender
from bench.contenders import Run
from bench.judge import Check, Floats, Outcome

NUMBA, MOG2 = "numba", "OpenCV MOG2"
AGREEMENT = 1e-7  # of weights and means, relative to the largest
GREY_LEVELS = 3.0  # MOG2's background, from the truth, in its median pixel
SIDE, FRAMES = 32, 200
COUNT = SIDE * SIDE * FRAMES
RATE, VARIANCE = 0.02, 100.0


@cache
def stream(d: int, seed: int) -> Floats:
    """Give bytes of three clusters, of which the first has six tenths."""
    rng = np.random.default_rng(seed)
    centres = np.array([[60.0], [130.0], [200.0]]) + np.linspace(0.0, 20.0, d)
    label = rng.choice(3, size=COUNT, p=[0.6, 0.3, 0.1])
    return np.asarray(np.rint(centres[label] + 5.0 * rng.normal(size=(COUNT, d))))


@cache
def first_means(d: int, components: int) -> Floats:
    """Choose points of another stream."""
    return stream(d, 1)[np.random.default_rng(0).permutation(COUNT)[:components]] + 0.25


def _flat(weights: Floats, means: Floats) -> Floats:
    return np.column_stack([weights * np.abs(means).max(), means])


Mixture = tuple[int, int, bool, float]
"""Features, components at the start, whether diagonal, prior."""


def _ours(d: int, components: int, diagonal: bool, prior: float) -> Run:
    def run(_part: int, runs: int, seed: int) -> Outcome:
        mixture = ap.RecursiveMixture(
            components,
            rate=RATE,
            prior=prior,
            covariance_type="diag" if diagonal else "full",
            init=first_means(d, components),
            init_variance=VARIANCE,
            reg_covar=1e-50,
        ).fit(stream(d, seed)[:runs])
        return Outcome(runs, values=_flat(mixture.weights_, mixture.means_))

    return run


def _numba(d: int, components: int, diagonal: bool, prior: float) -> Run:
    def run(_part: int, runs: int, seed: int) -> Outcome:
        start = first_means(d, components)
        points = stream(d, seed)[:runs]
        found = peers.numba_mixture(points, start, VARIANCE, RATE, prior, diagonal)
        return Outcome(runs, values=_flat(*found))

    return run


def _mog2(d: int, components: int) -> Run:
    def run(_part: int, runs: int, seed: int) -> Outcome:
        frames = stream(d, seed).astype(np.uint8).reshape(FRAMES, SIDE, SIDE, d)
        return Outcome(runs, values=peers.mog2_background(frames, RATE, components))

    return run


def _judge(d: int) -> Callable[[int, Mapping[str, Outcome]], Iterator[Check]]:
    def judge(_part: int, outcomes: Mapping[str, Outcome]) -> Iterator[Check]:
        ours, theirs = outcomes[OURS].values, outcomes[NUMBA].values
        assert ours is not None
        assert theirs is not None
        same = ours.shape == theirs.shape
        gap = np.abs(ours - theirs).max() / np.abs(theirs).max() if same else np.inf
        yield Check.at_most(NUMBA, "worst difference from ours", float(gap), AGREEMENT)
        largest = ours[ours[:, 0].argmax(), 1:]
        truth = 60.0 + np.linspace(0.0, 20.0, d)
        yield Check.at_most(OURS, "largest component", np.abs(largest - truth).max(), GREY_LEVELS)
        background = outcomes[MOG2].values if MOG2 in outcomes else None
        if background is not None:
            middle = np.median(background.reshape(-1, d), axis=0)
            yield Check.at_most(MOG2, "background", np.abs(middle - truth).max(), GREY_LEVELS)

    return judge


def _case(name: str, mixture: Mixture, mog2: bool = False) -> Case:
    d, components, diagonal, prior = mixture
    others: list[Any] = [Contender(NUMBA, _numba(*mixture), COUNT)]
    missing = mog2 and find_spec("cv2") is None
    if mog2 and not missing:
        others.append(Contender(MOG2, _mog2(d, components), COUNT))
    kind = "diagonal" if diagonal else "full"
    return Case(
        name,
        f"{components} components, d = {d}, {kind} covariances, prior {prior}"
        + (" (OpenCV is not installed)" if missing else ""),
        (Contender(OURS, _ours(*mixture), COUNT), *others),
        _judge(d),
        (0,),
        {NUMBA: 1.0},
    )


CASES = (
    _case("stream-1", (1, 5, True, 0.02), mog2=True),
    _case("stream-3", (3, 5, True, 0.02), mog2=True),
    _case("stream-3-full", (3, 5, False, 0.02)),
    _case("stream-10-full", (10, 30, False, 0.0)),
)
