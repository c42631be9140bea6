// Chains that remember some of the past, a whole run at a time, as plain functions over memory.
// Bits are those of core/chain_memory.hpp and core/chain_pool.hpp.
#pragma once

#include "../core/philox.hpp"
#include "../core/samplers.hpp"
#include "../core/sums.hpp"

namespace autophage::simd {

using core::i32;
using core::i64;
using core::u16;
using core::u32;
using core::u64;
using core::u8;

// Which studies are done this way: the same n and as much real data in every generation, and
// labels alone.
inline constexpr i64 most_labels = 64;     // n, where windows or all models are read
inline constexpr i64 most_tokens = 256;    // in the support, or among kept real data
inline constexpr i64 most_window = 1024;   // models
inline constexpr i64 most_pooled = 65536;  // labels

// What all runs of a context share. `back` is a table of (window, 64): for draw i of a generation
// that reads m models, entry (m - 1, i) says how many generations back it looks.
struct MemoryStudy {
  core::AliasTable truth;
  core::PhiloxKey key;
  u64 context;
  i64 n, real, window;
  i64 read;         // how many of the newest models a generation reads once `window` exist
  i64 generations;  // 0: until absorption
  const u16* back;
  // Room: zero between runs where it says so.
  i32* counts;  // (support), zero
  i32* recent;  // 64 for each of 2^k + 16 generations, 2^k > window
  i64 slots;    // 2^k
  // For (generations + 1) n labels, and 64 beyond: how many labels a draw is from, and 2^16 modulo
  // that; then room.
  const u16 *bound, *filter;
  u16* index;
  u8* labels;
  const core::StopFlag* stop;
};

// What a run gives. The arrays, where they are wanted, have one entry a generation.
struct MemoryTrace {
  u32* squares;  // sum of squared counts
  u32* excess;   // kept real data only: N (N + n) times the distance to generation 1
  i64 collapse = -1, absorption = -1;
  i32 final_token = -1;
};

// False: this run is not for it, and nothing is changed.
using MemoryRun = bool (*)(const MemoryStudy& study, u64 run, MemoryTrace& trace);

struct MemorySet {
  MemoryRun partially_synthetic, most_recent, randomly_sampled;
  // into[t] += rows[k stride + t] / scale[t] for k < count <= 32, t < generations; values are at
  // most 2. Rows are read up to the next multiple of 8.
  void (*add)(const u32* rows, i64 stride, i64 count, const double* scale, i64 generations,
              core::ExactSum* into);
};

inline constexpr i64 most_added = 32;

// The least 2^k - 1 from bound - 1 on, for bounds up to 128.
inline u32 index_mask(u32 bound) { return bound > 1 ? ~u32{0} >> __builtin_clz(bound - 1) : 0; }

#if defined(__x86_64__)
MemorySet avx2_memory();
MemorySet avx512_memory();
#endif

}  // namespace autophage::simd
