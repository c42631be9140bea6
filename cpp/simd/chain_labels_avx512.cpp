// The steps of fully synthetic chains with AVX-512 and its permutations of bytes (VBMI, VBMI2).
#if defined(__x86_64__)

// Whatever code that runs everywhere may share with this file comes before the pragma: only the
// templates after it, each named for this instruction set, are compiled with wide instructions.
#include <immintrin.h>

#include <utility>

#include "chain_kernels.hpp"

#if defined(__clang__)
#pragma clang attribute push(                                                                \
    __attribute__((target(                                                                   \
        "avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2,bmi,bmi2,popcnt"))), \
    apply_to = function)
#else
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512vbmi,avx512vbmi2,avx2")
#pragma GCC target("bmi,bmi2,popcnt")
#endif

#include "chain_labels.hpp"

namespace autophage::simd {

namespace {

struct Avx512 {
  static constexpr int bytes = 64;
  using Long = Lanes<Avx512, u64>::Part;
  template <int halves>
  struct Labels {
    __m512i of[halves];
  };

  [[gnu::always_inline]] static inline Long multiply(Long a, Long b) {
    return (Long)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
  }
  // The sign bit of each lane.
  [[gnu::always_inline]] static inline u32 signs(Long a) {
    return _mm512_movepi64_mask((__m512i)a);
  }
  // Whether some lane has none of these bits.
  [[gnu::always_inline]] static inline bool some_lack(Long a, u64 bits) {
    return _mm512_testn_epi64_mask((__m512i)a, _mm512_set1_epi64(static_cast<i64>(bits))) != 0;
  }
  // Of numbers below 2^32.
  [[gnu::always_inline]] static inline Long smaller(Long a, Long b) {
    return (Long)_mm512_maskz_min_epu64(0xff, (__m512i)a, (__m512i)b);
  }
  [[gnu::always_inline]] static inline Long gather(const u64* from, Long at) {
    return (Long)_mm512_mask_i64gather_epi64(_mm512_setzero_si512(), 0xff, (__m512i)at, from, 8);
  }
  [[gnu::always_inline]] static inline Long gather(const i32* from, Long at) {
    return (Long)_mm512_maskz_cvtepu32_epi64(
        0xff, _mm512_mask_i64gather_epi32(_mm256_setzero_si256(), 0xff, (__m512i)at, from, 4));
  }
  [[gnu::always_inline]] static inline void store(Long values, i32* to) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to),
                        _mm512_maskz_cvtepi64_epi32(0xff, (__m512i)values));
  }

  template <int halves>
  [[gnu::always_inline]] static inline Labels<halves> load(const u8* from) {
    Labels<halves> labels;
    for (int h = 0; h < halves; ++h) labels.of[h] = _mm512_loadu_si512(from + 64 * h);
    return labels;
  }
  template <int halves>
  [[gnu::always_inline]] static inline void store(const Labels<halves>& labels, u8* to) {
    for (int h = 0; h < halves; ++h) _mm512_storeu_si512(to + 64 * h, labels.of[h]);
  }
  [[gnu::always_inline]] static inline void fill(u8 label, u8* to) {
    _mm512_storeu_si512(to, _mm512_set1_epi8(static_cast<char>(label)));
  }

  // The labels that indices point to. Forms with a mask of all: others leave compilers in doubt
  // whether something is set at all.
  [[gnu::always_inline]] static inline Labels<1> pick(const Labels<1>& labels, const u8* index) {
    return {{_mm512_maskz_permutexvar_epi8(~u64{0}, _mm512_loadu_si512(index), labels.of[0])}};
  }
  [[gnu::always_inline]] static inline Labels<2> pick(const Labels<2>& labels, const u8* index) {
    Labels<2> picked;
    for (int h = 0; h < 2; ++h)
      picked.of[h] =
          _mm512_permutex2var_epi8(labels.of[0], _mm512_loadu_si512(index + 64 * h), labels.of[1]);
    return picked;
  }

  // Units that are below `bound` once masked, one behind the other; returns how many.
  [[gnu::always_inline]] static inline int keep(Long units, u8 mask, u8 bound, u8* to) {
    const __m512i index =
        _mm512_and_si512((__m512i)units, _mm512_set1_epi8(static_cast<char>(mask)));
    const __mmask64 kept =
        _mm512_cmplt_epu8_mask(index, _mm512_set1_epi8(static_cast<char>(bound)));
    _mm512_storeu_si512(to, _mm512_maskz_compress_epi8(kept, index));
    return __builtin_popcountll(kept);
  }

  template <int halves>
  [[gnu::always_inline]] static inline LabelMask<halves> equal(const Labels<halves>& labels,
                                                               u8 label,
                                                               const LabelMask<halves>& within) {
    const __m512i same = _mm512_set1_epi8(static_cast<char>(label));
    LabelMask<halves> mask;
    for (int h = 0; h < halves; ++h)
      mask.of[h] = _mm512_mask_cmpeq_epi8_mask(within.of[h], labels.of[h], same);
    return mask;
  }
  // Those that are not the label in front.
  template <int halves>
  [[gnu::always_inline]] static inline LabelMask<halves> differ(const Labels<halves>& labels,
                                                                __m512i from,
                                                                const LabelMask<halves>& within) {
    const __m128i front = (__m128i)__builtin_shufflevector((Long)from, (Long)from, 0, 1);
    const __m512i same = _mm512_maskz_broadcastb_epi8(~u64{0}, front);
    LabelMask<halves> mask;
    for (int h = 0; h < halves; ++h)
      mask.of[h] = _mm512_mask_cmpneq_epi8_mask(within.of[h], labels.of[h], same);
    return mask;
  }
  template <int halves>
  [[gnu::always_inline]] static inline LabelMask<halves> differ_from_first(
      const Labels<halves>& labels, const LabelMask<halves>& within) {
    return differ(labels, labels.of[0], within);
  }
  // Those within a mask that are not the first of them.
  template <int halves>
  [[gnu::always_inline]] static inline LabelMask<halves> differ_from_next(
      const Labels<halves>& labels, const LabelMask<halves>& within) {
    if constexpr (halves == 2)
      if (within.of[0] == 0)
        return differ(labels, _mm512_maskz_compress_epi8(within.of[1], labels.of[1]), within);
    return differ(labels, _mm512_maskz_compress_epi8(within.of[0], labels.of[0]), within);
  }
};

}  // namespace

NeutralKernels avx512_neutral() { return neutral_kernels<Avx512>(); }

}  // namespace autophage::simd

#if defined(__clang__)
#pragma clang attribute pop
#endif

#endif
