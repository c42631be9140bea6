// Complex numbers over a real type that may be a pack of lanes.
#pragma once

#include "numbers.hpp"

namespace autophage::core {

template <class Real>
struct Complex {
  Real re{}, im{};
  Complex() = default;
  AUTOPHAGE_HD Complex(const Real& real, const Real& imaginary) : re(real), im(imaginary) {}
  AUTOPHAGE_HD explicit Complex(double real) : re(real), im(0.0) {}
};

template <class Real>
AUTOPHAGE_HD inline Complex<Real> operator+(const Complex<Real>& a, const Complex<Real>& b) {
  return {a.re + b.re, a.im + b.im};
}
template <class Real>
AUTOPHAGE_HD inline Complex<Real> operator-(const Complex<Real>& a, const Complex<Real>& b) {
  return {a.re - b.re, a.im - b.im};
}

template <class Real>
AUTOPHAGE_HD inline Complex<Real> operator*(const Complex<Real>& a, const Complex<Real>& b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
template <class Real>
AUTOPHAGE_HD inline Complex<Real> operator*(const Real& a, const Complex<Real>& b) {
  return {a * b.re, a * b.im};
}

template <class R>
struct Kind<Complex<R>> {
  using Real = R;
  using Mask = typename Kind<R>::Mask;
  static constexpr int lanes = Kind<R>::lanes;
  static constexpr double rounding = Kind<R>::rounding;
  // Two registers a sum: half the sums.
  static constexpr int widest_tile = Kind<R>::widest_tile > 3   ? 3
                                     : Kind<R>::widest_tile > 1 ? 2
                                                                : 1;
  static constexpr int doubled_tile = 1;
};

template <class Real>
AUTOPHAGE_HD inline Complex<Real> multiply_add(const Complex<Real>& a, const Complex<Real>& b,
                                               const Complex<Real>& c) {
  return {multiply_add(-a.im, b.im, multiply_add(a.re, b.re, c.re)),
          multiply_add(a.im, b.re, multiply_add(a.re, b.im, c.im))};
}

template <class Real, class Mask>
AUTOPHAGE_HD inline Complex<Real> select(const Mask& mask, const Complex<Real>& a,
                                         const Complex<Real>& b) {
  return {select(mask, a.re, b.re), select(mask, a.im, b.im)};
}

template <class Real>
AUTOPHAGE_HD inline Complex<Real> conjugate(const Complex<Real>& a) {
  return {a.re, -a.im};
}
template <class Real>
AUTOPHAGE_HD inline Complex<Real> real_part(const Complex<Real>& a) {
  return {a.re, Real(0.0)};
}
template <class Real>
AUTOPHAGE_HD inline Real square_of(const Complex<Real>& a) {
  return a.re * a.re + a.im * a.im;
}
// Plain: b's square must stay in the range of its parts.
template <class Real>
AUTOPHAGE_HD inline Complex<Real> operator/(const Complex<Real>& a, const Complex<Real>& b) {
  const Complex<Real> product = a * conjugate(b);
  const Real square = square_of(b);
  return {product.re / square, product.im / square};
}
// |re| + |im|: between the modulus and sqrt 2 times it.
template <class Real>
AUTOPHAGE_HD inline Real size_of(const Complex<Real>& a) {
  return size_of(a.re) + size_of(a.im);
}

}  // namespace autophage::core
