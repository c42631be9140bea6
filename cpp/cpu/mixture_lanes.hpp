// Runs of mixtures sixteen at a time, each in a lane.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "../core/mixture.hpp"
#include "mixture_shared.hpp"

namespace autophage::cpu {

template <class Real>
class MixturesInLanes {
 public:
  static constexpr std::int64_t lanes = 16;

  // Whether such runs can be done and are worth it: the choice changes no bit.
  static bool fit(const MixtureShared& all) {
    return all.net.components <= simd::most_in_lanes && !all.net.active &&
           all.capacity * all.net.components <= std::int64_t{1} << 24 &&
           all.job.runs >= 4 * std::max(all.job.threads, 1);
  }

  explicit MixturesInLanes(const MixtureShared& all)
      : all_(all),
        kernels_(kernels_of<Real>(all.set)),
        points_(all.capacity * all.net.features * lanes),
        likelihoods_(all.capacity * all.net.components * lanes),
        weights_(all.net.models * all.net.components * lanes),
        sums_(all.net.models * lanes),
        order_(carries(all) ? 0 : all.orders * all.capacity * lanes),
        carried_(carries(all) ? all.orders * all.capacity * lanes : 0),
        posting_(all.net.models * 4 * lanes),
        reading_(all.orders * 4 * lanes),
        again_(all.orders * lanes),
        shown_(all.net.models * all.net.components * lanes),
        squares_(all.net.models * all.net.models * lanes),
        posted_(static_cast<std::size_t>(all.net.models)),
        read_(static_cast<std::size_t>(all.orders)) {}

  static std::int64_t memory(const MixtureShared& all) {
    const std::int64_t components = all.net.components, real = sizeof(Real);
    const std::int64_t entry = carries(all) ? 8 : 4;
    return lanes *
           (all.capacity * (8 * all.net.features + real * components + entry * all.orders) +
            all.net.models * (real * (components + 1) + 8 * (components + all.net.models) + 24) +
            all.orders * 32);
  }

  // Runs first .. end - 1, at most sixteen; lanes without a run repeat the last.
  template <class Observer>
  void run(std::int64_t first, std::int64_t end, Observer& observer) {
    const MixtureJob& job = all_.job;
    simd::MixtureLanes<Real> state = start(first, end);
    std::int64_t posts = 0;
    for (; posts < job.given && !all_.stop.raised(); ++posts) {
      for (std::int64_t i = 0; i < job.features; ++i)
        std::fill_n(state.points + (posts * job.features + i) * lanes, lanes,
                    job.first_posts[posts * job.features + i]);
      kernels_.append(state, posts);
    }
    for (std::int64_t t = 0; !all_.stop.raised(); ++t) {
      kernels_.observe_lanes(state, observer.pairs(), shown_.data(), squares_.data(), sum_);
      for (std::int64_t l = 0; l < end - first; ++l)
        observer.record(
            first + l, t,
            [&](std::int64_t j, std::int64_t k) {
              return shown_.data()[(j * job.components + k) * lanes + l];
            },
            [&](std::int64_t i, std::int64_t j) {
              return squares_.data()[(i * job.models + j) * lanes + l];
            },
            sum_[l]);
      if (t == job.generations) break;
      const std::int64_t row = t * job.models;
      for (std::int64_t j = 0; j < job.models; ++j)
        for (std::int64_t i = 0; i < job.posts[row + j] && !all_.stop.raised(); ++i, ++posts) {
          kernels_.post(state, j, posts);
          kernels_.append(state, posts);
        }
      rate_.clear();
      for (std::int64_t j = 0; j < job.models; ++j)
        rate_.emplace_back(job.rate[row + j], job.prior, job.components);
      kernels_.generation(state, posts, job.reads + row, rate_.data(), &all_.stop);
    }
  }

 private:
  static bool carries(const MixtureShared& all) {
    return simd::MixtureLanes<Real>::carries(all.net.components);
  }

