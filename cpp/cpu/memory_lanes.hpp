// Runs that remember some of the past, by the vector forms: which studies they do, and the way of
// what they give to the sinks.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "../backend.hpp"
#include "../simd/chain_memory_kernels.hpp"
#include "chain_sinks.hpp"
#include "instructions.hpp"
#include "memory_space.hpp"
#include "prepared_laws.hpp"

namespace autophage::cpu {

inline simd::MemorySet memory_set() {
#if defined(__x86_64__)
  switch (chosen_chain_instructions()) {
    case Instructions::avx512:
      return simd::avx512_memory();
    case Instructions::avx2:
      return simd::avx2_memory();
    case Instructions::baseline:
      break;
  }
#endif
  return {};
}

// One record of some runs: rows of integers over a scale by generation.
struct MemoryRows {
  const simd::MemorySet& set;
  const std::vector<Chain>& chains;
  const std::vector<std::uint32_t>& values;
  const std::vector<double>& scale;
  std::int64_t stride, generations;

  template <class Take>
  void each(Take&& take) const {
    const std::uint32_t* row = values.data();
    for (const Chain& chain : chains) {
      for (std::int64_t t = 1; t <= generations; ++t)
        take(chain, t, static_cast<double>(row[t - 1]) / scale[static_cast<std::size_t>(t - 1)]);
      row += stride;
    }
  }
  void add_to(core::ExactSum* sums) const {
    set.add(values.data(), stride, static_cast<std::int64_t>(chains.size()), scale.data(),
            generations, sums);
  }
};

template <class Sink>
class MemoryRuns {
 public:
  // records: see records_of.
  MemoryRuns(const ChainJob& job, unsigned records, core::StopFlag& stop)
      : job_(job), records_(records), stop_(stop), kernel_(kernel_of(job, records)) {
    if (kernel_ == nullptr) return;
    const std::int64_t horizon = records != 0 ? job.generations : 0;
    stride_ = (horizon + 7) / 8 * 8;
    batch_ = std::clamp<std::int64_t>(most_kept / std::max<std::int64_t>(stride_, 1), 1,
                                      simd::most_added);
    const auto room = static_cast<std::size_t>(batch_ * stride_);
    squares_.resize(room);
    if ((records & l1_to_first) != 0) excess_.resize(room);
    for (auto* scale : {&square_scale_, &excess_scale_})
      scale->resize(static_cast<std::size_t>(stride_), 1.0);
    chains_.reserve(static_cast<std::size_t>(batch_));
  }

  bool takes(std::int64_t context, const core::Truth& law) const {
    if (kernel_ == nullptr) return false;
    const std::int64_t n = job_.n[context], real = job_.real[context];
    for (std::int64_t i = context; i < job_.rows * job_.contexts; i += job_.contexts)
      if (job_.n[i] != n || job_.real[i] != real) return false;
    switch (job_.regime) {
      case Regime::partially_synthetic:
        return n >= 1 && real >= 1 && n + real <= core::labelled_sample &&
               (real <= core::byte_limit || real <= 8 * std::int64_t{law.support});
      case Regime::most_recent:
        return n >= 1 && n <= simd::most_labels && law.support > 1 &&
               law.support <= simd::most_tokens;
      default:
        return n >= 1 && n <= simd::most_labels && law.support > 1 &&
               law.support <= simd::most_tokens && (job_.generations + 1) * n <= simd::most_pooled;
    }
  }

  // Runs begin .. end - 1 of one context; other(run) does one that is not for the vector forms.
  template <class Other>
  void block(std::int64_t begin, std::int64_t end, std::int64_t context,
             const PreparedLaw& prepared, Sink& sink, Other&& other) {
    const simd::MemoryStudy study = prepare(context, prepared);
    for (std::int64_t run = begin; run < end && !stop_.raised(); ++run) {
      const auto row = static_cast<std::int64_t>(chains_.size()) * stride_;
      simd::MemoryTrace trace{squares_.empty() ? nullptr : squares_.data() + row,
                              excess_.empty() ? nullptr : excess_.data() + row};
      if (!kernel_(study, static_cast<std::uint64_t>(job_.first_run + run), trace)) {
        other(run);
        continue;
      }
      chains_.push_back({run, context, prepared.token.data()});
      sink.finish(chains_.back(), {trace.collapse, trace.absorption, trace.final_token});
      if (static_cast<std::int64_t>(chains_.size()) == batch_) hand_over(sink);
    }
    hand_over(sink);
  }

 private:
  static constexpr unsigned sigma = 1U << 0, l1_to_first = 1U << 3;
  static constexpr std::int64_t most_kept = 1 << 17;  // numbers of one record

  static simd::MemoryRun kernel_of(const ChainJob& job, unsigned records) {
    if (records == 0 && job.regime != Regime::most_recent) return nullptr;
    if (records != 0 && (job.generations < 1 || job.generations > most_kept)) return nullptr;
    const simd::MemorySet set = memory_set();
    switch (job.regime) {
      case Regime::partially_synthetic:
        return (records & ~(sigma | l1_to_first)) == 0 ? set.partially_synthetic : nullptr;
      case Regime::most_recent:
        return records <= sigma && job.window <= simd::most_window ? set.most_recent : nullptr;
      case Regime::randomly_sampled:
        return records == sigma ? set.randomly_sampled : nullptr;
      default:
        return nullptr;
    }
  }

  simd::MemoryStudy prepare(std::int64_t context, const PreparedLaw& prepared) {
    const bool kept = job_.regime == Regime::partially_synthetic;
    const auto first = static_cast<double>(job_.real[context]);
    const double whole = static_cast<double>(job_.n[context]) + (kept ? first : 0.0);
    for (std::size_t t = 0; t < square_scale_.size(); ++t) {
      const double total = kept && t == 0 ? first : whole;
      square_scale_[t] = total * total;
      excess_scale_[t] = total * first;
    }
    return space_.study(job_, context, prepared, stop_);
  }

  void hand_over(Sink& sink) {
    if (chains_.empty() || stop_.raised()) return;
    if ((records_ & sigma) != 0)
      sink.rows(0, MemoryRows{set_, chains_, squares_, square_scale_, stride_, job_.generations});
    if ((records_ & l1_to_first) != 0)
      sink.rows(3, MemoryRows{set_, chains_, excess_, excess_scale_, stride_, job_.generations});
    chains_.clear();
  }

  const ChainJob& job_;
  unsigned records_;
  core::StopFlag& stop_;
  simd::MemorySet set_ = memory_set();
  simd::MemoryRun kernel_;
  std::int64_t stride_ = 0, batch_ = 1;
  std::vector<Chain> chains_;
  std::vector<std::uint32_t> squares_, excess_;
  std::vector<double> square_scale_, excess_scale_;
  MemorySpace space_;
};

}  // namespace autophage::cpu
