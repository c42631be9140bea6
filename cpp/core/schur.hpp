// The Schur form A = V^H T V of one matrix, T upper triangular: rotations to Hessenberg form, then
// the QR algorithm with single shifts, in complex numbers of any precision.
#pragma once

#include "linear.hpp"

namespace autophage::core {

// One step of Newton's method; for a normal number or 0.
AUTOPHAGE_HD inline Doubled<double> square_root(const Doubled<double>& a) {
  const double first = square_root(a.high);
  if (!(first > 0.0)) return Doubled<double>(0.0);
  const Doubled<double> rest = a - Doubled<double>(first, 0.0) * Doubled<double>(first, 0.0);
  return joined(first, rest.high / (2.0 * first));
}
AUTOPHAGE_HD inline double leading(double a) { return a; }
AUTOPHAGE_HD inline double leading(const Doubled<double>& a) { return a.high; }

// a = V^H T V: T in `triangle`, V in `basis` (null: not asked for), both n x n.
template <class Team, class Real>
class Schur {
 public:
  using Number = Complex<Real>;

  AUTOPHAGE_HD Schur(const Team& team, i64 n, Number* triangle, Number* basis)
      : team_(team), n_(n), t_(triangle), v_(basis) {}

  // `triangle` holds A on entry. False where the shifts did not lead to a triangle.
  AUTOPHAGE_HD bool find() {
    if (v_ != nullptr)
      for (i64 e = team_.rank(); e < n_ * n_; e += team_.size())
        v_[e] = Number(e % (n_ + 1) == 0 ? 1.0 : 0.0);
    team_.sync();
    for (i64 j = 0; j + 2 < n_; ++j)
      for (i64 i = n_ - 1; i >= j + 2 && !team_.stopped(); --i)
        turn(i - 1, at(i - 1, j), at(i, j), j, n_, j);
    i64 last = n_ - 1;
    for (int tries = 0; last > 0 && !team_.stopped();) {
      i64 first = last;
      while (first > 0 && !is_negligible(first)) --first;
      if (first == last) {
        --last;
        tries = 0;
        continue;
      }
      if (++tries > most_tries) return false;
      step(first, last, tries);
    }
    return !team_.stopped();
  }

  // The largest |eigenvalue|, once found.
  AUTOPHAGE_HD double radius() const {
    double most = 0.0;
    for (i64 i = 0; i < n_; ++i) most = larger(leading(square_of(t_[i * (n_ + 1)])), most);
    return square_root(most);
  }

 private:
  static constexpr int most_tries = 60;  // of one eigenvalue; most need two or three

  AUTOPHAGE_HD Number at(i64 i, i64 j) const { return t_[i * n_ + j]; }
  AUTOPHAGE_HD static double size_at(const Number& z) {
    return absolute(leading(z.re)) + absolute(leading(z.im));
  }

  // Sets to zero the entry left of (i, i) that is within the rounding of its neighbours.
  AUTOPHAGE_HD bool is_negligible(i64 i) {
    const double here = size_at(at(i, i - 1));
    const double beside = size_at(at(i, i)) + size_at(at(i - 1, i - 1));
    if (here > Kind<Real>::rounding * beside) return false;
    team_.sync();
    if (team_.rank() == 0) t_[i * n_ + i - 1] = Number(0.0);
    team_.sync();
    return true;
  }

  AUTOPHAGE_HD static Complex<double> rough(const Number& z) {
    return {leading(z.re), leading(z.im)};
  }
  AUTOPHAGE_HD static Complex<double> root(const Complex<double>& z) {
    const double size = square_root(square_of(z));
    const double re = square_root(0.5 * (size + absolute(z.re)));
    if (!(re > 0.0)) return Complex<double>(0.0);
    const double im = absolute(z.im) / (2.0 * re);
    const double sign = z.im < 0 ? -1.0 : 1.0;
    return z.re < 0 ? Complex<double>{im, sign * re} : Complex<double>{re, sign * im};
  }

  // The eigenvalue of the last 2 x 2 block nearest its last entry: doubles are exact enough, for
  // a shift moves no eigenvalue.
  AUTOPHAGE_HD Number shift(i64 last, int tries) const {
    const Complex<double> c = rough(at(last, last - 1)), d = rough(at(last, last));
    if (tries % 10 == 0) return Number(Real(d.re + absolute(c.re) + absolute(c.im)), Real(d.im));
    const Complex<double> product = rough(at(last - 1, last)) * c;
    const Complex<double> half = 0.5 * (rough(at(last - 1, last - 1)) - d);
    const Complex<double> gap = root(half * half + product);
    const Complex<double> more = half + gap, less = half - gap;
    const Complex<double> wide = square_of(more) > square_of(less) ? more : less;
    const Complex<double> found = square_of(wide) > 0.0 ? d - product / wide : d;
    return Number(Real(found.re), Real(found.im));
  }

  AUTOPHAGE_HD void step(i64 first, i64 last, int tries) {
    const Number moved = at(first, first) - shift(last, tries);
    const i64 end = last + 1;
    turn(first, moved, at(first + 1, first), first, first + 3 < end ? first + 3 : end, -1);
    for (i64 k = first + 1; k < last && !team_.stopped(); ++k)
      turn(k, at(k, k - 1), at(k + 1, k - 1), k - 1, k + 3 < end ? k + 3 : end, k - 1);
  }

  // Rotates rows and columns k and k + 1 so that the rotation takes (x, y) to (r, 0): the columns
  // from `from` on, and `rows` rows, are not zero there. The entry (k + 1, cleared) becomes 0.
  AUTOPHAGE_HD void turn(i64 k, const Number& x, const Number& y, i64 from, i64 rows, i64 cleared) {
    const Real size_x = square_root(square_of(x));
    const Real size = square_root(square_of(x) + square_of(y));
    team_.sync();
    if (!(size > Real(0.0))) return;
    const bool lone = !(size_x > Real(0.0));
    const Number phase = lone ? Number(1.0) : Number(x.re / size_x, x.im / size_x);
    const Real c = lone ? Real(0.0) : size_x / size;
    const Number s = phase * Number(y.re / size, -y.im / size);
    rotate_rows(t_, k, c, s, from);
    if (v_ != nullptr) rotate_rows(v_, k, c, s, 0);
    team_.sync();
    for (i64 i = team_.rank(); i < rows; i += team_.size())
      rotate(t_[i * n_ + k], t_[i * n_ + k + 1], c, conjugate(s));
    team_.sync();
    if (team_.rank() == 0 && cleared >= 0) t_[(k + 1) * n_ + cleared] = Number(0.0);
    team_.sync();
  }

  AUTOPHAGE_HD void rotate_rows(Number* m, i64 k, const Real& c, const Number& s, i64 from) const {
    for (i64 j = from + team_.rank(); j < n_; j += team_.size())
      rotate(m[k * n_ + j], m[(k + 1) * n_ + j], c, s);
  }
  // (x, y) <- (c x + s y, c y - s^* x).
  AUTOPHAGE_HD static void rotate(Number& x, Number& y, const Real& c, const Number& s) {
    const Number first = c * x + s * y;
    y = c * y - conjugate(s) * x;
    x = first;
  }

  const Team& team_;
  i64 n_;
  Number *t_, *v_;
};

}  // namespace autophage::core
