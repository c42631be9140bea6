// Exact sums: means over any number of runs, in any order and any sharding, with the same bytes.
//
// A value is an integer (times, support) or a real number in [0, 2], truncated to a multiple of
// 2^-60. The sum of up to 2^38 such integers takes 128 bits, that of their squares 192; no rounding
// happens before the last division. Real numbers of either sign up to 2^62 take 192 bits (161, in
// two's complement) and 384 (282).
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

// Sums of real numbers of either sign.
struct SignedSum {
  static constexpr double limit = 0x1p62;  // of what is added, in size

  u64 sum[3] = {0, 0, 0};
  u64 squares[6] = {0, 0, 0, 0, 0, 0};

  AUTOPHAGE_HD void add(double x) {
    u64 size[3] = {0, 0, 0};
    const double positive = absolute(x);
    if (positive < 8.0) {
      size[0] = to_fixed(positive);
    } else {  // a multiple of 2^-60 already: 53 bits, shifted
      const u64 bits = bits_of(positive);
      const u64 digits = (bits & 0x000fffffffffffffULL) | 0x0010000000000000ULL;
      const int shift = static_cast<int>(bits >> 52) - 1023 - 52 + 60;  // 11 .. 70
      size[0] = shift < 64 ? digits << shift : 0;
      size[1] = shift < 64 ? digits >> (64 - shift) : digits << (shift - 64);
    }
    u64 square[4];
    multiply_limbs(size, 2, size, 2, square);
    add_limbs(squares, 6, square, 4);
    if (x < 0) negate_limbs(size, 3);
    add_limbs(sum, 3, size, 3);
  }
};

AUTOPHAGE_HD inline double mean_of(const SignedSum& total, u64 count, double scale) {
  if (count == 0) return double_of(0x7ff8000000000000ULL);
  SignedSum copy = total;
  const bool negative = copy.sum[2] >> 63 != 0;
  if (negative) negate_limbs(copy.sum, 3);
  const double size = from_limbs(copy.sum, 3) / static_cast<double>(count) / scale;
  return negative ? -size : size;
}
AUTOPHAGE_HD inline double variance_of(const SignedSum& total, u64 count, double scale) {
  if (count < 2) return double_of(0x7ff8000000000000ULL);
  SignedSum copy = total;
  if (copy.sum[2] >> 63 != 0) negate_limbs(copy.sum, 3);
  const double n = static_cast<double>(count);
  return centred_squares<3, 6>(copy.sum, copy.squares, count) / (n * (n - 1.0)) / (scale * scale);
}

}  // namespace autophage::core
