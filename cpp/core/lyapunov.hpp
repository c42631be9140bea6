// X = A X A^H + Q by squared Smith doubling: X_0 = Q, A_0 = A, X <- X + A X A^H, A <- A A. After k
// steps X holds the first 2^k terms of the sum of A^j Q A^jH, and what is missing is
// A_k X A_k^H, at most |A_k|^2 of X.
//
// A lane that has ended changes no more: its bits do not depend on what shares its pack. The first
// solution is as good as the squarings let it; steps of refinement, their residual in twice the
// precision, then bring it close to the rounding of X itself.
#pragma once

#include "linear.hpp"

namespace autophage::core {

// Five scratch matrices of n x n.
template <class Number>
struct LyapunovSpace {
  Number *power, *next, *left, *update, *residual;
};

// certain: lanes among the diverged with an eigenvalue outside the unit circle, proven, or on it:
// the powers neither vanished nor grew. In the others they may have grown only to fall later, or
// grown by their rounding alone.
template <class Number>
struct Doubling {
  MaskOf<Number> converged{}, diverged{}, certain{};
  RealOf<Number> steps{}, growth{};  // growth: the largest |A_k|_F^2
};

// Beyond so many squarings the rounding of each has moved |A^(2^k)| by a factor: a spectral radius
// that has not shown by then is 1 to within 1e-13 or so.
inline constexpr int most_doublings = 48;
// |A_k|_F^2 below half a rounding leaves X as it is; above 128 / rounding the next square is
// nothing but rounding.
template <class Number>
inline constexpr double negligible_power = Kind<Number>::rounding / 2;
template <class Number>
inline constexpr double hopeless_power = 128 / Kind<Number>::rounding;
inline constexpr double range_limit = 0x1p1000;
// A correction is relatively as accurate as its solver, which is good for several digits: after one
// of this size, what is wrong with X is its rounding.
inline constexpr double small_correction = 0x1p-40;
inline constexpr int most_refinements = 6;
// Spectral radii so close to 1 count as 1.
inline constexpr double radius_tolerance = 1e-13;

// Whether the trace of A_k proves a spectral radius above 1: n eigenvalues of at most 1 have a
// trace of at most n. `wrong` bounds the squared Frobenius norm of the error of A_k.
template <class Team, class Number>
AUTOPHAGE_HD inline MaskOf<Number> is_unstable(const Team&, i64 n, const Number* power,
                                               const RealOf<Number>& wrong) {
  Number trace(0.0);
  for (i64 i = 0; i < n; ++i) trace = trace + power[i * (n + 1)];
  const RealOf<Number> most(2.0 * static_cast<double>(n) * static_cast<double>(n));
  return square_of(trace) > most * (RealOf<Number>(1.0) + wrong);
}

// space.power holds A and sum holds Q on entry; sum holds X on return, in the lanes that converged.
template <class Team, class Number>
AUTOPHAGE_HD inline Doubling<Number> double_up(const Team& team, i64 n, MaskOf<Number> active,
                                               MaskOf<Number> hermitian, Number* sum,
                                               LyapunovSpace<Number>& space) {
  using Real = RealOf<Number>;
  Doubling<Number> found;
  const i64 size = n * n;
  const double unit = 4.0 * static_cast<double>(n) * Kind<Number>::rounding;
  Real wrong(0.0);
  for (int k = 0; !team.stopped(); ++k) {
    const Real power = sum_of_squares(team, space.power, size);
    found.growth = select(active, larger(power, found.growth), found.growth);
    const MaskOf<Number> small = active & (power <= Real(negligible_power<Number>));
    const Real limit(k > 0 ? hopeless_power<Number> : range_limit);
    const MaskOf<Number> still = k < most_doublings ? MaskOf<Number>{} : active & !small;
    const MaskOf<Number> proven = active & !small & is_unstable(team, n, space.power, wrong);
    const MaskOf<Number> large = still | proven | (active & !(power <= limit));
    found.certain = found.certain | proven | (still & (power <= limit));
    wrong = power * (Real(8.0) * wrong + power * Real(2.0 * unit * unit));
    found.converged = found.converged | small;
    found.diverged = found.diverged | large;
    active = active & !(small | large);
    if (!any(active)) break;
    multiply(team, space.power, sum, space.left, n);
    multiply_adjoint(team, space.left, space.power, hermitian, space.update, n);
    multiply(team, space.power, space.power, space.next, n);
    for (i64 e = team.rank(); e < size; e += team.size()) {
      sum[e] = select(active, sum[e] + space.update[e], sum[e]);
      space.next[e] = select(active, space.next[e], Number(0.0));  // no subnormals in idle lanes
    }
    team.sync();
    Number* const squared = space.next;
    space.next = space.power;
    space.power = squared;
    found.steps = select(active, found.steps + Real(1.0), found.steps);
  }
  return found;
}

template <class Number>
struct StoreBoth {
  Number *high, *low;
  i64 n;
  AUTOPHAGE_HD void operator()(i64 i, i64 j, const DoubledSum<Number>& sum) const {
    high[i * n + j] = sum.high();
    low[i * n + j] = sum.low();
  }
};

// Adds q - x and the products of the low parts to the sums of the high ones.
template <class Number>
struct StoreResidual {
  const Number *a, *q, *x, *low;
  Number* residual;
  i64 n;
  AUTOPHAGE_HD void operator()(i64 i, i64 j, DoubledSum<Number> sum) const {
    PlainSum<Number> rest;
    for (i64 k = 0; k < n; ++k) rest.add(low[i * n + k], conjugate(a[j * n + k]));
    sum.add(Number(0.0) - x[i * n + j]);
    sum.add(q[i * n + j]);
    sum.add(rest.total());
    residual[i * n + j] = sum.total();
  }
};

// space.residual = Q - X + A X A^H, every sum in twice the precision.
template <class Team, class Number>
AUTOPHAGE_HD inline void find_residual(const Team& team, i64 n, const Number* a, const Number* q,
                                       const Number* x, MaskOf<Number> hermitian,
                                       const LyapunovSpace<Number>& space) {
  constexpr int edge = Kind<Number>::doubled_tile;
  entries_of<edge, false, DoubledSum<Number>>(team, a, x, n, false,
                                              StoreBoth<Number>{space.left, space.update, n});
  team.sync();
  entries_of<edge, true, DoubledSum<Number>>(
      team, space.left, a, n, !any(!hermitian),
      StoreResidual<Number>{a, q, x, space.update, space.residual, n});
  team.sync();
  mirror(team, hermitian, space.residual, n);
}

template <class Number>
struct LyapunovResult {
  MaskOf<Number> converged{}, diverged{};
  RealOf<Number> steps{};
};

// Small matrices are always refined: it costs little. Large ones where the squarings were many or
// the powers grew.
template <class Team, class Number>
AUTOPHAGE_HD inline MaskOf<Number> worth_refining(const Team&, i64 n,
                                                  const Doubling<Number>& first) {
  using Real = RealOf<Number>;
  const MaskOf<Number> unsure =
      (first.steps > Real(9.5)) | (first.growth > Real(4.0 * static_cast<double>(n)));
  return n <= 16 ? first.converged : first.converged & unsure;
}

// Turns the residual in space.residual into the correction that x needs in the wanted lanes, found
// in numbers of `Precision`. Returns the lanes where it was found.
template <class Precision, class Team, class Number>
AUTOPHAGE_HD inline MaskOf<Number> find_correction(const Team& team, i64 n, const Number* a,
                                                   MaskOf<Number> wanted, MaskOf<Number> hermitian,
                                                   LyapunovSpace<Number>& space,
                                                   LyapunovSpace<typename Precision::Type>& work) {
  const i64 size = n * n;
  for (i64 e = team.rank(); e < size; e += team.size()) {
    work.power[e] = Precision::of(a[e]);
    work.residual[e] = Precision::of(space.residual[e]);
  }
  team.sync();
  const auto found = double_up(team, n, wanted, hermitian, work.residual, work);
  for (i64 e = team.rank(); e < size; e += team.size())
    space.residual[e] = Precision::back(work.residual[e]);
  team.sync();
  return found.converged;
}

// Brings x to within the rounding of its entries in the wanted lanes: `correct` puts a correction
// in the place of space.residual and says in which lanes it was found. Returns the lanes where
// corrections did not become small: the equation is too ill conditioned for their solver.
template <class Team, class Number, class Correct>
AUTOPHAGE_HD inline MaskOf<Number> refine(const Team& team, i64 n, const Number* a, const Number* q,
                                          MaskOf<Number> wanted, MaskOf<Number> hermitian,
                                          Number* x, LyapunovSpace<Number>& space,
                                          Correct correct) {
  using Real = RealOf<Number>;
  const i64 size = n * n;
  MaskOf<Number> failed{};
  for (int round = 0; round < most_refinements && any(wanted) && !team.stopped(); ++round) {
    find_residual(team, n, a, q, x, hermitian, space);
    const MaskOf<Number> found = correct(wanted);
    for (i64 e = team.rank(); e < size; e += team.size())
      x[e] = select(wanted, x[e] + space.residual[e], x[e]);
    team.sync();
    const Real moved = largest_entry(team, space.residual, size);
    const Real reached = largest_entry(team, x, size);
    const MaskOf<Number> done = found & (moved <= reached * Real(small_correction));
    const double allowed = round + 1 < most_refinements ? 0.5 : small_correction;
    const MaskOf<Number> lost = wanted & !(found & (moved <= reached * Real(allowed)));
    failed = failed | lost;
    wanted = wanted & !(done | lost);
  }
  return failed;
}

template <class Number>
using WideOf = typename Wide<Number>::Type;

// Solves for x in the active lanes in plain doubles; `first` tells of the squarings. Returns the
// lanes where these do not suffice.
template <class Team, class Number>
AUTOPHAGE_HD inline MaskOf<Number> solve_plainly(const Team& team, i64 n, const Number* a,
                                                 const Number* q, MaskOf<Number> active,
                                                 MaskOf<Number> hermitian, Number* x,
                                                 LyapunovSpace<Number>& space,
                                                 Doubling<Number>& first) {
  copy(team, a, space.power, n * n);
  copy(team, q, x, n * n);
  first = double_up(team, n, active, hermitian, x, space);
  const MaskOf<Number> wanted = worth_refining(team, n, first);
  const MaskOf<Number> failed =
      refine(team, n, a, q, wanted, hermitian, x, space, [&](MaskOf<Number> lanes) {
        return find_correction<Same<Number>>(team, n, a, lanes, hermitian, space, space);
      });
  return failed | (first.diverged & !first.certain);
}

// Solves for x in the active lanes, in twice the precision where plain doubles fail. Lanes that
// neither converged nor diverged are too hard for squarings: see lyapunov_schur.hpp.
template <class Team, class Number>
AUTOPHAGE_HD inline LyapunovResult<Number> solve_lyapunov(const Team& team, i64 n, const Number* a,
                                                          const Number* q, MaskOf<Number> active,
                                                          MaskOf<Number> hermitian, Number* x,
                                                          LyapunovSpace<Number> space,
                                                          LyapunovSpace<WideOf<Number>> wide) {
  const i64 size = n * n;
  Doubling<Number> first;
  const MaskOf<Number> hard = solve_plainly(team, n, a, q, active, hermitian, x, space, first);
  LyapunovResult<Number> result{first.converged, first.certain, first.steps};
  if (!any(hard) || team.stopped()) return result;
  for (i64 e = team.rank(); e < size; e += team.size()) {
    wide.power[e] = Wide<Number>::of(a[e]);
    wide.residual[e] = Wide<Number>::of(q[e]);
  }
  team.sync();
  const auto second = double_up(team, n, hard, hermitian, wide.residual, wide);
  for (i64 e = team.rank(); e < size; e += team.size())
    x[e] = select(hard, Wide<Number>::back(wide.residual[e]), x[e]);
  team.sync();
  const MaskOf<Number> lost = refine(
      team, n, a, q, hard & second.converged, hermitian, x, space, [&](MaskOf<Number> lanes) {
        return find_correction<Wide<Number>>(team, n, a, lanes, hermitian, space, wide);
      });
  result.converged = (first.converged & !hard) | (hard & second.converged & !lost);
  result.diverged = result.diverged | (hard & second.certain);
  return result;
}

}  // namespace autophage::core