  simd::MixtureLanes<Real> start(std::int64_t first, std::int64_t end) {
    const core::MixtureNetwork& net = all_.net;
    simd::MixtureLanes<Real> state{};
    state.net = &net;
    state.capacity = all_.capacity;
    state.points = points_.data();
    state.likelihoods = likelihoods_.data();
    state.order = order_.data();
    state.carried = carried_.data();
    state.weights = weights_.data();
    state.sums = sums_.data();
    state.posting = posting_.data();
    state.reading = reading_.data();
    state.posted = posted_.data();
    state.read = read_.data();
    state.again = again_.data();
    state.seed = all_.job.seed;
    state.redraw = redraw;
    state.rescue = rescue;
    std::fill(posted_.begin(), posted_.end(), 0);
    std::fill(read_.begin(), read_.end(), 0);
    std::fill_n(state.again, all_.orders * lanes, 0);
    for (std::int64_t l = 0; l < lanes; ++l)
      state.run[l] = static_cast<std::uint64_t>(all_.job.first_run + std::min(first + l, end - 1));
    for (std::int64_t j = 0; j < net.models; ++j) {
      Real w[simd::most_in_lanes];
      for (std::int64_t k = 0; k < net.components; ++k) {
        w[k] = static_cast<Real>(net.weights[j * net.components + k]);
        std::fill_n(state.weights + (j * net.components + k) * lanes, lanes, w[k]);
      }
      std::fill_n(state.sums + j * lanes, lanes, core::starting_sum(net, w));
    }
    return state;
  }

  // Numbers below `bound` from words, some of which are refused.
  static void redraw(const simd::MixtureLanes<Real>& state, std::int64_t j, std::uint32_t bound,
                     std::uint32_t* words) {
    for (std::int64_t l = 0; l < lanes; ++l) {
      Again again{state.seed, state.run[l], static_cast<std::uint64_t>(j),
                  state.again[j * lanes + l]};
      words[l] = core::draw_below(words[l], bound, again);
    }
  }
  struct Again {
    std::uint64_t seed, run, context;
    std::uint64_t& used;
    std::uint32_t next32() {
      core::Stream stream(seed, run, context, core::Purpose::reading_again);
      stream.seek(used++);
      return stream.next32();
    }
  };

  // Updates of all lanes, one after another.
  static void rescue(const simd::MixtureLanes<Real>& state, std::int64_t j,
                     const std::uint32_t* entries, const core::MixtureRate<Real>& rate) {
    const core::MixtureNetwork& net = *state.net;
    std::vector<double> x(static_cast<std::size_t>(net.features));
    for (std::int64_t l = 0; l < lanes; ++l) {
      Real w[simd::most_in_lanes], f[simd::most_in_lanes];
      Real* const weights = state.weights + j * net.components * lanes + l;
      find_likelihoods(state, entries[l], f);
      for (std::int64_t k = 0; k < net.components; ++k) w[k] = weights[k * lanes];
      for (std::int64_t i = 0; i < net.features; ++i)
        x[static_cast<std::size_t>(i)] =
            state.points[(entries[l] / lanes * net.features + i) * lanes + l];
      Real& sum = state.sums[j * lanes + l];
      if (!core::update(rate, f, net.components, w, sum))
        core::update_far(net, rate, x.data(), w, sum);
      for (std::int64_t k = 0; k < net.components; ++k) weights[k * lanes] = w[k];
    }
  }

  static void find_likelihoods(const simd::MixtureLanes<Real>& state, std::uint32_t entry,
                               Real* f) {
    const std::int64_t components = state.net->components;
    for (std::int64_t k = 0; k < (components == 2 ? 1 : components); ++k)
      f[k] = state.likelihoods[k * state.capacity * lanes + entry];
    if (components != 2) return;
    const Real kept = f[0];
    f[0] = std::signbit(kept) ? -kept : Real(1);
    f[1] = std::signbit(kept) ? Real(1) : kept;
  }

  const MixtureShared& all_;
  const simd::MixtureKernels<Real>& kernels_;
  Aligned<double> points_;
  alignas(64) double sum_[lanes];
  Aligned<Real> likelihoods_, weights_, sums_;
  Aligned<std::uint32_t> order_;
  Aligned<std::uint64_t> carried_;
  Aligned<std::uint32_t> posting_, reading_;
  Aligned<std::uint64_t> again_;
  Aligned<double> shown_, squares_;  // what is recorded
  std::vector<std::uint64_t> posted_, read_;
  std::vector<core::MixtureRate<Real>> rate_;
};

}  // namespace autophage::cpu
