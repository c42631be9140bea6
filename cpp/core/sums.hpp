// Exact sums: means over any number of runs, in any order and any sharding, with the same bytes.
//
// A value is an integer (times, support) or a real number in [0, 2], truncated to a multiple of
// 2^-60. The sum of up to 2^38 such integers takes 128 bits, that of their squares 192; no rounding
// happens before the last division. Real numbers of either sign up to 2^62, which may also be
// small, are truncated to multiples of 2^-124: whatever is above 2^-72 keeps all its digits. Their
// sums take 256 bits (225, in two's complement) and 448 (410).
#pragma once

#include "math.hpp"

namespace autophage::core {

inline constexpr double fixed_point = 0x1p60;

AUTOPHAGE_HD inline u64 to_fixed(double x) { return static_cast<u64>(x * fixed_point); }

// limbs[0 .. size) += value[0 .. count), least limb first, modulo 2^(64 size).
AUTOPHAGE_HD inline void add_limbs(u64* limbs, int size, const u64* value, int count) {
  u64 carry = 0;
  for (int i = 0; i < size; ++i) {
    const u64 addend = i < count ? value[i] : 0;
    const u64 partial = limbs[i] + addend;
    const u64 total = partial + carry;
    carry = static_cast<u64>(partial < addend) | static_cast<u64>(total < partial);
    limbs[i] = total;
  }
}

struct ExactSum {
  u64 sum[2] = {0, 0};
  u64 squares[3] = {0, 0, 0};

  AUTOPHAGE_HD void add(u64 x) {
    add_limbs(sum, 2, &x, 1);
    const u64 square[2] = {x * x, multiply_high(x, x)};
    add_limbs(squares, 3, square, 2);
  }
  AUTOPHAGE_HD void add(const ExactSum& other) {
    add_limbs(sum, 2, other.sum, 2);
    add_limbs(squares, 3, other.squares, 3);
  }
};

// limbs[0 .. size) = -limbs, modulo 2^(64 size).
AUTOPHAGE_HD inline void negate_limbs(u64* limbs, int size) {
  const u64 one = 1;
  for (int i = 0; i < size; ++i) limbs[i] = ~limbs[i];
  add_limbs(limbs, size, &one, 1);
}

AUTOPHAGE_HD inline double from_limbs(const u64* limbs, int size) {
  double value = 0.0;
  for (int i = size - 1; i >= 0; --i) value = value * 0x1p64 + static_cast<double>(limbs[i]);
  return value;
}

// product[0 .. n + m) = a[0 .. n) * b[0 .. m).
AUTOPHAGE_HD inline void multiply_limbs(const u64* a, int n, const u64* b, int m, u64* product) {
  for (int i = 0; i < n + m; ++i) product[i] = 0;
  for (int i = 0; i < n; ++i) {
    for (int j = 0; j < m; ++j) {
      const u64 part[2] = {a[i] * b[j], multiply_high(a[i], b[j])};
      add_limbs(product + i + j, n + m - i - j, part, 2);
    }
  }
}

// count * squares - sum^2 as one exact integer, then as a double; sum >= 0.
template <int sum_limbs, int square_limbs>
AUTOPHAGE_HD double centred_squares(const u64* sum, const u64* squares, u64 count) {
  constexpr int size = square_limbs + 1;
  static_assert(2 * sum_limbs <= size);
  u64 scaled[size], square[size] = {};
  multiply_limbs(squares, square_limbs, &count, 1, scaled);
  multiply_limbs(sum, sum_limbs, sum, sum_limbs, square);
  u64 borrow = 0;
  for (int i = 0; i < size; ++i) {
    const u64 partial = scaled[i] - square[i];
    const u64 next = static_cast<u64>(scaled[i] < square[i]) | static_cast<u64>(partial < borrow);
    scaled[i] = partial - borrow;
    borrow = next;
  }
  return from_limbs(scaled, size);
}
AUTOPHAGE_HD inline double centred_squares(const ExactSum& total, u64 count) {
  return centred_squares<2, 3>(total.sum, total.squares, count);
}

// Mean and variance (ddof 1) of `count` values summed in units of 1 / scale; NaN where there are
// too few.
AUTOPHAGE_HD inline double mean_of(const ExactSum& total, u64 count, double scale) {
  return count > 0 ? from_limbs(total.sum, 2) / static_cast<double>(count) / scale
                   : double_of(0x7ff8000000000000ULL);
}
AUTOPHAGE_HD inline double variance_of(const ExactSum& total, u64 count, double scale) {
  if (count < 2) return double_of(0x7ff8000000000000ULL);
  const double n = static_cast<double>(count);
  return centred_squares(total, count) / (n * (n - 1.0)) / (scale * scale);
}

// limbs[0 .. size) += (low + 2^64 high) 2^shift, which must fit.
AUTOPHAGE_HD inline void add_shifted(u64* limbs, int size, u64 low, u64 high, int shift) {
  const int word = shift / 64, bit = shift % 64;
  const u64 parts[3] = {low << bit, bit > 0 ? low >> (64 - bit) | high << bit : high,
                        bit > 0 ? high >> (64 - bit) : 0};
  const int room = size - word;
  add_limbs(limbs + word, room, parts, room < 3 ? room : 3);
}

// Sums of real numbers of either sign.
struct SignedSum {
  static constexpr double limit = 0x1p62;  // of what is added, in size
  static constexpr double scale = 0x1p124;

  u64 sum[4] = {};
  u64 squares[7] = {};

  AUTOPHAGE_HD void add(double x) {
    const u64 bits = bits_of(absolute(x));
    u64 digits = (bits & 0x000fffffffffffffULL) | 0x0010000000000000ULL;
    int shift = static_cast<int>(bits >> 52) - 1023 - 52 + 124;  // at most 134
    if (shift < 0) {
      digits = shift > -53 ? digits >> -shift : 0;
      shift = 0;
    }
    u64 term[4] = {};
    add_shifted(term, 4, digits, 0, shift);
    if (x < 0) negate_limbs(term, 4);
    add_limbs(sum, 4, term, 4);
    add_shifted(squares, 7, digits * digits, multiply_high(digits, digits), 2 * shift);
  }
};

AUTOPHAGE_HD inline double mean_of(const SignedSum& total, u64 count, double scale) {
  if (count == 0) return double_of(0x7ff8000000000000ULL);
  SignedSum copy = total;
  const bool negative = copy.sum[3] >> 63 != 0;
  if (negative) negate_limbs(copy.sum, 4);
  const double size = from_limbs(copy.sum, 4) / static_cast<double>(count) / scale;
  return negative ? -size : size;
}
AUTOPHAGE_HD inline double variance_of(const SignedSum& total, u64 count, double scale) {
  if (count < 2) return double_of(0x7ff8000000000000ULL);
  SignedSum copy = total;
  if (copy.sum[3] >> 63 != 0) negate_limbs(copy.sum, 4);
  const double n = static_cast<double>(count);
  return centred_squares<4, 7>(copy.sum, copy.squares, count) / (n * (n - 1.0)) / (scale * scale);
}

}  // namespace autophage::core
