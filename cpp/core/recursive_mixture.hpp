// Recursive estimation of a mixture of Gaussians, one point at a time: weights, means and
// covariances, and components that the data do not support leave.
//
// Source: Zivkovic and van der Heijden, 2004, section 5. With rate a, prior c and M components
// left, a point x of ownerships o_m = w_m N(x; mu_m, C_m) / sum_l w_l N(x; mu_l, C_l) makes
//
//   w_m  += a ((o_m - c) / (1 - M c) - w_m),     drop component m where w_m <= 0 and renormalise,
//   mu_m += s delta,   C_m += t (delta delta^T - C_m),   delta = x - mu_m before the move.
//
// The paper's step a o_m / w_m (w_m before the point) is bounded here: s by 1, for a mean is not to
// pass the point that draws it; t by 20 a, which is the paper's advice, and by 1/2. All that must
// leave leave together, then the weights are divided by their sum; M is what is left for the next
// point.
//
// A full covariance is kept as U^T D U, U upper triangular with ones on its diagonal, D in their
// place. (1 - t) C + t delta delta^T then costs d^2 operations and only adds positive numbers: the
// method is C1 of Gill, Golub, Murray and Saunders, 1974. A pivot of D, the variance of a feature
// given those before it, is lifted to the rule's floor; that adds a positive semidefinite matrix,
// and nothing where the data vary by more.
#pragma once

#include "host_device.hpp"
#include "math.hpp"

namespace autophage::core {

// Moves that change nothing in double, relative to a component's own scale, are not made.
inline constexpr double least_move = 0x1p-56;
inline constexpr double most_rates = 20.0, most_step = 0.5;

struct RecursiveRule {
  double rate;   // a, in (0, 1)
  double prior;  // c >= 0, M c < 1
  double floor;  // of pivots, above 0
};

// Components in order of their start, those that left taken out. Memory is the caller's.
struct RecursiveMixture {
  i64 features;
  bool diagonal;
  i64 components;   // left
  double* weights;  // (M)
  double* means;    // (M, d)
  double* factors;  // (M, d, d): U over D; diagonal: (M, d) variances
  // Functions of the factors: see derive.
  double* inverse;   // (M, d) 1 / pivots
  double* constant;  // (M) -(d ln 2 pi + ln det C) / 2

