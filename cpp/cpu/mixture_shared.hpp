// What all runs of a study of mixtures share.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

#include "../backend/mixture.hpp"
#include "mixture_memory.hpp"

namespace autophage::cpu {

struct MixtureShared {
  const MixtureJob& job;
  const core::StopFlag& stop;
  simd::MixtureSet set = mixture_set();
  std::int64_t capacity;  // posts in the pool at the end
  std::int64_t orders;    // permutations of the pool
  core::MixtureNetwork net;
  simd::MixtureRows rows{};

  MixtureShared(const MixtureJob& given, const core::StopFlag& flag)
      : job(given),
        stop(flag),
        capacity(std::accumulate(given.posts, given.posts + given.generations * given.models,
                                 given.given)),
        orders(given.shared ? 1 : given.models),
        padded_((given.components + 15) / 16 * 16),
        heights_(padded_),
        columns_(padded_ * given.features) {
    for (std::int64_t k = 0; k < padded_; ++k) {
      const bool real = k < job.components;
      double square = 0.0;
      for (std::int64_t i = 0; i < job.features; ++i) {
        const double mean = real ? job.means[k * job.features + i] : 0.0;
        columns_.data()[i * padded_ + k] = mean;
        square += mean * mean;
      }
      heights_.data()[k] = real ? square / 2 : 1e300;
    }
    net = {job.models, job.components, job.features, job.means,  heights_.data(), job.first_posts,
           job.given,  job.weights,    job.prior,    job.active, job.shared};
    rows = {&net, 0, padded_, columns_.data(), heights_.data()};
  }
  // Numbers from a row of weights or likelihoods to the next: whole cache lines.
  template <class Real>
  std::int64_t stride() const {
    constexpr std::int64_t line = 64 / sizeof(Real);
    return (job.components + line - 1) / line * line;
  }
  MixtureShared(const MixtureShared&) = delete;
  MixtureShared& operator=(const MixtureShared&) = delete;

 private:
  std::int64_t padded_;
  Aligned<double> heights_, columns_;
};

}  // namespace autophage::cpu
