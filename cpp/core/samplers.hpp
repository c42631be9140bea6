// Alias tables, binomials and hypergeometrics, each a pure function of its parameters and a source
// of words.
//
// A Source has next64() (64 uniform bits) and uniform() (the 2^52 midpoints of (0, 1)). "Exact"
// means: the law differs from the one named by less than 1e-12 in total variation for n up to 2^53,
// by less than 1e-7 up to 2^62; what is left is the rounding of a uniform and of an accept ratio.
// Which algorithm draws depends on the parameters alone.
#pragma once

#include "math.hpp"

namespace autophage::core {

// Walker's alias table over `size` columns: column j keeps itself when the fraction is below
// threshold[j], else gives alias[j].
struct AliasTable {
  i32 size;
  const u64* threshold;
  const i32* alias;
};

// Draws from the table with one word w: the column is the high half of w * size, the fraction its
// low half. Every column has 2^64 / size words to within one, so the law is that of the table to
// size 2^-64.
template <class Source>
AUTOPHAGE_HD i32 draw_alias(const AliasTable& table, Source& source) {
  const u64 word = source.next64();
  const u64 size = static_cast<u64>(table.size);
  const auto column = static_cast<i32>(multiply_high(word, size));
  const i32 alias = table.alias[column];
  // By arithmetic: a branch here would be a coin that no processor guesses.
  const i32 own = -static_cast<i32>(word * size < table.threshold[column]);
  return alias ^ ((alias ^ column) & own);
}

// Fills `threshold` and `alias` for the law weight / sum(weight); `stack` holds size entries.
// weight > 0 is overwritten. Vose's method, small columns from the front of `stack`, large ones
// from its back.
AUTOPHAGE_HD inline void build_alias(double* weight, i32 size, u64* threshold, i32* alias,
                                     i32* stack) {
  double sum = 0.0;
  for (i32 i = 0; i < size; ++i) sum += weight[i];
  i32 small = 0, large = size;
  for (i32 i = 0; i < size; ++i) {
    weight[i] = weight[i] / sum * size;
    if (weight[i] < 1.0) {
      stack[small++] = i;
    } else {
      stack[--large] = i;
    }
    threshold[i] = ~u64{0};
    alias[i] = i;
  }
  while (small > 0 && large < size) {
    const i32 low = stack[--small];
    const i32 high = stack[large];
    threshold[low] = static_cast<u64>(weight[low] * 0x1p64);
    alias[low] = high;
    weight[high] -= 1.0 - weight[low];
    if (weight[high] < 1.0) {
      ++large;
      stack[small++] = high;
    }
  }
}

// Heights of the Binomial(n, p) law relative to the height at `mode`, right up to n = 2^62: the
// mean is an integer mode plus an exact rest, and the logarithm a difference of deviances, not of
// log-factorials (those lose 8 there).
struct BinomialHeight {
  i64 n, mode;  // mode = floor((n + 1) p)
  double p, q;
  double mode_less_mean;  // mode - n p, in (-1, 1]
  double mean, rest;      // n p and n q

  // 0 < p <= 1/2, n >= 1. The law is that of p + more, where `more` is at most the rounding of p.
  AUTOPHAGE_HD BinomialHeight(i64 n_, double p_, double more = 0.0)
      : n(n_),
        p(p_),
        q(1.0 - p_),
        mean(static_cast<double>(n_) * p_),
        rest(static_cast<double>(n_) * q) {
    i64 whole = static_cast<i64>(mean);
    double fraction = mean - static_cast<double>(whole);
    if (n > small_n) {  // below, rounding of n p moves no height by more than 1e-12
      const ExactProduct exact(n, p);
      whole = exact.whole;
      fraction = exact.fraction + static_cast<double>(n) * more;
    }
    const i64 step = floor_to_integer(fraction + p);
    mode = whole + step;
    mode_less_mean = static_cast<double>(step) - fraction;
  }

