// The steps of fully synthetic token chains that are done in lanes, as plain functions over memory:
// one set of them for each instruction set. Bits are those of core/chain_neutral.hpp.
#pragma once

#include "../core/chain_labels.hpp"
#include "../core/pair_table.hpp"

namespace autophage::simd {

using core::i32;
using core::i64;
using core::u32;
using core::u64;
using core::u8;

// The streams of one purpose (core/stream.hpp), with the keys of all rounds of their blocks.
struct StreamFamily {
  u64 low[10], high[10];
  u32 name;  // but for the run's high bits

  StreamFamily(u64 seed, u64 context, core::Purpose purpose)
      : name(static_cast<u32>(purpose) << 26 | static_cast<u32>(context % core::contexts_per_key)
                                                   << 6) {
    const core::PhiloxKey key = core::key_of_context(seed, context);
    for (u32 r = 0; r < 10; ++r) {
      low[r] = key.low + r * 0x9E3779B9U;
      high[r] = key.high + r * 0xBB67AE85U;
    }
  }
};

// A run that has two tokens left, `count` draws of `first`, after generation t; `word`: how many
// 64-bit words of its stream of pairs are used.
struct PairRun {
  i64 run, t;
  i32 first, second;
  i64 count;
  u64 word;
};

// Runs that have two tokens left for ever draw the same n, of which `table` holds the rows.
struct PairTask {
  const StreamFamily* stream;
  core::PairTable* table;
  i64 horizon;  // the last generation; 0: none
  const core::StopFlag* stop;
};

// Labels of one run, its indices at hand, and where in its stream these were read.
struct LabelWalk {
  static constexpr i64 room = 2048;   // for indices
  static constexpr i64 batch = 256;   // units that are read at a time
  static constexpr i64 beyond = 128;  // what may be read or written beyond the indices

  void begin(const StreamFamily& family, u64 run_) {
    stream = &family;
    run = run_;
    bound = 0;
    unit = used = 0;
    next = end = 0;
  }

  alignas(64) u8 label[core::byte_limit] = {};
  alignas(64) u8 index[room + batch + beyond] = {};
  const StreamFamily* stream = nullptr;
  u64 run = 0;
  i64 size = 0;
  i64 bound = 0;  // of the indices at hand
  u64 unit = 0;   // of the stream from which on units were read as such indices
  i64 used = 0;   // of these indices
  u64 block = 0;  // of the stream, to be read next
  i64 next = 0, end = 0;
};

struct Living {
  i32 size;
  i32 name[core::byte_limit];
  i32 count[core::byte_limit];
};

struct NeutralKernels {
  // token[i], i < n, by alias from the words of the run's stream; room for n up to a multiple of
  // 32.
  void (*draw)(const StreamFamily& stream, u64 run, const core::AliasTable& table, i64 n,
               i32* token);
  // The tokens below 256 of n <= 128 draws, in order of appearance.
  void (*group)(const i32* token, i64 n, Living& living);
  // Labels side by side: count[i] of each i < size.
  void (*open)(const i32* count, i32 size, LabelWalk& walk);
  // Generations of n draws each, at most `most` (1 if n is not the size of the sample), until at
  // most two labels are left. Returns how many; negative if so few labels are left.
  i64 (*walk)(LabelWalk& walk, i64 n, i64 most);
  // Which of `living` still live, and their counts.
  void (*tally)(const LabelWalk& walk, Living& living);
  // Every run to its absorption or the horizon: `t` and `count` are those of the end.
  void (*pairs)(const PairTask& task, PairRun* runs, i64 count);
};

#if defined(__x86_64__)
NeutralKernels avx2_neutral();
NeutralKernels avx512_neutral();
#endif

}  // namespace autophage::simd
