// A binomial from one uniform, by inversion that starts in the middle of the law: for doubles, and
// for lanes of them with the same bits.
//
// Masses are taken from the uniform in the order k, k + 1, k - 1, k + 2, .. until it is used up,
// with k next to the mean. So a result costs one uniform, always, and about as many steps as it
// lies from the mean; no step divides.
//
// Only templates are here: they are compiled for several instruction sets. Real: double, or lanes
// of doubles with the calls of numbers.hpp.
#pragma once

#include "numbers.hpp"

namespace autophage::core {

inline constexpr i64 middle_limit = 1024;  // the largest n

// A law with a mean below is taken from 0 on.
inline constexpr double least_middle_mean = 8.0;

// base^n for integers 1 <= n <= 1024 by squarings, which lose n 2^-53.
template <class Real>
AUTOPHAGE_HD Real power_of(Real base, Real n) {
  const Real zero(0.0), one(1.0), half(0.5);
  Real power = one;
  for (;;) {
    const Real rest = whole_part(half * n);
    power = power * blend(n > rest + rest, base, one);
    if (!any(rest > zero)) return power;
    base = base * base;
    n = rest;
  }
}

// ln k! - (k + 1/2) ln k + k - ln(2 pi) / 2 for inverse = 1 / k, k >= 8, by Stirling's series: what
// is left out is below 2e-14.
template <class Real>
AUTOPHAGE_HD Real stirling_series(Real inverse) {
  const Real z = inverse * inverse;
  const Real low = Real(1.0 / 1680) - z * (Real(1.0 / 1188) - z * Real(691.0 / 360360));
  return inverse * (Real(1.0 / 12) - z * (Real(1.0 / 360) - z * (Real(1.0 / 1260) - z * low)));
}

// ((1 + y) ln(1 + y) - y) / y^2 for |y| <= 1/16: what is left out is below 2e-13, and counts with
// a factor of at most 1/32.
template <class Real>
AUTOPHAGE_HD Real relative_deviance(Real y) {
  const Real z = y * y;
  const Real even =
      Real(1.0 / 2) +
      z * (Real(1.0 / 12) + z * (Real(1.0 / 30) + z * (Real(1.0 / 56) + z * Real(1.0 / 90))));
  const Real odd = Real(1.0 / 6) + z * (Real(1.0 / 20) + z * (Real(1.0 / 42) + z * Real(1.0 / 72)));
  return even - y * odd;
}

// The mass of Binomial(n, p) at the integer k next to n p >= 8, p <= 1/2, q = 1 - p:
//   sqrt(n / (2 pi k (n - k))) e^(s(n) - s(k) - s(n - k)) (n p / k)^k (n q / (n - k))^(n - k),
// where s is Stirling's series and the last two factors are e^-(n p d(y) + n q d(-x)), with the
// deviance d of the offsets y = (k - n p) / n p and x = (k - n p) / n q.
template <class Real>
AUTOPHAGE_HD Real middle_mass(Real n, Real p, Real q, Real k) {
  const Real one(1.0), others = n - k;
  const Real mean = n * p, rest = n * q, offset = k - mean;
  const Real inverse = one / (k * others * n);
  const Real series = stirling_series(inverse * (k * others)) -
                      stirling_series(inverse * (others * n)) - stirling_series(inverse * (k * n));
  const Real scaled = offset / (mean * rest);
  const Real y = scaled * rest, x = scaled * mean;
  const Real e = series - offset * (y * relative_deviance(y) + x * relative_deviance(-x));
  // e^e by its series, |e| < .045.
  const Real z = e * e;
  const Real even = one + z * (Real(1.0 / 2) + z * (Real(1.0 / 24) + z * Real(1.0 / 720)));
  const Real odd = one + z * (Real(1.0 / 6) + z * (Real(1.0 / 120) + z * Real(1.0 / 5040)));
  return Real(0.39894228040143267794) * n * square_root(inverse) * (even + e * odd);
}

// What is left of a uniform u from the mass at k on, step by step.
//
// Step j = 0, 1, .. takes the masses at k + 1 + j and k - 1 - j, which follow from those before by
//   (n-k-j) p / ((k+1+j) q)  and  (k-j) q / ((n-k+1+j) p).
// Over their common denominator (k+1+j) (n-k+1+j), by which everything else is multiplied instead,
// these are (A - j (j+1)) p/q and (B - j (j+1)) q/p with the integers A = (n-k) (n-k+1) and
// B = k (k+1): exactly zero beyond 0 and n.
template <class Real>
AUTOPHAGE_HD Real walk_from_middle(Real n, Real p, Real q, Real k, Real mass, Real u) {
  constexpr int most_steps = 160;  // ten deviations
  const Real zero(0.0), one(1.0), two(2.0);
  const Real others = n - k, variance = p * q;
  const Real scale = one / ((k + one) * (others + one) * variance);
  const Real odds_above = scale * (p * p), odds_below = scale * (q * q);
  Real of_above = others * (others + one), of_below = k * (k + one), less = two;
  const Real faster = two * (scale * variance);
  Real common = one, growth = scale * variance * (n + Real(3.0));
  Real above = mass, below = mass, left = u - mass, half_way = zero, steps = zero;
  for (int j = 0; j < most_steps; ++j) {
    const auto on = left >= zero;
    if (!any(on)) break;
    above = above * (of_above * odds_above);
    below = below * (of_below * odds_below);
    left = left * common;
    half_way = select(on, left - above, half_way);
    left = left - (above + below);
    steps = select(on, steps + one, steps);
    of_above = of_above - less;
    of_below = of_below - less;
    less = less + two;
    common = common + growth;
    growth = growth + faster;
  }
  // Where rounding leaves some of u unused, with a probability below 1e-13, it is k.
  const Real found = blend(zero > half_way, k + steps, k - steps);
  return select(left >= zero, k, found);
}

// Binomial(n, part / whole) for integers 1 <= n <= 1024, 0 < part < whole, from u, uniform on the
// midpoints of core/stream.hpp.
template <class Real>
AUTOPHAGE_HD Real share_from_middle(Real n, Real part, Real whole, Real u) {
  const Real zero(0.0), rest = whole - part;
  const auto flipped = part > rest;
  const Real p = select(flipped, rest, part) / whole, q = Real(1.0) - p, mean = n * p;
  const auto low = Real(least_middle_mean) > mean;
  const Real k = select(low, zero, whole_part(mean + Real(0.5)));
  Real mass = zero;
  if (any(low)) mass = power_of(q, n);
  if (any(!low)) mass = select(low, mass, middle_mass(n, p, q, k));
  const Real x = walk_from_middle(n, p, q, k, mass, u);
  return select(flipped, n - x, x);
}

}  // namespace autophage::core
