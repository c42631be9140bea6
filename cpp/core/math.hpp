// exp, log, log1p and log-factorial in IEEE + - * / alone, so that every compiler and device gives
// the same bits.
//
// The libraries' own versions differ in the last place between C libraries and CUDA; a sampler
// whose accept step calls them would fork a run on such a difference. Accuracy here: below 1 ulp
// for exp, log and log1p on the ranges that the samplers use (tests/core/math_test.cpp compares
// with long double), which is more than an accept step needs.
#pragma once

#include "host_device.hpp"

namespace autophage::core {

// High half of the 128-bit product of two 64-bit words.
AUTOPHAGE_HD inline u64 multiply_high(u64 a, u64 b) {
#if defined(__CUDA_ARCH__)
  return __umul64hi(a, b);
#elif defined(__SIZEOF_INT128__)
  __extension__ using u128 = unsigned __int128;
  return static_cast<u64>((static_cast<u128>(a) * b) >> 64);
#else
  const u64 a0 = a & 0xffffffffU, a1 = a >> 32, b0 = b & 0xffffffffU, b1 = b >> 32;
  const u64 middle = a1 * b0 + ((a0 * b0) >> 32);
  const u64 carry = a0 * b1 + (middle & 0xffffffffU);
  return a1 * b1 + (middle >> 32) + (carry >> 32);
#endif
}

AUTOPHAGE_HD inline u64 bits_of(double x) {
#if defined(__CUDA_ARCH__)
  return static_cast<u64>(__double_as_longlong(x));
#else
  return __builtin_bit_cast(u64, x);
#endif
}

AUTOPHAGE_HD inline double double_of(u64 bits) {
#if defined(__CUDA_ARCH__)
  return __longlong_as_double(static_cast<i64>(bits));
#else
  return __builtin_bit_cast(double, bits);
#endif
}

AUTOPHAGE_HD inline double absolute(double x) { return x < 0 ? -x : x; }

AUTOPHAGE_HD inline double square_root(double x) {
#if defined(__CUDA_ARCH__)
  return __dsqrt_rn(x);
#else
  return __builtin_sqrt(x);
#endif
}

// Largest integer not above x, for |x| < 2^62.
AUTOPHAGE_HD inline i64 floor_to_integer(double x) {
  const i64 truncated = static_cast<i64>(x);
  return truncated - (static_cast<double>(truncated) > x);
}

// ln 2 in two parts; the first has 32 significant bits, so that k * ln2_high is exact for |k| <
// 2^20.
inline constexpr double ln2_high = 0x1.62e42feep-1;
inline constexpr double ln2_low = 0x1.a39ef35793c76p-33;

// k ln 2 + ln(1 + f) + rest for 1 + f in [1/sqrt 2, sqrt 2] and a small rest:
// ln(1 + f) = f - f^2/2 + s (f^2/2 + R), s = f / (2 + f), R = sum_{k>=1} 2 s^{2k} / (2k + 1);
// |s| <= .1716, so eleven terms leave less than 2^-58. f comes last: what is before it is small.
AUTOPHAGE_HD inline double log_series(double f, double k, double rest) {
  const double s = f / (2.0 + f);
  const double z = s * s;
  const double w = z * z;
  const double even =
      2.0 / 3 + w * (2.0 / 7 + w * (2.0 / 11 + w * (2.0 / 15 + w * (2.0 / 19 + w * (2.0 / 23)))));
  const double odd = 2.0 / 5 + w * (2.0 / 9 + w * (2.0 / 13 + w * (2.0 / 17 + w * (2.0 / 21))));
  const double half_square = 0.5 * f * f;
  const double low = s * (half_square + z * (even + z * odd)) + (k * ln2_low + rest);
  return k * ln2_high - ((half_square - low) - f);
}

// ln(x + rest) for finite x > 0, subnormal included; |rest| is at most an ulp of x.
AUTOPHAGE_HD inline double log_near(double x, double rest) {
  const double relative = rest / x;
  int exponent = 0;
  if (x < 0x1p-1022) {
    x *= 0x1p54;
    exponent = -54;
  }
  u64 bits = bits_of(x);
  // 0x3fe6a09e... is 1/sqrt 2: after this shift the mantissa lies in [1/sqrt 2, sqrt 2).
  const u64 shifted = bits - 0x3fe6a09e667f3bcdULL;
  exponent += static_cast<int>(static_cast<i64>(shifted) >> 52);
  bits -= shifted & 0xfff0000000000000ULL;
  return log_series(double_of(bits) - 1.0, exponent, relative);
}

// ln x for finite x > 0, subnormal included.
AUTOPHAGE_HD inline double log(double x) { return log_near(x, 0.0); }

// ln(1 + x) for x > -1, accurate for small x.
AUTOPHAGE_HD inline double log1p(double x) {
  if (x > -0.29 && x < 0.41) return log_series(x, 0.0, 0.0);
  const double u = 1.0 + x;
  return log_near(u, x - (u - 1.0));  // the second argument is what rounding took from 1 + x
}

// e^x for x <= 700; 0 below -745.
AUTOPHAGE_HD inline double exp(double x) {
  if (x < -745.0) return 0.0;
  const i64 k = floor_to_integer(x * 0x1.71547652b82fep+0 + 0.5);
  const double scale = static_cast<double>(k);
  const double r = (x - scale * ln2_high) - scale * ln2_low;  // |r| <= .347
  // Taylor's series to r^14 (the rest is below 2^-60), summed in two interleaved halves.
  const double z = r * r;
  const double even =
      1.0 / 2 +
      z * (1.0 / 24 +
           z * (1.0 / 720 + z * (1.0 / 40320 +
                                 z * (1.0 / 3628800 + z * (1.0 / 479001600 + z / 87178291200.0)))));
  const double odd =
      1.0 / 6 + z * (1.0 / 120 + z * (1.0 / 5040 + z * (1.0 / 362880 +
                                                        z * (1.0 / 39916800 + z / 6227020800.0))));
  const double value = 1.0 + (r + z * (even + r * odd));
  if (k < -1021) return value * double_of(static_cast<u64>(k + 1000 + 1023) << 52) * 0x1p-1000;
  return value * double_of(static_cast<u64>(k + 1023) << 52);
}

// (1 + y) ln(1 + y) - y for y >= -1: the deviance of a count from its mean, per unit of the mean.
AUTOPHAGE_HD inline double deviance(double y) {
  if (y <= -1.0) return 1.0;
  if (absolute(y) > 0.1) return (1.0 + y) * log1p(y) - y;
  // With s = y / (2 + y): ln(1 + y) = 2 (s + s^3/3 + ..) and y = 2 s / (1 - s), so the value is
  // y s + (2 + 2 y) (s^3/3 + s^5/5 + ..); no difference of near equals is left. |s| <= .053.
  const double s = y / (2.0 + y);
  const double z = s * s;
  const double series =
      1.0 / 3 + z * (1.0 / 5 + z * (1.0 / 7 + z * (1.0 / 9 + z * (1.0 / 11 + z * (1.0 / 13)))));
  return y * s + 2.0 * (1.0 + y) * (s * z * series);
}

// ln k! - (k ln k - k), which tends to ln(2 pi k) / 2; 0 at k = 0.
AUTOPHAGE_HD inline double stirling_rest(i64 k) {
  constexpr double small[16] = {
      0.0,
      1.0,
      1.3068528194400546906,
      1.4959226032237259266,
      1.6328763858683831443,
      1.7403021806115441212,
      1.8286943966417709902,
      1.9037903176782211644,
      1.9690705693065628024,
      2.0268062840554951661,
      2.078561643135058455,
      2.1254598450918098546,
      2.1683346982058824268,
      2.2078222061234453169,
      2.2444185681250608968,
      2.2785183673077405761,
  };
  if (k < 16) return small[k];
  const double x = static_cast<double>(k);
  const double inverse = 1.0 / x;
  const double z = inverse * inverse;
  const double correction =
      inverse * (1.0 / 12 - z * (1.0 / 360 -
                                 z * (1.0 / 1260 -
                                      z * (1.0 / 1680 - z * (1.0 / 1188 - z * (691.0 / 360360))))));
  return 0.5 * log(6.283185307179586477 * x) + correction;
}

// n p as an integer and a fraction that may lie some hundreds outside [0, 1), together exact to
// 2^-44.
struct ExactProduct {
  i64 whole;
  double fraction;

  AUTOPHAGE_HD ExactProduct(i64 n, double p) {
    const i64 upper = n & ~i64{0x7fffffff};
    const Dekker low(static_cast<double>(n - upper), p), high(static_cast<double>(upper), p);
    const i64 whole_low = static_cast<i64>(low.high), whole_high = static_cast<i64>(high.high);
    whole = whole_low + whole_high;
    fraction = (low.high - static_cast<double>(whole_low)) + low.low;
    fraction += (high.high - static_cast<double>(whole_high)) + high.low;
  }

 private:
  struct Dekker {
    double high, low;  // high + low = a * b but for 2^-106
    AUTOPHAGE_HD Dekker(double a, double b) : high(a * b) {
      const double a1 = upper_half(a), a2 = a - a1, b1 = upper_half(b), b2 = b - b1;
      low = ((a1 * b1 - high) + a1 * b2 + a2 * b1) + a2 * b2;
    }
    AUTOPHAGE_HD static double upper_half(double x) {
      return double_of(bits_of(x) & ~u64{0x7ffffff});
    }
  };
};

}  // namespace autophage::core
