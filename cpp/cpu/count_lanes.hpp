// Fully synthetic chains by counts in lanes, recorded at every generation or at their ends.
#pragma once

#include <cstdint>
#include <optional>

#include "count_block.hpp"

namespace autophage::cpu {

// What one thread needs for it.
template <class Sink>
class CountRuns {
 public:
  CountRuns(const ChainJob& job, bool every, bool wants_first, std::int64_t support,
            core::PairTable& table, Sink& sink, const core::StopFlag& stop) {
    if (job.regime != Regime::fully_synthetic || !count_kernels()) return;
    if (wants_first && support > most_kept) return;
    const CountTools tools{*neutral_kernels(), *count_kernels(), table, stop};
    if (every)
      recorded_.emplace(job, tools, support, wants_first, sink);
    else
      timed_.emplace(job, tools, support, wants_first, sink);
  }

  // Whether all generations of a context have one size that is in range.
  bool fit(const core::Schedule& schedule) const {
    const std::int64_t n = schedule.n_at(1);
    return (recorded_ || timed_) && schedule.same_n && n > core::byte_limit &&
           n <= core::middle_limit;
  }

  // Runs `begin` .. `end` - 1.
  void runs(std::int64_t begin, std::int64_t end, std::int64_t context, const PreparedLaw& law,
            std::int64_t n) {
    if (recorded_)
      recorded_->runs(begin, end, context, law, n);
    else
      timed_->runs(begin, end, context, law, n);
  }

 private:
  static constexpr std::int64_t most_kept = 1 << 16;  // tokens of generation 1 for every lane

  std::optional<CountBlock<true, Sink>> recorded_;
  std::optional<CountBlock<false, Sink>> timed_;
};

}  // namespace autophage::cpu
