// A network of mixtures and the numbers of an update: what mixture.hpp and its vector forms share.
#pragma once

#include "math.hpp"

namespace autophage::core {

struct MixtureNetwork {
  i64 models = 0, components = 0, features = 0;  // K, M, r
  const double* means = nullptr;                 // (M, r)
  const double* heights = nullptr;               // (M), |mu_k|^2 / 2
  const double* first_posts = nullptr;           // (posts, r)
  i64 given = 0;                                 // how many these are
  const double* weights = nullptr;               // (K, M), at the start
  double prior = 0;                              // c
  bool active = false, shared = false;
};

// The least h that a quick update takes. Below, f_k may have lost digits.
template <class Real>
inline constexpr Real least_hit = static_cast<Real>(sizeof(Real) == 8 ? 0x1p-900 : 0x1p-60);

// The numbers of an update (mixture_update.hpp), and whether there is a prior: D does not say, as
// it may be too small for the type.
template <class Real>
struct MixtureRate {
  Real kept, learnt, lost;  // A, B, D
  Real gained, dropped;     // B / A, D / A
  Real least;               // the least h: with less, B / A / h may leave the range of the type
  bool losing;

  MixtureRate() = default;
  AUTOPHAGE_HD MixtureRate(double rate, double prior, i64 components) {
    const double gain = rate / (1.0 - static_cast<double>(components) * prior);
    kept = static_cast<Real>(1.0 - rate);
    learnt = static_cast<Real>(gain);
    lost = static_cast<Real>(gain * prior);
    gained = static_cast<Real>(gain / (1.0 - rate));
    dropped = static_cast<Real>(gain * prior / (1.0 - rate));
    const Real in_range = gained * static_cast<Real>(0x1p-110);
    least = in_range > least_hit<Real> ? in_range : least_hit<Real>;
    losing = prior > 0.0;
  }
};

}  // namespace autophage::core
