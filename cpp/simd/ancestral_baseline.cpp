// Paths of ancestors with the instructions that every machine of this kind has: one after the
// other.
#include "ancestral_kernels.hpp"

namespace autophage::simd {

namespace {

void runs(AncestralBatch& batch) {
  for (i64 i = 0; i < batch.runs; ++i) {
    const core::RunName name{batch.seed, batch.first_run + static_cast<u64>(i), batch.context};
    const core::AncestralEnd end =
        core::draw_ancestral(batch.law, batch.tables, core::AncestralWords(name));
    batch.time[i] = end.time;
    batch.token[i] = end.token;
  }
}

void draws(const AncestralBlocks& blocks, i64* out) {
  const core::AncestralWords words({blocks.seed, 0, blocks.context});
  for (i64 j = 0; j < blocks.count; ++j) {
    u64 word[2];
    words.read(blocks.first + static_cast<u64>(j), word);
    for (int w = 0; w < 2; ++w) out[2 * j + w] = core::pick(blocks.columns, word[w]);
  }
}

}  // namespace

AncestralKernels baseline_ancestral() { return {runs, draws}; }

}  // namespace autophage::simd