  // Whether height <= f(k) / f(mode).
  AUTOPHAGE_HD bool covers(i64 k, double height) const {
    const i64 distance = k > mode ? k - mode : mode - k;
    if (n <= small_n && distance <= 32) {  // products below 2^640: no logarithm needed
      double up = 1.0, down = 1.0;
      const i64 from = k > mode ? mode : k;
      for (i64 i = from + 1; i <= from + distance; ++i) {
        up *= static_cast<double>(n - i + 1) * p;
        down *= static_cast<double>(i) * q;
      }
      return k > mode ? height * down <= up : height * up <= down;
    }
    return core::log(height) <= exponent(mode) - exponent(k);
  }

  // -ln f(k) but for what does not depend on k.
  AUTOPHAGE_HD double exponent(i64 k) const {
    const double offset = static_cast<double>(k - mode) + mode_less_mean;
    return mean * deviance(offset / mean) + rest * deviance(-offset / rest) + stirling_rest(k) +
           stirling_rest(n - k);
  }

  static constexpr i64 small_n = i64{1} << 20;
};

// Inversion from 0, for n p < 10 and p <= 1/2: one uniform, on average n p + 1 steps.
template <class Source>
AUTOPHAGE_HD i64 binomial_by_inversion(i64 n, double p, Source& source) {
  const double q = 1.0 - p;
  double none = 1.0;  // q^n
  if (n <= 1024) {    // squarings lose n 2^-53: 1e-13
    double base = q;
    for (u64 rest = static_cast<u64>(n); rest > 0; rest >>= 1, base *= base) {
      const u64 skip =
          (rest & 1) - 1;  // all ones where the bit is clear: a factor of 1, without a branch
      none *= double_of((bits_of(base) & ~skip) | (bits_of(1.0) & skip));
    }
  } else {
    none = exp(static_cast<double>(n) * log1p(-p));
  }
  const double odds = p / q;
  for (;;) {
    double u = source.uniform();
    double mass = none;
    for (i64 x = 0; x <= n && x < 256; ++x) {  // n p < 10: P(X >= 256) < 1e-200
      if (u < mass) return x;
      u -= mass;
      mass *= static_cast<double>(n - x) * odds / static_cast<double>(x + 1);
    }
    // Only rounding of the sum of all masses leads here (probability about 1e-16): draw again.
  }
}

// Transformed rejection for n p >= 10, p <= 1/2: Hormann's BTRS (J. Stat. Comput. Simul. 46, 1993).
// A uniform u, bent by (2 a / us + b) u with us = 1/2 - |u|, is a count relative to the mean; most
// are accepted by the box us >= .07, v <= inside alone.
struct Bent {
  double a, b, inside, alpha;
  AUTOPHAGE_HD Bent(double deviation, double p)
      : a(-0.0873 + 0.0248 * (1.15 + 2.53 * deviation) + 0.01 * p),
        b(1.15 + 2.53 * deviation),
        inside(0.92 - 4.2 / b),
        alpha((2.83 + 5.1 / b) * deviation) {}
  AUTOPHAGE_HD double height(double us, double v) const { return v * alpha / (a / (us * us) + b); }
};

// Standard deviation below 256. Counts are offsets from the whole part of the mean less 4096:
// nothing is accepted 16 deviations below it.
template <class Source>
AUTOPHAGE_HD i64 binomial_narrow(i64 n, double p, double deviation, Source& source) {
  const double mean = static_cast<double>(n) * p;
  const Bent bent(deviation, p);
  const i64 whole = static_cast<i64>(mean);
  const double shifted = (mean - static_cast<double>(whole)) + 4096.5;
  for (;;) {
    const double u = source.uniform() - 0.5;
    const double v = source.uniform();
    const double us = 0.5 - absolute(u);
    const double position = (2.0 * bent.a / us + bent.b) * u + shifted;
    const i64 k = whole - 4096 + static_cast<i64>(position);
    if (us >= 0.07 && v <= bent.inside) return k;
    if (position < 0.0 || k < 0 || k > n) continue;
    if (BinomialHeight(n, p).covers(k, bent.height(us, v))) return k;
  }
}

// Thousands of deviations away: no law is there.
inline constexpr i64 far_cell = i64{1} << 20;

// Any deviation from 256 on: BTRS picks a cell of 2^shift counts, further bits the count inside it,
// because a 52-bit uniform alone could not reach all of up to 2^31 counts evenly. Counts are
// integer offsets from the integer mode. A deviation is at least 128 cells: with 64, the near end
// of a cell would rise above the hat over its far end by 2e-3.
template <class Source>
AUTOPHAGE_HD i64 binomial_wide(i64 n, double p, double more, double deviation, Source& source) {
  const BinomialHeight law(n, p, more);
  int shift = 0;
  while (deviation >= 256.0) {
    deviation *= 0.5;
    ++shift;
  }
  const Bent bent(deviation, p);
  const double center = (0.5 - law.mode_less_mean) / static_cast<double>(i64{1} << shift);
  for (;;) {
    const double u = source.uniform() - 0.5;
    const double v = source.uniform();
    const double us = 0.5 - absolute(u);
    const i64 cell = floor_to_integer((2.0 * bent.a / us + bent.b) * u + center);
    const auto inside = static_cast<i64>(source.next64() >> (64 - shift));
    if (cell < -far_cell || cell > far_cell) continue;
    const i64 k = law.mode + cell * (i64{1} << shift) + inside;
    if (us >= 0.07 && v <= bent.inside) return k;
    if (k < 0 || k > n) continue;
    if (law.covers(k, bent.height(us, v))) return k;
  }
}

// Binomial(n, p + more) for p <= 1/2; `more` is at most the rounding of p, which only a wide law
// feels.
template <class Source>
AUTOPHAGE_HD i64 draw_rare(i64 n, double p, double more, Source& source) {
  const double mean = static_cast<double>(n) * p;
  if (mean < 10.0) return binomial_by_inversion(n, p, source);
  const double deviation = square_root(mean * (1.0 - p));
  return deviation < 256.0 ? binomial_narrow(n, p, deviation, source)
                           : binomial_wide(n, p, more, deviation, source);
}

// Binomial(n, p + more), 0 <= n <= 2^62, any p: exactly 0 at p <= 0 and n at p >= 1. `more` is what
// rounding took from p.
template <class Source>
AUTOPHAGE_HD i64 draw_binomial(i64 n, double p, Source& source, double more = 0.0) {
  if (n <= 0 || p <= 0.0) return 0;
  if (p >= 1.0) return n;
  const double smaller = p <= 0.5 ? p : 1.0 - p;  // exact above 1/2
  const i64 x = draw_rare(n, smaller, p <= 0.5 ? more : -more, source);
  return p <= 0.5 ? x : n - x;
}

// Binomial(n, part / whole) with 0 <= part <= whole integers: the complement is as exact as the
// share, and for large n what rounding takes from the share is given back.
template <class Source>
AUTOPHAGE_HD i64 draw_binomial_share(i64 n, i64 part, i64 whole, Source& source) {
  if (n <= 0 || part <= 0) return 0;
  if (part >= whole) return n;
  const bool flipped = part > whole - part;
  const i64 rare = flipped ? whole - part : part;
  const double p = static_cast<double>(rare) / static_cast<double>(whole);
  double more = 0.0;
  if (n > BinomialHeight::small_n) {
    const ExactProduct product(whole, p);
    more =
        (static_cast<double>(rare - product.whole) - product.fraction) / static_cast<double>(whole);
  }
  const i64 x = draw_rare(n, p, more, source);
  return flipped ? n - x : x;
}

// Binomial(n, p) given that it is at least 1; n >= 1, p > 0.
template <class Source>
AUTOPHAGE_HD i64 draw_positive_binomial(i64 n, double p, Source& source) {
  if (static_cast<double>(n) * p >= 0.1) {
    for (;;) {
      const i64 x = draw_binomial(n, p, source);
      if (x > 0) return x;
    }
  }
  // n p < .1: inversion over 1, 2, ... with masses relative to that of 1; 24 terms leave less than
  // 1e-40.
  const double odds = p / (1.0 - p);
  double mass = 1.0, total = 0.0;
  for (i64 x = 1; x <= n && x < 25; ++x) {
    total += mass;
    mass *= static_cast<double>(n - x) * odds / static_cast<double>(x + 1);
  }
  double u = source.uniform() * total;
  mass = 1.0;
  for (i64 x = 1; x < n && x < 24; ++x) {
    if (u < mass) return x;
    u -= mass;
    mass *= static_cast<double>(n - x) * odds / static_cast<double>(x + 1);
  }
  return n < 24 ? n : 24;
}

}  // namespace autophage::core
