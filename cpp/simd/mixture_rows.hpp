// Components in lanes: the likelihoods of a post and what is recorded, one row of numbers after
// another, with sums in the order that core/mixture_update.hpp fixes. Included by one file for each
// instruction set.
#pragma once

#include "../core/mixture_update.hpp"
#include "lanes.hpp"
#include "mixture_kernels.hpp"
#include "repeat.hpp"

namespace autophage::simd {

template <class Set, class Real>
class MixtureRowSteps {
 public:
  // Exponentials of differences to the largest log-likelihood.
  [[gnu::flatten]] static void likelihoods(const MixtureRows& rows, const double* x, double* room,
                                           Real* f) {
    using Vector = Reals<Set>;
    const i64 features = rows.net->features;
    Vector top(-1e300);
    for (i64 at = 0; at < rows.padded; at += lane_count) {
      Vector sum = Vector(0.0) - Vector::load(rows.heights + at);
      for (i64 i = 0; i < features; ++i)
        sum = sum + Vector::load(rows.columns + i * rows.padded + at) * Vector(x[i]);
      sum.store(room + at);
      top = larger(sum, top);
    }
    alignas(64) double tops[lane_count];
    top.store(tops);
    double most = tops[0];
    for (const double one : tops) most = one > most ? one : most;
    for (i64 at = 0; at < rows.padded; at += lane_count) {
      core::exp_of_negative(Vector::load(room + at) - Vector(most)).store(room + at);
      for (int k = 0; k < lane_count / 2; ++k) f[at + k] = static_cast<Real>(room[at + k]);
      if (at + lane_count / 2 == rows.stride) break;  // a row of doubles that ends here
      for (int k = lane_count / 2; k < lane_count; ++k) f[at + k] = static_cast<Real>(room[at + k]);
    }
  }

  // As core::normalise has it, and squared differences of rows.
  static void observe(const MixtureRows& rows, const Real* weights, bool pairs, double* shown,
                      double* squares, double* sum) {
    using Vector = typename Reals<Set>::Part;
    constexpr int in_vector = Reals<Set>::in_part, in_sum = Reals<Set>::parts;
    const i64 models = rows.net->models, length = rows.padded / in_vector;
    const auto row = [&](i64 j) { return reinterpret_cast<Vector*>(shown + j * rows.padded); };
    double total = 0.0;
    for (i64 i = 0; i < models; ++i) {
      double* const w = shown + i * rows.padded;
      for (i64 k = 0; k < rows.stride; ++k)
        w[k] = static_cast<double>(weights[i * rows.stride + k]);
      for (i64 k = rows.stride; k < rows.padded; ++k) w[k] = 0.0;
      Vector* const a = row(i);
      Vector way[in_sum] = {};
      for (i64 v = 0; v < length; v += in_sum)
        repeat<Set, in_sum>([&](int p) { way[p] += a[v + p]; });
      const double whole = Set::total(way);
      for (i64 v = 0; v < length; ++v) a[v] /= whole - Vector{};
      if (!(whole > 0.0))
        for (i64 k = 0; k < rows.padded; ++k)
          w[k] = k < rows.net->components ? 1.0 / static_cast<double>(rows.net->components) : 0.0;
      for (i64 j = 0; j < (pairs || models <= core::most_in_pairs ? i : 0); ++j) {
        const Vector* const b = row(j);
        Vector square[in_sum] = {};
        for (i64 v = 0; v < length; v += in_sum)
          repeat<Set, in_sum>([&](int p) {
            const Vector gap = a[v + p] - b[v + p];
            square[p] += gap * gap;
          });
        total += squares[i * models + j] = Set::total(square);
      }
    }
    *sum = models > core::most_in_pairs ? around_mean(rows, shown) : 2.0 * total;
  }

 private:
  // core::sum_of_squares_around_mean.
  static double around_mean(const MixtureRows& rows, const double* shown) {
    using Vector = typename Reals<Set>::Part;
    constexpr int in_vector = Reals<Set>::in_part, in_sum = Reals<Set>::parts;
    const i64 length = rows.padded / in_vector;
    const double models = static_cast<double>(rows.net->models);
    const Vector* const first = reinterpret_cast<const Vector*>(shown);
    const Vector* const end = first + rows.net->models * length;
    Vector way[in_sum] = {};
    for (i64 v = 0; v < length; v += in_sum) {
      Vector mean[in_sum] = {};
      for (const Vector* w = first; w < end; w += length)
        repeat<Set, in_sum>([&](int p) { mean[p] += w[v + p] - first[v + p]; });
      repeat<Set, in_sum>([&](int p) { mean[p] /= models - Vector{}; });
      for (const Vector* w = first; w < end; w += length)
        repeat<Set, in_sum>([&](int p) {
          const Vector gap = (w[v + p] - first[v + p]) - mean[p];
          way[p] += gap * gap;
        });
    }
    return 2.0 * models * Set::total(way);
  }
};

}  // namespace autophage::simd
