// All steps of mixtures for one instruction set.
#pragma once

#include "mixture_lanes.hpp"
#include "mixture_rows.hpp"
#include "mixture_updates.hpp"

namespace autophage::simd {

template <class Set>
void sixteen_blocks(core::PhiloxKey key, u64 first, u32 run, u32 name, u32* out) {
  alignas(64) u64 block[lane_count];
  for (int k = 0; k < lane_count; ++k) block[k] = first + static_cast<u64>(k);
  const LongWords<Set> blocks = LongWords<Set>::load(block);
  philox_lanes<Set>(blocks, blocks >> 32, LongWords<Set>(run), LongWords<Set>(name), key.low,
                    key.high, out);
}

template <class Set>
[[gnu::flatten]] void sixteen_quantiles(double* values) {
  quantiles_of(Reals<Set>::load(values)).store(values);
}

template <class Set>
bool block_places(const u32* words, u32 posts, u32 first, u32* out) {
  alignas(64) static constexpr u32 steps[lane_count] = {0,  4,  8,  12, 16, 20, 24, 28,
                                                        32, 36, 40, 44, 48, 52, 56, 60};
  bool fine = true;
  for (u32 w = 0; w < 4; ++w) {
    const Words<Set> word = Words<Set>::load(words + lane_count * w);
    const Words<Set> draw = Words<Set>::load(steps) + Words<Set>(first + w);
    const Words<Set> bound = Words<Set>(posts) - draw;
    fine = fine && all_at_least(word * bound, bound);
    (draw + Set::upper(word, bound)).store(out + lane_count * w);
  }
  return fine;
}

template <class Set, class Real>
MixtureKernels<Real> mixture_kernels() {
  using Row = MixtureRowSteps<Set, Real>;
  using Lane = MixtureLaneSteps<Set, Real>;
  return {Row::likelihoods, MixtureUpdates<Set, Real>::learn,
          Row::observe,     Lane::post,
          Lane::append,     Lane::generation,
          Lane::observe};
}

template <class Set>
MixtureSet mixture_set() {
  return {mixture_kernels<Set, double>(), mixture_kernels<Set, float>(), sixteen_quantiles<Set>,
          sixteen_blocks<Set>, block_places<Set>};
}

}  // namespace autophage::simd
