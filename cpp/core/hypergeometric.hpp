// Hypergeometric draws: how many of `part` marked ones are among `taken` drawn without replacement
// from `whole`.
//
// Rejection from a table mountain that dominates every log-concave law (Devroye, Computing 39,
// 1987): f(m + x) <= f(m) min(1, exp(1 - f(m) |x|)) for the mode m. Heights are differences of
// deviances, as in samplers.hpp, and where the law is wide an offset is a cell of 2^shift values
// and the bits inside it, so that 52-bit uniforms reach every value.
#pragma once

#include "samplers.hpp"

namespace autophage::core {

// -ln of the height as a product of two binomials with the same success probability taken / whole,
// over a third.
class HypergeometricHeight {
 public:
  // 0 < part < whole, 0 < taken <= whole / 2.
  AUTOPHAGE_HD HypergeometricHeight(i64 whole, i64 part, i64 taken)
      : part_(part),
        others_(whole - part),
        taken_(taken),
        all_(whole),
        marked_(part, static_cast<double>(taken) / static_cast<double>(whole)),
        unmarked_(whole - part, static_cast<double>(taken) / static_cast<double>(whole)) {}

  AUTOPHAGE_HD i64 least() const { return taken_ > others_ ? taken_ - others_ : 0; }
  AUTOPHAGE_HD i64 most() const { return taken_ < part_ ? taken_ : part_; }

  AUTOPHAGE_HD double exponent(i64 x) const {
    return marked_.exponent(x) + unmarked_.exponent(taken_ - x);
  }

  // The mode, but for rounding of ratios within 1e-15 of one.
  AUTOPHAGE_HD i64 mode() const {
    i64 m = floor_to_integer(static_cast<double>(taken_ + 1) *
                             (static_cast<double>(part_ + 1) / static_cast<double>(all_ + 2)));
    m = m < least() ? least() : m > most() ? most() : m;
    while (m < most() && ratio_above(m) > 1.0 + 1e-15) ++m;
    while (m > least() && ratio_above(m - 1) < 1.0 - 1e-15) --m;
    return m;
  }

  // The probability of x.
  AUTOPHAGE_HD double height(i64 x) const {
    const double p = static_cast<double>(taken_) / static_cast<double>(all_);
    const BinomialHeight all(all_, p);
    const double total = all.exponent(taken_) - stirling_rest(all_);
    return exp(total - (exponent(x) - stirling_rest(part_) - stirling_rest(others_)));
  }

 private:
  AUTOPHAGE_HD double ratio_above(i64 x) const {  // height(x + 1) / height(x)
    return (static_cast<double>(part_ - x) / static_cast<double>(x + 1)) *
           (static_cast<double>(taken_ - x) / static_cast<double>(others_ - taken_ + x + 1));
  }

  i64 part_, others_, taken_, all_;
  BinomialHeight marked_, unmarked_;
};

template <class Source>
AUTOPHAGE_HD i64 draw_hypergeometric_half(i64 whole, i64 part, i64 taken, Source& source) {
  const HypergeometricHeight law(whole, part, taken);
  const i64 mode = law.mode();
  const double peak = law.exponent(mode);
  double flat = 0.999 * law.height(mode);  // a lower bound keeps the hat above the law
  int shift = 0;
  while (flat < 1.0 / 256) {
    flat *= 2.0;
    ++shift;
  }
  const double shoulder = 1.0 + flat;
  for (;;) {
    const double side = source.uniform() * (1.0 + shoulder);
    const double v = source.uniform();
    const bool tail = side > shoulder;
    const double distance = (tail ? shoulder - log(v) : v * shoulder) / flat;
    const double height = source.uniform() * (tail ? v : 1.0);
    const u64 bits = source.next64();
    if (distance > 0x1p40) continue;  // beyond exp(-2^31): no law reaches there
    i64 offset = floor_to_integer(distance);
    if (shift > 0)
      offset = offset * (i64{1} << shift) + static_cast<i64>((bits >> 1) >> (63 - shift));
    const bool below = (bits & 1) != 0;
    if (below && offset == 0) continue;  // the mode belongs to one side only
    const i64 x = below ? mode - offset : mode + offset;
    if (x < law.least() || x > law.most()) continue;
    if (log(height) <= peak - law.exponent(x)) return x;
  }
}

// How many of `part` marked are among `taken` drawn without replacement from `whole`; 0 <= part,
// taken <= whole <= 2^62.
template <class Source>
AUTOPHAGE_HD i64 draw_hypergeometric(i64 whole, i64 part, i64 taken, Source& source) {
  if (part <= 0 || taken <= 0) return 0;
  if (part >= whole) return taken;
  if (taken >= whole) return part;
  if (taken <= whole - taken) return draw_hypergeometric_half(whole, part, taken, source);
  return part - draw_hypergeometric_half(whole, part, whole - taken, source);
}

}  // namespace autophage::core
