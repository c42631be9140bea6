// What the dense algebra asks of a number, for plain double: packs of doubles (simd/pack.hpp) and
// complex numbers (complex.hpp) answer the same calls, lane by lane and part by part.
#pragma once

#include "host_device.hpp"
#include "math.hpp"

namespace autophage::core {

// Real: the type of a part; Mask: one truth a lane; widest_tile: edge of the square of sums that
// still fits the registers; rounding: of a sum, relative; doubled_tile: the same for sums in twice
// the precision.
template <class Number>
struct Kind {
  using Real = Number;
  using Mask = typename Number::Mask;
  static constexpr int lanes = Number::lanes;
  static constexpr double rounding = Number::rounding;
  static constexpr int widest_tile = Number::widest_tile;
  static constexpr int doubled_tile = 2;
};
template <>
struct Kind<double> {
  using Real = double;
  using Mask = bool;
  static constexpr int lanes = 1;
  static constexpr double rounding = 0x1p-53;
  static constexpr int widest_tile = 3;
  static constexpr int doubled_tile = 2;
};

// a b + c; fused on a device, where that is what the hardware does.
AUTOPHAGE_HD inline double multiply_add(double a, double b, double c) {
#if defined(__CUDA_ARCH__)
  return __fma_rn(a, b, c);
#else
  return a * b + c;
#endif
}

// a b - product, exact where product = a b rounded and nothing leaves the range of double.
AUTOPHAGE_HD inline double product_rest(double a, double b, double product) {
#if defined(__CUDA_ARCH__)
  return __fma_rn(a, b, -product);
#else
  // Each factor is cut into halves of 26 bits, whose products are exact.
  const double a_shifted = a * 134217729.0, b_shifted = b * 134217729.0;
  const double a_high = a_shifted - (a_shifted - a), b_high = b_shifted - (b_shifted - b);
  const double a_low = a - a_high, b_low = b - b_high;
  return ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low;
#endif
}

AUTOPHAGE_HD inline double select(bool mask, double a, double b) { return mask ? a : b; }
// The same without a branch, for what no processor guesses.
AUTOPHAGE_HD inline double blend(bool mask, double a, double b) {
  const u64 all = -static_cast<u64>(mask);
  return double_of((bits_of(a) & all) | (bits_of(b) & ~all));
}
AUTOPHAGE_HD inline bool any(bool mask) { return mask; }
AUTOPHAGE_HD inline double larger(double a, double b) { return a > b ? a : b; }
// x without its fraction, for |x| < 2^62.
AUTOPHAGE_HD inline double whole_part(double x) { return static_cast<double>(static_cast<i64>(x)); }
AUTOPHAGE_HD inline double lane_of(double a, int) { return a; }
AUTOPHAGE_HD inline void set_lane(double& a, int, double value) { a = value; }
AUTOPHAGE_HD inline double conjugate(double a) { return a; }
AUTOPHAGE_HD inline double real_part(double a) { return a; }
AUTOPHAGE_HD inline double square_of(double a) { return a * a; }  // |a|^2
AUTOPHAGE_HD inline double size_of(double a) { return absolute(a); }

}  // namespace autophage::core
