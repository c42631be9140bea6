// Paths of ancestors and draws from alias tables as plain functions over memory, one set of them
// for each instruction set. All give the bits of core::draw_ancestral and core::pick.
#pragma once

#include "../core/chain_ancestral.hpp"

namespace autophage::simd {

using core::i64;
using core::u32;
using core::u64;

inline constexpr i64 batch_runs = 1024;  // at most, done together

// Runs first_run .. first_run + runs - 1 of one context, and what becomes of them.
struct AncestralBatch {
  core::AncestralLaw law;
  core::AncestralTables tables;
  u64 seed, context, first_run;
  i64 runs;
  i64 time[batch_runs];
  u32 token[batch_runs];  // ranks
};

// Blocks first, first + 1, .. of the stream `ancestral` of run 0 of a context.
struct AncestralBlocks {
  core::AliasColumns columns;
  u64 seed, context, first;
  i64 count;  // at most batch_runs / 2
};

struct AncestralKernels {
  void (*runs)(AncestralBatch& batch);
  // out[2 j], out[2 j + 1]: what the two words of block j draw from the columns.
  void (*draws)(const AncestralBlocks& blocks, i64* out);
};

AncestralKernels baseline_ancestral();
#if defined(__x86_64__)
AncestralKernels avx2_ancestral();
AncestralKernels avx512_ancestral();
#endif

}  // namespace autophage::simd