  AUTOPHAGE_HD i64 factor_size() const { return diagonal ? features : features * features; }
  AUTOPHAGE_HD i64 pivot_stride() const { return diagonal ? 1 : features + 1; }
};

// ln of a product of `count` normal positive numbers, `stride` apart: one logarithm, and neither
// overflow nor underflow, for mantissas and exponents are collected apart.
AUTOPHAGE_HD inline double log_product(const double* x, i64 count, i64 stride) {
  constexpr u64 mantissa = (u64{1} << 52) - 1, exponent_of_one = u64{1023} << 52;
  double product = 1.0;  // in [1, 2)
  i64 exponent = 0;
  for (i64 i = 0; i < count; ++i) {
    const u64 bits = bits_of(x[i * stride]);
    exponent += static_cast<i64>(bits >> 52) - 1023;
    product *= double_of((bits & mantissa) | exponent_of_one);
    if (product >= 2.0) {
      product *= 0.5;
      ++exponent;
    }
  }
  const double scale = static_cast<double>(exponent);
  return scale * ln2_high + (log(product) + scale * ln2_low);
}

// Fills inverse and constant of component m. A function of its factors alone, so that a state that
// was stored goes on with the same bits.
AUTOPHAGE_HD inline void derive(const RecursiveMixture& mix, i64 m) {
  constexpr double ln_2pi = 1.8378770664093454836;
  const i64 d = mix.features, stride = mix.pivot_stride();
  const double* const pivots = mix.factors + m * mix.factor_size();
  for (i64 j = 0; j < d; ++j) mix.inverse[m * d + j] = 1.0 / pivots[j * stride];
  mix.constant[m] = -0.5 * (static_cast<double>(d) * ln_2pi + log_product(pivots, d, stride));
}

// (x - mu)^T C^-1 (x - mu) of component m; `rest` is room for d numbers.
AUTOPHAGE_HD inline double squared_distance(const RecursiveMixture& mix, i64 m, const double* x,
                                            double* rest) {
  const i64 d = mix.features;
  const double* const mean = mix.means + m * d;
  const double* const inverse = mix.inverse + m * d;
  double sum = 0.0;
  if (mix.diagonal) {
    for (i64 j = 0; j < d; ++j) sum += (x[j] - mean[j]) * (x[j] - mean[j]) * inverse[j];
    return sum;
  }
  for (i64 j = 0; j < d; ++j) rest[j] = x[j] - mean[j];
  const double* row = mix.factors + m * d * d;
  for (i64 j = 0; j < d; ++j, row += d) {
    const double p = rest[j];
    sum += p * p * inverse[j];
    for (i64 r = j + 1; r < d; ++r) rest[r] -= p * row[r];
  }
  return sum;
}

// Moves the factors of component m by the step t towards the point; `delta` is used up.
AUTOPHAGE_HD inline void move_covariance(const RecursiveMixture& mix, i64 m, double step,
                                         double floor, double* delta) {
  const i64 d = mix.features;
  double* row = mix.factors + m * mix.factor_size();
  const auto lifted = [floor](double pivot) { return pivot < floor ? floor : pivot; };
  if (mix.diagonal) {
    for (i64 j = 0; j < d; ++j) row[j] = lifted(row[j] + step * (delta[j] * delta[j] - row[j]));
    return;
  }
  const double kept = 1.0 - step;
  double share = step;
  for (i64 j = 0; j < d; ++j, row += d) {
    const double p = delta[j], old = kept * row[j];
    const double pivot = old + share * p * p;
    const double slope = share * p / pivot;
    share *= old / pivot;
    row[j] = lifted(pivot);
    for (i64 r = j + 1; r < d; ++r) {
      delta[r] -= p * row[r];
      row[r] += slope * delta[r];
    }
  }
}

// Moves mean and covariance of component m by the step a o_m / w_m. `distance` is the squared one.
AUTOPHAGE_HD inline void move_component(const RecursiveMixture& mix, const RecursiveRule& rule,
                                        i64 m, const double* x, double step, double distance,
                                        double* delta) {
  if (!(step > 0.0)) return;
  const double mean_step = step < 1.0 ? step : 1.0;
  if (mean_step * (1.0 + distance) < least_move) return;
  const double limit = most_rates * rule.rate < most_step ? most_rates * rule.rate : most_step;
  const i64 d = mix.features;
  double* const mean = mix.means + m * d;
  for (i64 j = 0; j < d; ++j) {
    delta[j] = x[j] - mean[j];
    mean[j] += mean_step * delta[j];
  }
  move_covariance(mix, m, step < limit ? step : limit, rule.floor, delta);
  derive(mix, m);
}

// Ownerships of x and squared distances to all components; false where every density is too small
// for its logarithm to be a number. The largest density counts as 1, so that the sum is at least
// the weight of its component: a point far from all of them divides by no zero.
AUTOPHAGE_HD inline bool find_ownerships(const RecursiveMixture& mix, const double* x,
                                         double* ownership, double* distance, double* rest) {
  const double nowhere = -double_of(u64{0x7ff} << 52);
  double best = nowhere, total = 0.0;
  for (i64 m = 0; m < mix.components; ++m) {
    distance[m] = squared_distance(mix, m, x, rest);
    const double level = mix.constant[m] - 0.5 * distance[m];
    ownership[m] = level > nowhere ? level : nowhere;  // not a number counts as nowhere, too
    if (ownership[m] > best) best = ownership[m];
  }
  if (!(best > nowhere)) return false;
  for (i64 m = 0; m < mix.components; ++m) {
    ownership[m] = mix.weights[m] * exp(ownership[m] - best);
    total += ownership[m];
  }
  for (i64 m = 0; m < mix.components; ++m) ownership[m] /= total;
  return true;
}

AUTOPHAGE_HD inline void copy_component(const RecursiveMixture& mix, i64 from, i64 to) {
  const i64 d = mix.features, size = mix.factor_size();
  mix.weights[to] = mix.weights[from];
  mix.constant[to] = mix.constant[from];
  for (i64 j = 0; j < d; ++j) {
    mix.means[to * d + j] = mix.means[from * d + j];
    mix.inverse[to * d + j] = mix.inverse[from * d + j];
  }
  for (i64 j = 0; j < size; ++j) mix.factors[to * size + j] = mix.factors[from * size + j];
}

// One point. `room` holds 2 M + d numbers. A point without a finite density changes nothing.
AUTOPHAGE_HD inline void learn(RecursiveMixture& mix, const RecursiveRule& rule, const double* x,
                               double* room) {
  const i64 before = mix.components;
  double* const ownership = room;
  double* const distance = room + before;
  double* const delta = room + 2 * before;
  if (!find_ownerships(mix, x, ownership, distance, delta)) return;
  const double spread = 1.0 / (1.0 - static_cast<double>(before) * rule.prior);
  double total = 0.0;
  i64 kept = 0;
  for (i64 m = 0; m < before; ++m) {
    const double old = mix.weights[m];
    const double weight = old + rule.rate * ((ownership[m] - rule.prior) * spread - old);
    if (!(weight > 0.0)) continue;
    mix.weights[m] = weight;
    move_component(mix, rule, m, x, rule.rate * ownership[m] / old, distance[m], delta);
    if (kept != m) copy_component(mix, m, kept);
    total += weight;
    ++kept;
  }
  mix.components = kept;
  if (kept < before)
    for (i64 m = 0; m < kept; ++m) mix.weights[m] /= total;
}

}  // namespace autophage::core
