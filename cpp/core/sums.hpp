// Exact sums: means over any number of runs, in any order and any sharding, with the same bytes.
//
// A value is an integer (times, support) or a real number in [0, 2], truncated to a multiple of
// 2^-60. The sum of up to 2^38 such integers takes 128 bits, that of their squares 192; no rounding
// happens before the last division.
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

// count * squares - sum^2 as one exact integer, then as a double.
AUTOPHAGE_HD inline double centred_squares(const ExactSum& total, u64 count) {
  u64 scaled[4], square[4];
  multiply_limbs(total.squares, 3, &count, 1, scaled);
  multiply_limbs(total.sum, 2, total.sum, 2, square);
  u64 borrow = 0;
  for (int i = 0; i < 4; ++i) {
    const u64 partial = scaled[i] - square[i];
    const u64 next = static_cast<u64>(scaled[i] < square[i]) | static_cast<u64>(partial < borrow);
    scaled[i] = partial - borrow;
    borrow = next;
  }
  return from_limbs(scaled, 4);
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

}  // namespace autophage::core
