// What the lanes of count_lanes.hpp work with: kernels, streams, words.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "../core/binomial_middle.hpp"
#include "../core/pair_table.hpp"
#include "../simd/chain_counts.hpp"
#include "chain_models.hpp"
#include "first_counts.hpp"
#include "lane_labels.hpp"
#include "pair_queue.hpp"
#include "prepared_laws.hpp"

namespace autophage::cpu {

// Nothing where the core alone does it.
inline std::optional<simd::CountKernels> count_kernels() {
#if defined(__x86_64__)
  switch (chosen_chain_instructions()) {
    case Instructions::avx512:
      return simd::avx512_counts();
    case Instructions::avx2:
      return simd::avx2_counts();
    case Instructions::baseline:
      break;
  }
#endif
  return std::nullopt;
}

// What a thread does chains by counts with.
struct CountTools {
  simd::NeutralKernels neutral;
  simd::CountKernels counts;
  core::PairTable& table;
  const core::StopFlag& stop;
};

// The streams of one context.
struct CountStreams {
  simd::StreamFamily truth, counts, pair;
  CountStreams(std::uint64_t seed, std::int64_t context)
      : truth(seed, static_cast<std::uint64_t>(context), core::Purpose::truth),
        counts(seed, static_cast<std::uint64_t>(context), core::Purpose::counts),
        pair(seed, static_cast<std::uint64_t>(context), core::Purpose::pair) {}
};

// Words of 64 bits of one stream of one run, in order.
class WordReader {
 public:
  void begin(std::uint64_t run) {
    run_ = run;
    block_ = 0;
    used_ = held;
  }
  std::uint64_t next(const simd::CountKernels& kernels, const simd::StreamFamily& stream) {
    if (used_ == held) {
      kernels.words(stream, run_, block_, word_);
      block_ += held / 2;
      used_ = 0;
    }
    return word_[used_++];
  }
  std::uint64_t taken() const { return 2 * block_ - static_cast<std::uint64_t>(held - used_); }

 private:
  static constexpr int held = simd::CountLanes::ahead;
  std::uint64_t run_ = 0, block_ = 0;
  int used_ = held;
  alignas(64) std::uint64_t word_[held];
};

// A run in a lane, at generation t.
struct CountRun {
  core::Sample sample{};
  std::int64_t t = 0;
  std::uint64_t run = 0;
  Chain chain{};
  WordReader pair;
  core::PairTable::Lookup lookup{};
  core::First first;

  // Two tokens at most, `count` of n draws the first one.
  void hold(std::int32_t one, std::int32_t other, std::int64_t count, std::int64_t n) {
    sample.token[0] = count > 0 ? one : other;
    sample.token[1] = other;
    sample.frozen[0] = count > 0 ? count : n;
    sample.frozen[1] = n - count;
    sample.size = count == 0 || count == n ? 1 : 2;
  }
};

// The samples of all lanes. `dense`, and what is kept of generation 1, are zero between runs.
class CountMemory {
 public:
  CountMemory(int lanes, std::int64_t support, bool wants_first)
      : dense(static_cast<std::size_t>(support)),
        living_(static_cast<std::size_t>(1 + std::min(support, core::middle_limit))),
        tokens_(static_cast<std::size_t>(lanes) * living_),
        labels_(core::labelled_sample),
        counts_(tokens_.size()) {
    for (int lane = 0; lane < lanes; ++lane) first.emplace_back(wants_first ? dense.size() : 0);
  }

  core::Sample sample(int lane) {
    const std::size_t row = static_cast<std::size_t>(lane) * living_;
    return {tokens_.data() + row, counts_.data() + row, labels_.data()};
  }

  std::vector<std::int64_t> dense;
  std::vector<FirstCounts> first;  // of each lane's run

 private:
  std::size_t living_;  // tokens of a sample
  std::vector<std::int32_t> tokens_, labels_;
  std::vector<std::int64_t> counts_;
};

}  // namespace autophage::cpu
