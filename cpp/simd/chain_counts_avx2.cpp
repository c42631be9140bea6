// Chains by counts with AVX2: eight lanes.
#if defined(__x86_64__)

// Whatever code that runs everywhere may share with this file comes before the pragma: only the
// templates after it, each named for this instruction set, are compiled with wide instructions.
#include <immintrin.h>

#include <utility>

#include "../core/math.hpp"
#include "../core/numbers.hpp"
#include "chain_counts.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif

#include "chain_counts_lanes.hpp"

namespace autophage::simd {

namespace {

struct Avx2Counts {
  static constexpr int bytes = 32;
  using Vector [[gnu::vector_size(32)]] = double;
  using Long = Lanes<Avx2Counts, u64>::Part;
  using Mask = Vector;  // all bits of a lane, or none

  [[gnu::always_inline]] static inline Long multiply(Long a, Long b) {
    return (Long)_mm256_mul_epu32((__m256i)a, (__m256i)b);
  }
  [[gnu::always_inline]] static inline Mask above(Vector x, Vector y) { return (Mask)(x > y); }
  [[gnu::always_inline]] static inline Mask at_least(Vector x, Vector y) { return (Mask)(x >= y); }
  [[gnu::always_inline]] static inline Mask none(Mask mask) { return (Mask)(~(Long)mask); }
  [[gnu::always_inline]] static inline u32 bits(Mask mask) {
    return static_cast<u32>(_mm256_movemask_pd(mask));
  }
  [[gnu::always_inline]] static inline bool any(Mask a, Mask b) {
    return _mm256_movemask_pd((Mask)((Long)a | (Long)b)) != 0;
  }
  [[gnu::always_inline]] static inline Vector select(Mask mask, Vector x, Vector y) {
    return _mm256_blendv_pd(y, x, mask);
  }
  [[gnu::always_inline]] static inline Vector whole_part(Vector x) {
    return _mm256_round_pd(x, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
  }
  [[gnu::always_inline]] static inline Vector square_root(Vector x) { return _mm256_sqrt_pd(x); }
};

}  // namespace

CountKernels avx2_counts() { return CountSteps<Avx2Counts>::kernels(); }

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
