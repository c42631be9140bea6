// Tables and room for runs that remember some of the past, for one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "../backend.hpp"
#include "../simd/chain_memory_kernels.hpp"
#include "prepared_laws.hpp"

namespace autophage::cpu {

class MemorySpace {
 public:
  // What the kernels are told of one context; valid until the next call.
  simd::MemoryStudy study(const ChainJob& job, std::int64_t context, const PreparedLaw& prepared,
                          const core::StopFlag& stop) {
    const std::int64_t n = job.n[context];
    std::int64_t read = INT64_MAX, slots = 1;
    if (job.regime == Regime::partially_synthetic) {
      if (counts_.size() < prepared.p.size()) counts_.resize(prepared.p.size());
    } else if (job.regime == Regime::most_recent) {
      read = std::min(n, job.window);
      while (slots <= job.window) slots *= 2;
      recent_.resize(static_cast<std::size_t>((slots + 16) * simd::most_labels));
      if (n != n_) look_back(job.window, n);
    } else if (n != n_) {
      bound_pools(static_cast<std::size_t>((job.generations + 1) * n), static_cast<std::size_t>(n));
    }
    n_ = n;
    return {prepared.truth().alias,
            core::key_of_context(job.seed, static_cast<std::uint64_t>(context)),
            static_cast<std::uint64_t>(context),
            n,
            job.real[context],
            job.window,
            read,
            job.generations,
            back_.data(),
            counts_.data(),
            recent_.data(),
            slots,
            bound_.data(),
            filter_.data(),
            index_.data(),
            labels_.data(),
            &stop};
  }

 private:
  // Which model each draw is from: an even split over m models, what is left over one each to the
  // newest; the oldest model's draws come first.
  void look_back(std::int64_t window, std::int64_t n) {
    back_.assign(static_cast<std::size_t>(window * simd::most_labels), 0);
    for (std::int64_t models = 1; models <= window; ++models) {
      std::uint16_t* back = back_.data() + (models - 1) * simd::most_labels;
      for (std::int64_t steps = models; steps > 0; --steps)
        back = std::fill_n(back, n / models + (steps <= n % models),
                           static_cast<std::uint16_t>(steps));
    }
  }

  // How many labels the draws of all generations are from; vectors look 64 entries beyond.
  void bound_pools(std::size_t end, std::size_t n) {
    index_.resize(2 * end + 192);
    labels_.resize(end + 64);
    bound_.assign(end + 64, 1);
    filter_.assign(end + 64, 0);
    for (std::size_t i = 2 * n; i < end; ++i) {
      bound_[i] = static_cast<std::uint16_t>(i / n * n);
      filter_[i] = static_cast<std::uint16_t>(0x10000U % bound_[i]);
    }
  }

  std::int64_t n_ = 0;
  std::vector<std::uint16_t> back_, bound_, filter_, index_;
  std::vector<std::int32_t> counts_, recent_;
  std::vector<std::uint8_t> labels_;
};

}  // namespace autophage::cpu
