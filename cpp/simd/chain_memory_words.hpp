// Words of a stream, and what is made of them, many at once with AVX-512: see core/stream.hpp.
#pragma once

#include "chain_memory_kernels.hpp"

namespace autophage::simd {
namespace {

// The words of 8 `eights` consecutive blocks.
template <int eights>
inline void wide_philox(core::PhiloxKey key, u64 first, u32 run, u32 name, u32* out) {
  const __m512i m0 = _mm512_set1_epi64(0xD2511F53), m1 = _mm512_set1_epi64(0xCD9E8D57);
  __m512i k0 = _mm512_set1_epi64(key.low), k1 = _mm512_set1_epi64(key.high);
  __m512i x0[eights], x1[eights], x2[eights], x3[eights];
  const __m512i lane = _mm512_set_epi64(7, 6, 5, 4, 3, 2, 1, 0);
  for (int e = 0; e < eights; ++e) {
    x0[e] = _mm512_add_epi64(_mm512_set1_epi64(static_cast<i64>(first) + 8 * e), lane);
    x1[e] = _mm512_srli_epi64(x0[e], 32);
    x2[e] = _mm512_set1_epi64(run);
    x3[e] = _mm512_set1_epi64(name);
  }
  // A word is the low half of an element; what is above it is never looked at.
  for (int round = 0; round < 10; ++round) {
    for (int e = 0; e < eights; ++e) {
      const __m512i a = _mm512_mul_epu32(m0, x0[e]), b = _mm512_mul_epu32(m1, x2[e]);
      x0[e] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(b, 32), x1[e], k0, 0x96);
      x1[e] = b;
      x2[e] = _mm512_ternarylogic_epi64(_mm512_srli_epi64(a, 32), x3[e], k1, 0x96);
      x3[e] = a;
    }
    k0 = _mm512_add_epi64(k0, _mm512_set1_epi64(0x9E3779B9));
    k1 = _mm512_add_epi64(k1, _mm512_set1_epi64(0xBB67AE85));
  }
  const __m512i front = _mm512_set_epi64(11, 3, 10, 2, 9, 1, 8, 0);
  const __m512i rear = _mm512_set_epi64(15, 7, 14, 6, 13, 5, 12, 4);
  for (int e = 0; e < eights; ++e) {
    const __m512i even = _mm512_mask_blend_epi32(0xaaaa, x0[e], _mm512_slli_epi64(x1[e], 32));
    const __m512i odd = _mm512_mask_blend_epi32(0xaaaa, x2[e], _mm512_slli_epi64(x3[e], 32));
    _mm512_storeu_si512(out + 32 * e, _mm512_permutex2var_epi64(even, front, odd));
    _mm512_storeu_si512(out + 32 * e + 16, _mm512_permutex2var_epi64(even, rear, odd));
  }
}

// A stream, 128 words at a time.
class WideWords {
 public:
  static constexpr int held = 128;

  WideWords(const MemoryStudy& study, u64 run, core::Purpose purpose)
      : key_(study.key),
        run_(static_cast<u32>(run)),
        name_(static_cast<u32>(purpose) << 26 |
              static_cast<u32>(study.context % core::contexts_per_key) << 6 |
              static_cast<u32>(run >> 32)) {}

  void refill() { write(word); }
  void write(void* out) {
    wide_philox<held / 32>(key_, block_, run_, name_, static_cast<u32*>(out));
    block_ += held / 4;
  }

  alignas(64) u32 word[held + 16];  // readers look at whole vectors

 private:
  core::PhiloxKey key_;
  u32 run_, name_;
  u64 block_ = 0;
};

// What core::IndexReader reads. A row of indices is written in whole vectors: 64 bytes of room
// beyond its end.
class WideBytes {
 public:
  WideBytes(const MemoryStudy& study, u64 run) : words_(study, run, core::Purpose::parents8) {}

  void fill(u32 bound, i64 count, u8* out) {
    const __m512i filter = _mm512_set1_epi8(static_cast<char>(index_mask(bound)));
    const __m512i limit = _mm512_set1_epi8(static_cast<char>(bound));
    while (count > 0) {
      if (at_ == held) words_.refill(), at_ = 0;
      i64 used = held - at_ < 64 ? held - at_ : 64;
      const __m512i unit = _mm512_loadu_si512(reinterpret_cast<const u8*>(words_.word) + at_);
      const __m512i index = _mm512_and_si512(unit, filter);
      const __mmask64 taken = _mm512_mask_cmplt_epu8_mask(~u64{0} >> (64 - used), index, limit);
      i64 found = static_cast<i64>(_mm_popcnt_u64(taken));
      if (found >= count) {
        used = static_cast<i64>(_tzcnt_u64(_pdep_u64(u64{1} << (count - 1), taken))) + 1;
        found = count;
      }
      _mm512_storeu_si512(out, _mm512_maskz_compress_epi8(taken, index));
      at_ += used;
      out += found;
      count -= found;
    }
  }

 private:
  static constexpr i64 held = 4 * WideWords::held;
  WideWords words_;
  i64 at_ = held;
};

class WideShorts {
 public:
  WideShorts(const MemoryStudy& study, u64 run) : words_(study, run, core::Purpose::parents16) {}

