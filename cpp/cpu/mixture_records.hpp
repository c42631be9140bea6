// What is recorded of a network of mixtures in one generation.
#pragma once

#include <vector>

#include "../core/mixture.hpp"
#include "mixture_sinks.hpp"

namespace autophage::cpu {

template <class Sink>
class MixtureObserver {
 public:
  MixtureObserver(const MixtureJob& job, Sink sink)
      : job_(job),
        sink_(std::move(sink)),
        weights_(static_cast<std::size_t>(job.models * job.components)),
        distances_(static_cast<std::size_t>(job.models * job.models)) {}

  // weight(j, k) is that of component k in model j, not normalised.
  template <class Weight>
  void record(std::int64_t run, std::int64_t t, Weight&& weight) {
    const std::int64_t components = job_.components;
    for (std::int64_t j = 0; j < job_.models; ++j) {
      double* const w = weights_.data() + j * components;
      for (std::int64_t k = 0; k < components; ++k) w[k] = weight(j, k);
      core::normalise(components, w);
    }
    if (sink_.wants(weights_record)) sink_.put(weights_record, run, t, weights_.data());
    if (!sink_.wants(distance_record) && !sink_.wants(distances_record)) return;
    const double norm = find_distances();
    if (sink_.wants(distance_record)) sink_.put(distance_record, run, t, &norm);
    if (sink_.wants(distances_record)) sink_.put(distances_record, run, t, distances_.data());
  }

  void flush(std::mutex& mutex) { sink_.flush(mutex); }

 private:
  // Distances between all pairs; returns their Frobenius norm.
  double find_distances() {
    const std::int64_t models = job_.models, components = job_.components;
    double norm = 0.0;
    for (std::int64_t i = 0; i < models; ++i)
      for (std::int64_t j = 0; j < i; ++j) {
        const double *const a = weights_.data() + i * components, *const b = weights_.data() +
                                                                             j * components;
        const double square = core::sum_by_ways<double>(
            components, [&](std::int64_t k) { return (a[k] - b[k]) * (a[k] - b[k]); });
        norm += square;
        const double distance = core::square_root(square);
        distances_[static_cast<std::size_t>(i * models + j)] = distance;
        distances_[static_cast<std::size_t>(j * models + i)] = distance;
      }
    return core::square_root(2.0 * norm);
  }

  const MixtureJob& job_;
  Sink sink_;
  std::vector<double> weights_, distances_;
};

}  // namespace autophage::cpu
