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

  // Whether distances of pairs are recorded.
  bool pairs() const { return sink_.wants(distances_record); }

  // weight(j, k) is that of component k in model j, normalised; square(i, j), j < i, is the squared
  // distance of two models, if `pairs`, and `sum` that of all.
  template <class Weight, class Square>
  void record(std::int64_t run, std::int64_t t, Weight&& weight, Square&& square, double sum) {
    const std::int64_t models = job_.models, components = job_.components;
    if (sink_.wants(weights_record)) {
      for (std::int64_t j = 0; j < models; ++j)
        for (std::int64_t k = 0; k < components; ++k)
          weights_[static_cast<std::size_t>(j * components + k)] = weight(j, k);
      sink_.put(weights_record, run, t, weights_.data());
    }
    if (sink_.wants(distance_record)) {
      const double norm = core::square_root(sum);
      sink_.put(distance_record, run, t, &norm);
    }
    if (!sink_.wants(distances_record)) return;
    for (std::int64_t i = 0; i < models; ++i)
      for (std::int64_t j = 0; j < i; ++j) {
        const double distance = core::square_root(square(i, j));
        distances_[static_cast<std::size_t>(i * models + j)] = distance;
        distances_[static_cast<std::size_t>(j * models + i)] = distance;
      }
    sink_.put(distances_record, run, t, distances_.data());
  }

  void flush(std::mutex& mutex) { sink_.flush(mutex); }

 private:
  const MixtureJob& job_;
  Sink sink_;
  std::vector<double> weights_, distances_;
};

}  // namespace autophage::cpu
