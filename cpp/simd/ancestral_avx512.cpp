// Paths of ancestors with AVX-512: eight lanes.
#if defined(__x86_64__)

// Whatever code that runs everywhere may share with this file comes before the pragma: only the
// templates after it, each named for this instruction set, are compiled with wide instructions.
#include <immintrin.h>

#include "ancestral_kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2,bmi,popcnt"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2,bmi,popcnt")
#endif

#include "ancestral_lanes.hpp"

namespace autophage::simd {

namespace {

struct Avx512 {
  using Words [[gnu::vector_size(64)]] = u64;
  [[gnu::always_inline]] static inline Words index() { return Words{0, 1, 2, 3, 4, 5, 6, 7}; }
  [[gnu::always_inline]] static inline Words multiply(Words a, Words b) {
    return (Words)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
  }
  [[gnu::always_inline]] static inline Words gather(const u64* from, Words at) {
    return (Words)_mm512_mask_i64gather_epi64(_mm512_setzero_si512(), 0xff, (__m512i)at, from, 8);
  }
  [[gnu::always_inline]] static inline unsigned below(Words a, Words b) {
    return _mm512_cmplt_epu64_mask((__m512i)a, (__m512i)b);
  }
  [[gnu::always_inline]] static inline Words select(unsigned mask, Words a, Words b) {
    return (Words)_mm512_mask_blend_epi64(static_cast<__mmask8>(mask), (__m512i)b, (__m512i)a);
  }
  // The lanes of `mask`, moved together, to `at`; what is behind them there is overwritten.
  [[gnu::always_inline]] static inline void keep(Words a, unsigned mask, u64* at) {
    _mm512_storeu_si512(at, _mm512_maskz_compress_epi64(static_cast<__mmask8>(mask), (__m512i)a));
  }
};

}  // namespace

AncestralKernels avx512_ancestral() { return AncestralLanes<Avx512>::kernels(); }

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
