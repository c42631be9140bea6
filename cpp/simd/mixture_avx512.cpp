// The steps of mixtures with AVX-512.
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
#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512vl,avx2"))), \
                             apply_to = function)
#else
#pragma GCC target("avx512f,avx512dq,avx512vl,avx2")
#endif

#include "mixture_steps.hpp"

namespace autophage::simd {

namespace {

struct Avx512 : AnySet<Avx512> {
  static constexpr int bytes = 64;
  using Shorts = Lanes<Avx512, u32>;
  using Longs = Lanes<Avx512, u64>::Part;
  using Doubles = Lanes<Avx512, double>::Part;
  using Singles = Lanes<Avx512, float>::Part;
  [[gnu::always_inline]] static inline Longs multiply(Longs a, Longs b) {
    return (Longs)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
  }
  [[gnu::always_inline]] static inline Shorts upper(const Shorts& a, const Shorts& b) {
    const Longs words = (Longs)a.of[0], bounds = (Longs)b.of[0];
    const __m512i even = (__m512i)(multiply(words, bounds) >> 32);
    const __m512i odd = (__m512i)multiply(words >> 32, bounds >> 32);
    Shorts upper;
    upper.of[0] = (Shorts::Part)_mm512_mask_blend_epi32(0xaaaa, even, odd);
    return upper;
  }
  // The instruction pays for sixteen numbers at once, not for eight.
  using AnySet<Avx512>::gather;
  [[gnu::always_inline]] static inline Lanes<Avx512, float> gather(const float* from,
                                                                   const u32* index) {
    const __m512i at = *reinterpret_cast<const __m512i*>(index);
    Lanes<Avx512, float> found;
    found.of[0] = _mm512_mask_i32gather_ps(_mm512_setzero_ps(), 0xffff, at, from, 4);
    return found;
  }
  using AnySet<Avx512>::total;
  [[gnu::always_inline]] static inline double total(const Doubles (&sum)[2]) {
    const Doubles eight = sum[0] + sum[1];
    const auto four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                      __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    const auto two =
        __builtin_shufflevector(four, four, 0, 1) + __builtin_shufflevector(four, four, 2, 3);
    return two[0] + two[1];
  }
  [[gnu::always_inline]] static inline float total(const Singles (&sum)[1]) {
    const Singles all = sum[0];
    const auto eight = __builtin_shufflevector(all, all, 0, 1, 2, 3, 4, 5, 6, 7) +
                       __builtin_shufflevector(all, all, 8, 9, 10, 11, 12, 13, 14, 15);
    const auto four = __builtin_shufflevector(eight, eight, 0, 1, 2, 3) +
                      __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    const auto two = four + __builtin_shufflevector(four, four, 2, 3, 2, 3);
    return two[0] + two[1];
  }
  [[gnu::always_inline]] static inline bool all_at_least(Doubles a, Doubles b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_GE_OQ) == 0xff;
  }
  [[gnu::always_inline]] static inline bool all_at_least(Singles a, Singles b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ) == 0xffff;
  }
  [[gnu::always_inline]] static inline bool all_at_least(Shorts::Part a, Shorts::Part b) {
    return _mm512_cmpge_epu32_mask((__m512i)a, (__m512i)b) == 0xffff;
  }
};

}  // namespace

MixtureSet avx512_mixtures() { return mixture_set<Avx512>(); }

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
