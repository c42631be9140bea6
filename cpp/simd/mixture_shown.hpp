// What is recorded of runs in lanes. Included by one file for each instruction set.
#pragma once

#include "../core/mixture_update.hpp"
#include "lanes.hpp"
#include "mixture_kernels.hpp"

namespace autophage::simd {

// core::sum_of_squares_around_mean.
template <class Set, int components>
Reals<Set> around_mean(i64 models, const double* weights) {
  using Vector = Reals<Set>;
  const auto value = [&](i64 j, int k) {
    return Vector::load(weights + (j * components + k) * lane_count);
  };
  Vector squares[components];
  for (int k = 0; k < components; ++k) {
    Vector mean(0.0);
    for (i64 j = 0; j < models; ++j) mean = mean + (value(j, k) - value(0, k));
    mean = mean / Vector(static_cast<double>(models));
    squares[k] = Vector(0.0);
    for (i64 j = 0; j < models; ++j) {
      const Vector gap = (value(j, k) - value(0, k)) - mean;
      squares[k] = squares[k] + gap * gap;
    }
  }
  return Vector(2.0 * static_cast<double>(models)) *
         core::sum_known<components>([&](int k) { return squares[k]; });
}

// In the order of core::normalise, and of a sum over pairs.
template <class Set, int components, class Real>
void observe_runs(const MixtureLanes<Real>& lanes, bool pairs, double* weights, double* squares,
                  double* sum) {
  using Vector = Reals<Set>;
  const i64 models = lanes.net->models;
  const auto row = [&](i64 j, int k) { return weights + (j * components + k) * lane_count; };
  Vector total(0.0);
  for (i64 i = 0; i < models; ++i) {
    Vector w[components];
    for (int k = 0; k < components; ++k) {
      const Real* const from = lanes.weights + (i * components + k) * lane_count;
      for (int l = 0; l < lane_count; ++l) row(i, k)[l] = static_cast<double>(from[l]);
      w[k] = Vector::load(row(i, k));
    }
    const Vector whole = core::sum_known<components>([&](int k) { return w[k]; });
    const auto some = whole > Vector(0.0);
    for (int k = 0; k < components; ++k) {
      w[k] = select(some, w[k] / whole, Vector(1.0 / components));
      w[k].store(row(i, k));
    }
    for (i64 j = 0; j < (pairs || models <= core::most_in_pairs ? i : 0); ++j) {
      const Vector square = core::sum_known<components>([&](int k) {
        const Vector gap = w[k] - Vector::load(row(j, k));
        return gap * gap;
      });
      total = total + square;
      square.store(squares + (i * models + j) * lane_count);
    }
  }
  (models > core::most_in_pairs ? around_mean<Set, components>(models, weights)
                                : Vector(2.0) * total)
      .store(sum);
}

}  // namespace autophage::simd
