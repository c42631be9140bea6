// The kernel interface of networks of mixtures: see backend.hpp.
#pragma once

#include "../backend.hpp"

namespace autophage {

// A study of K mixtures of M components in r dimensions, in coordinates in which the components'
// covariance is 1. Rows t of the schedules belong to generation t + 1.
struct MixtureJob {
  std::int64_t models = 0, components = 0, features = 0;  // K, M, r
  const double* means = nullptr;                          // (M, r)
  const double* first_posts = nullptr;                    // (given, r)
  std::int64_t given = 0;
  const double* weights = nullptr;      // (K, M), rows sum to one
  const std::int64_t* posts = nullptr;  // (generations, K)
  const std::int64_t* reads = nullptr;  // (generations, K), at most what the pool holds
  const double* rate = nullptr;         // (generations, K)
  double prior = 0;                     // M prior < 1
  bool active = false;                  // as in core::update_active
  bool shared = false;                  // all models read the same posts
  bool single = false;                  // weights and likelihoods in float

  std::uint64_t seed = 0;
  std::int64_t first_run = 0, runs = 0;
  std::int64_t generations = 0;  // the last; results begin with 0
  int threads = 1;
};

// Where results go; null where not asked for. Weights are normalised.
struct MixtureTrajectories {
  double* distance = nullptr;   // (runs, generations + 1), Frobenius norm of the distances
  double* distances = nullptr;  // (runs, generations + 1, K, K)
  double* weights = nullptr;    // (runs, generations + 1, K, M)
};

// Sums over runs, without the axis of runs; signed sums of the distance, which may exceed 2.
struct MixtureSums {
  ExactSums distance, distances, weights;
};

namespace cpu {

Ending run(const MixtureJob& job, const MixtureTrajectories& out, const Poll& poll);
Ending run(const MixtureJob& job, const MixtureSums& out, const Poll& poll);

// Bytes that a thread needs beside its results.
std::int64_t mixture_memory(const MixtureJob& job);

enum class Coordinates : std::int32_t { fine, not_definite, too_far };

// Coordinates in which the covariance (d, d) is 1 and the means span all there is: `means` (M, d)
// and `points` (count, d) become rows of r numbers, r <= min(d, M - 1) but at least 1. Ratios of
// the components' densities are those of the given space.
Coordinates find_coordinates(std::int64_t components, std::int64_t features, const double* means,
                             const double* covariance, std::int64_t count, const double* points,
                             std::vector<double>& new_means, std::vector<double>& new_points);

}  // namespace cpu

}  // namespace autophage
