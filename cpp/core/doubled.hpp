// Numbers of twice the precision: unevaluated sums high + low of two doubles (or packs), with about
// 104 bits. For the few equations that plain doubles cannot solve.
#pragma once

#include "complex.hpp"

namespace autophage::core {

template <class R>
struct Doubled {
  using Mask = typename Kind<R>::Mask;
  static constexpr int lanes = Kind<R>::lanes;
  static constexpr int widest_tile = 1;
  static constexpr double rounding = 0x1p-103;
  R high{}, low{};
  Doubled() = default;
  AUTOPHAGE_HD explicit Doubled(double value) : high(value), low(0.0) {}
  AUTOPHAGE_HD Doubled(const R& first, const R& second) : high(first), low(second) {}
};

// a + b for |a| >= |b|, or nearly so.
template <class R>
AUTOPHAGE_HD inline Doubled<R> joined(const R& a, const R& b) {
  const R sum = a + b;
  return {sum, b - (sum - a)};
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> operator+(const Doubled<R>& a, const Doubled<R>& b) {
  const R sum = a.high + b.high;
  const R added = sum - a.high;
  const R rest = (a.high - (sum - added)) + (b.high - added);
  const R low = a.low + b.low;
  const R added_low = low - a.low;
  const R rest_low = (a.low - (low - added_low)) + (b.low - added_low);
  const Doubled<R> first = joined(sum, rest + low);
  return joined(first.high, first.low + rest_low);
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> operator-(const Doubled<R>& a) {
  return {-a.high, -a.low};
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> operator-(const Doubled<R>& a, const Doubled<R>& b) {
  return a + (-b);
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> operator*(const Doubled<R>& a, const Doubled<R>& b) {
  const R product = a.high * b.high;
  const R rest = product_rest(a.high, b.high, product);
  return joined(product, rest + (a.high * b.low + a.low * b.high));
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> operator/(const Doubled<R>& a, const Doubled<R>& b) {
  const R first = a.high / b.high;
  const Doubled<R> rest = a - b * Doubled<R>(first, R(0.0));
  return joined(first, rest.high / b.high);
}
template <class R>
AUTOPHAGE_HD inline typename Kind<R>::Mask operator<=(const Doubled<R>& a, const Doubled<R>& b) {
  return a.high <= b.high;
}
template <class R>
AUTOPHAGE_HD inline typename Kind<R>::Mask operator>(const Doubled<R>& a, const Doubled<R>& b) {
  return a.high > b.high;
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> multiply_add(const Doubled<R>& a, const Doubled<R>& b,
                                            const Doubled<R>& c) {
  return a * b + c;
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> select(typename Kind<R>::Mask mask, const Doubled<R>& a,
                                      const Doubled<R>& b) {
  return {select(mask, a.high, b.high), select(mask, a.low, b.low)};
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> larger(const Doubled<R>& a, const Doubled<R>& b) {
  return select(a > b, a, b);
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> conjugate(const Doubled<R>& a) {
  return a;
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> real_part(const Doubled<R>& a) {
  return a;
}
template <class R>
AUTOPHAGE_HD inline Doubled<R> square_of(const Doubled<R>& a) {
  return a * a;
}

// The number of twice the precision for a number, and the ways there and back.
template <class Number>
struct Wide {
  using Type = Doubled<Number>;
  AUTOPHAGE_HD static Type of(const Number& a) { return {a, Number(0.0)}; }
  AUTOPHAGE_HD static Number back(const Type& a) { return a.high; }
};
template <class Real>
struct Wide<Complex<Real>> {
  using Type = Complex<Doubled<Real>>;
  AUTOPHAGE_HD static Type of(const Complex<Real>& a) {
    return {Wide<Real>::of(a.re), Wide<Real>::of(a.im)};
  }
  AUTOPHAGE_HD static Complex<Real> back(const Type& a) { return {a.re.high, a.im.high}; }
};

// No change of precision.
template <class Number>
struct Same {
  using Type = Number;
  AUTOPHAGE_HD static const Number& of(const Number& a) { return a; }
  AUTOPHAGE_HD static const Number& back(const Number& a) { return a; }
};

}  // namespace autophage::core