  template <class Out>
  void fill(u32 bound, i64 count, Out* out) {
    const __m512i factor = _mm512_set1_epi16(static_cast<short>(bound));
    const __m512i filter = _mm512_set1_epi16(static_cast<short>(0x10000U % bound));
    while (count > 0) {
      if (at_ == held) words_.refill(), at_ = 0;
      i64 used = held - at_ < 32 ? held - at_ : 32;
      const __m512i unit = _mm512_loadu_si512(reinterpret_cast<const u16*>(words_.word) + at_);
      const __mmask32 taken = _mm512_mask_cmpge_epu16_mask(
          ~u32{0} >> (32 - used), _mm512_mullo_epi16(unit, factor), filter);
      const __m512i product = _mm512_mulhi_epu16(unit, factor);
      if (count < 32 && (~taken & ((u32{1} << count) - 1)) == 0) {  // then nothing waits for bits
        store(out, product);
        at_ += count;
        return;
      }
      const __m512i index = _mm512_maskz_compress_epi16(taken, product);
      i64 found = static_cast<i64>(_mm_popcnt_u32(taken));
      if (found >= count) {
        used = static_cast<i64>(_tzcnt_u32(_pdep_u32(u32{1} << (count - 1), taken))) + 1;
        found = count;
      }
      store(out, index);
      at_ += used;
      out += found;
      count -= found;
    }
  }

 private:
  static void store(u8* out, __m512i index) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi16_epi8(index));
  }
  static void store(u16* out, __m512i index) { _mm512_storeu_si512(out, index); }

  static constexpr i64 held = 2 * WideWords::held;
  WideWords words_;
  i64 at_ = held;
};

// The same for draws with a bound each.
class WideStretch {
 public:
  WideStretch(const MemoryStudy& study, u64 run) : words_(study, run, core::Purpose::parents16) {}

  // Places 64 indices, which are right up to the first unit that is refused: how many are.
  // filter: 2^16 modulo the bound.
  i64 draw(const u16* bound, const u16* filter, u16* out) {
    if (at_ > end - 64) refill();
    const u64 low = place(unit_ + at_, bound, filter, out);
    const u64 high = place(unit_ + at_ + 32, bound + 32, filter + 32, out + 32);
    const u64 refused = low | high << 32;
    const auto taken = static_cast<i64>(_tzcnt_u64(refused));
    at_ += taken + (refused != 0);
    return taken;
  }

 private:
  // Bit i: unit i is refused.
  static u64 place(const u16* unit, const u16* bound, const u16* filter, u16* out) {
    const __m512i units = _mm512_loadu_si512(unit), factor = _mm512_loadu_si512(bound);
    _mm512_storeu_si512(out, _mm512_mulhi_epu16(units, factor));
    return _mm512_cmplt_epu16_mask(_mm512_mullo_epi16(units, factor), _mm512_loadu_si512(filter));
  }

  // What is left goes before the new words.
  void refill() {
    const __m512i low = _mm512_loadu_si512(unit_ + at_),
                  high = _mm512_loadu_si512(unit_ + at_ + 32);
    at_ -= end - 64;
    _mm512_storeu_si512(unit_ + at_, low);
    _mm512_storeu_si512(unit_ + at_ + 32, high);
    words_.write(unit_ + 64);
  }

  static constexpr i64 end = 64 + 2 * WideWords::held;
  WideWords words_;
  i64 at_ = end;
  alignas(64) u16 unit_[end + 64];
};

// Draws from p by alias, 64 at a time.
class WideTruth {
 public:
  WideTruth(const MemoryStudy& study, u64 run)
      : table_(study.truth), words_(study, run, core::Purpose::truth) {}

  // The next `count` <= 64 tokens; they are taken by `skip`.
  const i32* ahead(i64 count) {
    if (end_ - at_ < count) {
      for (i64 i = 0; at_ + i < end_; ++i) token_[i] = token_[at_ + i];
      end_ -= at_;
      at_ = 0;
      refill(token_ + end_);
      end_ += 64;
    }
    return token_ + at_;
  }
  void skip(i64 count) { at_ += count; }

 private:
  void refill(i32* out) {
    words_.refill();
    const __m512i size = _mm512_set1_epi64(table_.size);
    for (int e = 0; e < 8; ++e) {
      const __m512i word = _mm512_load_si512(words_.word + 16 * e);
      const __m512i low = _mm512_mul_epu32(word, size);
      const __m512i high = _mm512_mul_epu32(_mm512_srli_epi64(word, 32), size);
      const __m512i column =
          _mm512_srli_epi64(_mm512_add_epi64(high, _mm512_srli_epi64(low, 32)), 32);
      const __m512i fraction = _mm512_add_epi64(low, _mm512_slli_epi64(high, 32));
      const __m512i threshold = _mm512_i64gather_epi64(column, table_.threshold, 8);
      const __m256i alias = _mm512_i64gather_epi32(column, table_.alias, 4);
      const __mmask8 own = _mm512_cmplt_epu64_mask(fraction, threshold);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + 8 * e),
                          _mm256_mask_mov_epi32(alias, own, _mm512_cvtepi64_epi32(column)));
    }
  }

  core::AliasTable table_;
  WideWords words_;
  i64 at_ = 0, end_ = 0;
  i32 token_[128 + 16];
};

}  // namespace
}  // namespace autophage::simd
