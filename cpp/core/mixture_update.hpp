// One update of a mixture's weights by one post, and the likelihoods of a post: arithmetic alone,
// for plain numbers and for packs of runs (simd/mixture_runs.hpp).
//
// A post x moves the weights w of a mixture of M components by
//   o_k = w_k f_k / sum_l w_l f_l,      f_k the density of component k at x,
//   w_k = max(w_k + a (o_k / (1 - M c) - w_k) - a c / (1 - M c), 0),
// after which they are divided by their sum: with A = 1 - a, B = a / (1 - M c), D = c B,
//   w_k = max(A w_k + B o_k - D, 0).
// What is kept are weights of any scale and their sum s, so that nothing has to be divided or
// multiplied by A: in units of s / A a step is
//   w_k = max(w_k + (B / A) s / h w_k f_k - (D / A) s, 0),      h = sum_l w_l f_l.
// Where s has come above 2, weights and sum are divided by it. Without a prior (c = 0) the
// new sum is not computed but taken for s + (B / A) s: errors of rounding shrink by A a step.
//
// Sums over components have one order, whatever the layout: component k belongs to way k mod 16;
// a way is summed with k increasing, and ways are added by halves (i and i + 8, then i and i + 4,
// i + 2, i + 1). No multiply-add is fused. So the bits are the same for runs or components in
// lanes, and for every instruction set.
#pragma once

#include "mixture_network.hpp"

namespace autophage::core {

inline constexpr int ways = 16;

// Sum of value(k), k = 0 .. size - 1, none of them negative, where the size is known: sums of
// nothing are left out, which changes no bit.
template <int size, int at = 0, int step = 1, class Value>
AUTOPHAGE_HD auto sum_known(Value value) {
  static_assert(size <= ways);
  if constexpr (step == ways)
    return value(at);
  else if constexpr (at + step >= size)
    return sum_known<size, at, 2 * step>(value);
  else
    return sum_known<size, at, 2 * step>(value) + sum_known<size, at + step, 2 * step>(value);
}

// The same for any size.
template <class Real, class Value>
AUTOPHAGE_HD Real sum_by_ways(i64 size, Value value) {
  if (size == 2) return sum_known<2>(value);
  if (size == 3) return sum_known<3>(value);
  if (size == 4) return sum_known<4>(value);
  Real sum[ways] = {};
  i64 k = 0;
  for (; k + ways <= size; k += ways)
    for (int i = 0; i < ways; ++i) sum[i] += value(k + i);
  for (int i = 0; k + i < size; ++i) sum[i] += value(k + i);
  for (int half = ways / 2; half > 0; half /= 2)
    for (int i = 0; i < half; ++i) sum[i] += sum[i + half];
  return sum[0];
}

// Divides weights by their sum.
template <class Real>
AUTOPHAGE_HD void rescale(i64 components, Real* w, Real& sum) {
  const Real scale = Real(1) / sum;
  for (i64 k = 0; k < components; ++k) w[k] = w[k] * scale;
  sum = Real(1);
}

// One update by a post that some living component explains; false, with nothing changed, where
// none does.
template <class Real>
AUTOPHAGE_HD bool update(const MixtureRate<Real>& rate, const Real* f, i64 components, Real* w,
                         Real& sum) {
  const Real hit = sum_by_ways<Real>(components, [&](i64 k) { return w[k] * f[k]; });
  if (!(hit >= rate.least)) return false;
  const Real more = rate.gained * sum, less = rate.dropped * sum, gain = more / hit;
  if (!rate.losing) {
    for (i64 k = 0; k < components; ++k) w[k] = w[k] + gain * (w[k] * f[k]);
    sum = sum + more;
  } else {
    for (i64 k = 0; k < components; ++k) {
      const Real next = w[k] + gain * (w[k] * f[k]) - less;
      w[k] = next > Real(0) ? next : Real(0);
    }
    sum = sum_by_ways<Real>(components, [&](i64 k) { return w[k]; });
  }
  if (sum > Real(2)) rescale(components, w, sum);
  return true;
}

// Makes the weights sum to one. Should rounding have taken all of them, which needs M c very near
// 1, they are equal.
template <class Real>
AUTOPHAGE_HD void normalise(i64 components, Real* w) {
  const Real sum = sum_by_ways<Real>(components, [&](i64 k) { return w[k]; });
  for (i64 k = 0; k < components; ++k)
    w[k] = sum > Real(0) ? w[k] / sum : Real(1) / static_cast<Real>(components);
}

// The squared Frobenius norm of the matrix of distances between models is twice the sum over pairs.
// Of more models than these it is found without pairs, whatever else is recorded.
inline constexpr i64 most_in_pairs = 4;

// The sum over all i and j of |w_i - w_j|^2, which is 2 K sum_i |w_i - mean of w|^2, for the
// weights weight(j, k) of K models. Weights are taken from those of the first model before their
// mean is: nothing is lost to what all have in common, and of equal models the sum is 0. Its
// relative error is at most about (2 K^2 + K M / 16) 2^-53.
template <class Weight>
AUTOPHAGE_HD double sum_of_squares_around_mean(i64 models, i64 components, Weight weight) {
  double way[ways] = {};
  for (i64 k = 0; k < components; ++k) {
    double sum = 0.0;
    for (i64 j = 0; j < models; ++j) sum += weight(j, k) - weight(0, k);
    const double mean = sum / static_cast<double>(models);
    for (i64 j = 0; j < models; ++j) {
      const double gap = (weight(j, k) - weight(0, k)) - mean;
      way[k % ways] += gap * gap;
    }
  }
  return 2.0 * static_cast<double>(models) * sum_known<ways>([&](int i) { return way[i]; });
}

AUTOPHAGE_HD inline double add_exponent(double value, double shifted) {
  return double_of(bits_of(value) + (bits_of(shifted) << 52));
}
AUTOPHAGE_HD inline double zero_where_below(double x, double bound, double value) {
  return x < bound ? 0.0 : value;
}

// c_0 + c_1 z + ..
template <int terms, class Number>
AUTOPHAGE_HD inline Number power_series(const double (&c)[terms], Number z) {
  Number sum(c[terms - 1]);
  for (int i = terms - 2; i >= 0; --i) sum = sum * z + Number(c[i]);
  return sum;
}

// e^x for x <= 0, within 2 ulp; 0 below -700, where a likelihood no longer counts. Without a
// branch, so that packs can take part.
template <class Number>
AUTOPHAGE_HD inline Number exp_of_negative(Number x) {
  constexpr double even[] = {1.0 / 2,     1.0 / 24,      1.0 / 720,
                             1.0 / 40320, 1.0 / 3628800, 1.0 / 479001600};
  constexpr double odd[] = {1.0 / 6,      1.0 / 120,      1.0 / 5040,
                            1.0 / 362880, 1.0 / 39916800, 1.0 / 6227020800.0};
  // In this sum, the integer nearest to x / ln 2 is what the last digits hold.
  const Number integer(0x1.8p52);
  const Number shifted = x * Number(0x1.71547652b82fep+0) + integer;
  const Number k = shifted - integer;
  const Number r = (x - k * Number(ln2_high)) - k * Number(ln2_low);  // |r| <= .347
  const Number z = r * r;
  const Number value = Number(1.0) + (r + z * (power_series(even, z) + r * power_series(odd, z)));
  return zero_where_below(x, -700.0, add_exponent(value, shifted));
}

}  // namespace autophage::core
