// Labels of fully synthetic chains by the steps of simd/chain_kernels.hpp.
#pragma once

#include <cstdint>
#include <optional>

#include "../core/chain_labels.hpp"
#include "../simd/chain_kernels.hpp"
#include "instructions.hpp"

namespace autophage::cpu {

// Nothing where the core alone does it.
inline std::optional<simd::NeutralKernels> neutral_kernels() {
#if defined(__x86_64__)
  switch (chosen_chain_instructions()) {
    case Instructions::avx512:
      return simd::avx512_neutral();
    case Instructions::avx2:
      return simd::avx2_neutral();
    case Instructions::baseline:
      break;
  }
#endif
  return std::nullopt;
}

// The streams of one context.
struct NeutralStreams {
  simd::StreamFamily truth, parents, pair;
  NeutralStreams(std::uint64_t seed, std::int64_t context)
      : truth(seed, static_cast<std::uint64_t>(context), core::Purpose::truth),
        parents(seed, static_cast<std::uint64_t>(context), core::Purpose::parents8),
        pair(seed, static_cast<std::uint64_t>(context), core::Purpose::pair) {}
};

// What core::ByteLabels does.
class LaneLabels {
 public:
  LaneLabels(const simd::NeutralKernels& kernels, const NeutralStreams& streams, std::uint64_t run,
             simd::LabelWalk& walk, simd::Living& living)
      : kernels_(kernels), streams_(streams), run_(run), walk_(walk), living_(living) {
    walk_.begin(streams.parents, run);
  }

  void first(const core::Truth& law, std::int64_t n, core::Draws& draws, core::Builder& builder) {
    if (!builder.labelled() || !core::Draws::by_alias(law, n)) {
      draws.from_truth(law, n, builder);
    } else {
      kernels_.draw(streams_.truth, run_, law.alias, n, builder.room());
      builder.add_labels(n);
    }
  }

  void open(const core::Sample& sample) {
    living_.size = sample.size;
    for (std::int32_t i = 0; i < sample.size; ++i) {
      living_.name[i] = i;
      living_.count[i] = static_cast<std::int32_t>(sample.frozen[i]);
      token_[i] = sample.token[i];
    }
    kernels_.open(living_.count, living_.size, walk_);
  }

  void step(std::int64_t n) { few_ = kernels_.walk(walk_, n, 1) < 0; }
  bool at_most_two() const { return few_; }

  void tally(core::Sample& sample) {
    kernels_.tally(walk_, living_);
    sample.size = living_.size;
    sample.total = walk_.size;
    for (std::int32_t i = 0; i < living_.size; ++i) {
      sample.token[i] = token_[living_.name[i]];
      sample.frozen[i] = living_.count[i];
    }
  }

 private:
  const simd::NeutralKernels& kernels_;
  const NeutralStreams& streams_;
  std::uint64_t run_;
  simd::LabelWalk& walk_;
  simd::Living& living_;
  std::int32_t token_[core::byte_limit];
  bool few_ = false;
};

}  // namespace autophage::cpu
