// The steps of mixtures with AVX2.
#if defined(__x86_64__)

// Whatever code that runs everywhere may share with this file comes before the pragma: only the
// templates after it, each named for this instruction set, are compiled with wide instructions.
#include <immintrin.h>

#include <utility>

#include "../core/host_device.hpp"
#include "../core/math.hpp"
#include "../core/mixture_network.hpp"
#include "../core/normal.hpp"
#include "../core/philox.hpp"
#include "mixture_kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif

#include "mixture_steps.hpp"

namespace autophage::simd {

namespace {

struct Avx2 : AnySet<Avx2> {
  static constexpr int bytes = 32;
  using Longs = Lanes<Avx2, u64>::Part;
  using Doubles = Lanes<Avx2, double>::Part;
  using Singles = Lanes<Avx2, float>::Part;
  [[gnu::always_inline]] static inline Longs multiply(Longs a, Longs b) {
    return (Longs)_mm256_mul_epu32((__m256i)a, (__m256i)b);
  }
  using AnySet<Avx2>::total;
  [[gnu::always_inline]] static inline double total(const Doubles (&sum)[4]) {
    const __m256d four = (sum[0] + sum[2]) + (sum[1] + sum[3]);
    const __m128d two = _mm256_castpd256_pd128(four) + _mm256_extractf128_pd(four, 1);
    return two[0] + two[1];
  }
  [[gnu::always_inline]] static inline float total(const Singles (&sum)[2]) {
    const __m256 eight = sum[0] + sum[1];
    const __m128 four = _mm256_castps256_ps128(eight) + _mm256_extractf128_ps(eight, 1);
    const __m128 two = four + _mm_movehl_ps(four, four);
    return two[0] + two[1];
  }
  using AnySet<Avx2>::all_at_least;
  [[gnu::always_inline]] static inline bool all_at_least(Doubles a, Doubles b) {
    return _mm256_movemask_pd(_mm256_cmp_pd(a, b, _CMP_GE_OQ)) == 15;
  }
  [[gnu::always_inline]] static inline bool all_at_least(Singles a, Singles b) {
    return _mm256_movemask_ps(_mm256_cmp_ps(a, b, _CMP_GE_OQ)) == 255;
  }
};

}  // namespace

MixtureSet avx2_mixtures() { return mixture_set<Avx2>(); }

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
