// Chains by counts with AVX-512: sixteen lanes.
#if defined(__x86_64__)

// Whatever code that runs everywhere may share with this file comes before the pragma: only the
// templates after it, each named for this instruction set, are compiled with wide instructions.
#include <immintrin.h>

#include <utility>

#include "../core/math.hpp"
#include "../core/numbers.hpp"
#include "chain_counts.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2")
#endif

#include "chain_counts_lanes.hpp"

namespace autophage::simd {

namespace {

struct Avx512Counts {
  static constexpr int bytes = 64;
  using Vector [[gnu::vector_size(64)]] = double;
  using Long = Lanes<Avx512Counts, u64>::Part;
  using Mask = __mmask8;

  [[gnu::always_inline]] static inline Long multiply(Long a, Long b) {
    return (Long)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
  }
  [[gnu::always_inline]] static inline Mask above(Vector x, Vector y) {
    return _mm512_cmp_pd_mask(x, y, _CMP_GT_OQ);
  }
  [[gnu::always_inline]] static inline Mask at_least(Vector x, Vector y) {
    return _mm512_cmp_pd_mask(x, y, _CMP_GE_OQ);
  }
  [[gnu::always_inline]] static inline Mask none(Mask mask) { return static_cast<Mask>(~mask); }
  [[gnu::always_inline]] static inline u32 bits(Mask mask) { return mask; }
  [[gnu::always_inline]] static inline bool any(Mask a, Mask b) { return (a | b) != 0; }
  [[gnu::always_inline]] static inline Vector select(Mask mask, Vector x, Vector y) {
    return _mm512_mask_blend_pd(mask, y, x);
  }
  [[gnu::always_inline]] static inline Vector whole_part(Vector x) {
    return _mm512_maskz_roundscale_pd(0xff, x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  }
  [[gnu::always_inline]] static inline Vector square_root(Vector x) {
    return _mm512_maskz_sqrt_pd(0xff, x);
  }
};

}  // namespace

CountKernels avx512_counts() { return CountSteps<Avx512Counts>::kernels(); }

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
