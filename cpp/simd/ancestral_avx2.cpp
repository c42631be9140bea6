// Paths of ancestors with AVX2: four lanes.
#if defined(__x86_64__)

// Whatever code that runs everywhere may share with this file comes before the pragma: only the
// templates after it, each named for this instruction set, are compiled with wide instructions.
#include <immintrin.h>

#include "ancestral_kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2,popcnt"))), apply_to = function)
#else
#pragma GCC target("avx2,popcnt")
#endif

#include "ancestral_lanes.hpp"

namespace autophage::simd {

namespace {

struct Avx2 {
  using Words [[gnu::vector_size(32)]] = u64;
  [[gnu::always_inline]] static inline Words index() { return Words{0, 1, 2, 3}; }
  [[gnu::always_inline]] static inline Words multiply(Words a, Words b) {
    return (Words)_mm256_mul_epu32((__m256i)a, (__m256i)b);
  }
  [[gnu::always_inline]] static inline Words gather(const u64* from, Words at) {
    return Words{from[at[0]], from[at[1]], from[at[2]], from[at[3]]};
  }
  [[gnu::always_inline]] static inline unsigned below(Words a, Words b) {
    return static_cast<unsigned>(_mm256_movemask_pd((__m256d)(a < b)));
  }
  [[gnu::always_inline]] static inline Words select(unsigned mask, Words a, Words b) {
    const Words lane{1, 2, 4, 8};
    return ((mask - Words{}) & lane) != 0 ? a : b;
  }
  // The lanes of `mask`, moved together, to `at`; what is behind them there is overwritten.
  [[gnu::always_inline]] static inline void keep(Words a, unsigned mask, u64* at) {
    for (unsigned l = 0; l < 4; ++l) {
      *at = a[l];
      at += mask >> l & 1;
    }
  }
};

}  // namespace

AncestralKernels avx2_ancestral() { return AncestralLanes<Avx2>::kernels(); }

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
