// Runs of mixtures one by one, with components in lanes.
#pragma once

#include <vector>

#include "../core/mixture.hpp"
#include "mixture_shared.hpp"

namespace autophage::cpu {

// The steps of core::PlainSteps, by the vectors of an instruction set.
template <class Real>
class MixtureRowSteps {
 public:
  MixtureRowSteps(const MixtureShared& all, std::vector<simd::MixtureTask<Real>>& tasks)
      : all_(all), rows_(all.rows), kernels_(kernels_of<Real>(all.set)), tasks_(tasks) {
    rows_.stride = all.stride<Real>();
  }

  const simd::MixtureRows& rows() const { return rows_; }

  void find_likelihoods(const core::MixtureNetwork&, const double* x, double* room, Real* f) const {
    kernels_.likelihoods(rows_, x, room, f);
  }

  void draw_normals(WideStream& source, std::int64_t count, double* out) const {
    constexpr std::int64_t most = 16;
    alignas(64) double values[most];
    for (std::int64_t first = 0; first < count; first += most) {
      const std::int64_t some = std::min(count - first, most);
      for (std::int64_t i = 0; i < most; ++i) values[i] = i < some ? source.uniform() : 0.5;
      all_.set.quantiles(values);
      std::copy_n(values, some, out + first);
    }
  }

  void shuffle(std::uint32_t* order, std::int64_t posts, std::int64_t reads, WideStream& reading,
               WideStream& again, const core::StopFlag* stop) const {
    alignas(64) std::uint32_t at[WideStream::held];
    const auto pool = static_cast<std::uint32_t>(posts);
    for (std::int64_t i = 0; i < reads && (stop == nullptr || !stop->raised());) {
      const std::uint32_t* const words = reading.block();
      const unsigned used = reading.used();
      const auto first = static_cast<std::uint32_t>(i) - used;
      const auto some =
          static_cast<unsigned>(std::min<std::int64_t>(WideStream::held - used, reads - i));
      const bool fine = all_.set.places(words, pool, first, at);
      for (unsigned n = used; n < used + some; ++n, ++i) {
        const unsigned place = WideStream::place(n);
        if (!fine) at[place] = first + n + core::draw_below(words[place], pool - first - n, again);
        std::swap(order[i], order[at[place]]);
      }
      reading.skip(some);
    }
  }

  void learn(const core::MixtureNetwork& net, const core::MixtureSpace<Real, WideStream>& space,
             const std::int64_t* reads, const double* rate, const core::StopFlag* stop) const {
    if (net.active) return plain_.learn(net, space, reads, rate, stop);
    tasks_.clear();
    for (std::int64_t j = 0; j < net.models; ++j)
      tasks_.push_back({space.weights + j * space.stride, space.sums + j,
                        space.order + (net.shared ? 0 : j) * space.capacity, reads[j],
                        core::MixtureRate<Real>(rate[j], net.prior, net.components)});
    kernels_.learn(rows_, space.points, space.likelihoods, tasks_.data(), net.models,
                   core::update_far<Real>, stop);
  }

 private:
  const MixtureShared& all_;
  simd::MixtureRows rows_;
  const simd::MixtureKernels<Real>& kernels_;
  std::vector<simd::MixtureTask<Real>>& tasks_;
  core::PlainSteps<Real> plain_;
};

// One run after another in the same memory.
template <class Real>
class MixturesByRow {
 public:
  static constexpr std::int64_t lanes = 1;

  explicit MixturesByRow(const MixtureShared& all)
      : all_(all),
        stride_(all.stride<Real>()),
        points_(all.capacity * all.net.features),
        room_(all.rows.padded),
        likelihoods_(all.capacity * stride_),
        weights_(all.net.models * stride_),
        sums_(all.net.models),
        order_(all.orders * all.capacity),
        shown_(all.net.models * all.rows.padded),
        squares_(all.net.models * all.net.models) {}

  static std::int64_t memory(const MixtureShared& all) {
    const std::int64_t stride = all.stride<Real>(), real = sizeof(Real);
    const auto stream = static_cast<std::int64_t>(sizeof(WideStream));
    return all.capacity * (8 * all.net.features + real * stride + 4 * all.orders) +
           all.net.models *
               (real * (stride + 1) + 8 * (all.rows.padded + all.net.models) + stream + 64) +
           all.orders * 2 * stream;
  }

  template <class Observer>
  void run(std::int64_t first, std::int64_t, Observer& observer) {
    const MixtureJob& job = all_.job;
    const core::MixtureSpace<Real, WideStream> space{
        stride_,
        all_.capacity,
        points_.data(),
        likelihoods_.data(),
        order_.data(),
        weights_.data(),
        sums_.data(),
        room_.data(),
        open(posting_, first, core::Purpose::posts, all_.net.models),
        open(reading_, first, core::Purpose::reading, all_.orders),
        open(again_, first, core::Purpose::reading_again, all_.orders)};
    const MixtureRowSteps<Real> steps(all_, tasks_);
    core::MixtureRun<Real, WideStream, MixtureRowSteps<Real>> chain(all_.net, space, steps,
                                                                    &all_.stop);
    const simd::MixtureKernels<Real>& kernels = kernels_of<Real>(all_.set);
    const simd::MixtureRows rows = steps.rows();
    for (std::int64_t t = 0; !all_.stop.raised(); ++t) {
      kernels.observe(rows, space.weights, observer.pairs(), shown_.data(), squares_.data(), &sum_);
      observer.record(
          first, t,
          [&](std::int64_t j, std::int64_t k) { return shown_.data()[j * rows.padded + k]; },
          [&](std::int64_t i, std::int64_t j) { return squares_.data()[i * job.models + j]; },
          sum_);
      if (t == job.generations) break;
      const std::int64_t row = t * job.models;
      chain.generation(job.posts + row, job.reads + row, job.rate + row);
    }
  }

 private:
  WideStream* open(std::vector<WideStream>& streams, std::int64_t run, core::Purpose purpose,
                   std::int64_t count) {
    streams.clear();
    for (std::int64_t j = 0; j < count; ++j)
      streams.emplace_back(all_.set, all_.job.seed,
                           static_cast<std::uint64_t>(all_.job.first_run + run),
                           static_cast<std::uint64_t>(j), purpose);
    return streams.data();
  }

  const MixtureShared& all_;
  std::int64_t stride_;
  Aligned<double> points_, room_;
  Aligned<Real> likelihoods_, weights_, sums_;
  Aligned<std::uint32_t> order_;
  Aligned<double> shown_, squares_;  // what is recorded
  double sum_ = 0.0;
  std::vector<WideStream> posting_, reading_, again_;
  std::vector<simd::MixtureTask<Real>> tasks_;
};

}  // namespace autophage::cpu
