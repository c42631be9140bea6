// X = A X A^H + Q for one item that squarings cannot solve: powers that grow far before they fall
// leave nothing of A in its squares. The Schur form A = V^H T V has no powers; with Y = V X V^H and
// C = V Q V^H, Y = T Y T^H + C is solved column by column from the last.
//
// In numbers of twice the precision; not refined after that, for the rounding of a residual weighs
// more than that of the form. In doubles too: where the two have nothing in common, rounding A and
// Q alone changes every digit of X.
#pragma once

#include "lyapunov.hpp"
#include "schur.hpp"

namespace autophage::core {

// Scratch matrices of n x n.
template <class Real>
struct SchurSpace {
  Complex<Real>*triangle, *basis, *adjoint, *sum, *left;
};
inline constexpr int schur_matrices = 5;
// Of the solution in doubles from that in twice the precision.
inline constexpr double most_doubt = 0.5;

template <class Real>
AUTOPHAGE_HD inline Complex<Real> complex_of(double a) {
  return {Real(a), Real(0.0)};
}
template <class Real>
AUTOPHAGE_HD inline Complex<Real> complex_of(const Complex<double>& a) {
  return {Real(a.re), Real(a.im)};
}
template <class Real>
AUTOPHAGE_HD inline void narrow_to(const Complex<Real>& a, double& to) {
  to = leading(a.re);
}
template <class Real>
AUTOPHAGE_HD inline void narrow_to(const Complex<Real>& a, Complex<double>& to) {
  to = {leading(a.re), leading(a.im)};
}

// Number: double or Complex<double>; Real: the precision.
template <class Team, class Number, class Real>
class SchurSolver {
  using Wide = Complex<Real>;

 public:
  AUTOPHAGE_HD SchurSolver(const Team& team, i64 n, const SchurSpace<Real>& space)
      : team_(team), n_(n), space_(space) {}

  // The Schur form of a; false where it was not found. radius: the largest |eigenvalue|.
  AUTOPHAGE_HD bool factor(const Number* a, double& radius) {
    for (i64 e = team_.rank(); e < n_ * n_; e += team_.size())
      space_.triangle[e] = complex_of<Real>(a[e]);
    Schur<Team, Real> schur(team_, n_, space_.triangle, space_.basis);
    if (!schur.find()) return false;
    radius = schur.radius();
    for (i64 e = team_.rank(); e < n_ * n_; e += team_.size())
      space_.adjoint[e] = conjugate(space_.basis[e % n_ * n_ + e / n_]);
    team_.sync();
    return true;
  }

  // Puts x in the place of q.
  AUTOPHAGE_HD void solve(bool hermitian, Number* q) {
    for (i64 e = team_.rank(); e < n_ * n_; e += team_.size())
      space_.sum[e] = complex_of<Real>(q[e]);
    team_.sync();
    transform(space_.basis, hermitian);
    for (i64 j = n_ - 1; j >= 0 && !team_.stopped(); --j) solve_column(j);
    transform(space_.adjoint, hermitian);
    for (i64 e = team_.rank(); e < n_ * n_; e += team_.size()) narrow_to(space_.sum[e], q[e]);
    team_.sync();
  }

 private:
  // sum = b sum b^H.
  AUTOPHAGE_HD void transform(const Wide* b, bool hermitian) {
    multiply(team_, b, space_.sum, space_.left, n_);
    multiply_adjoint(team_, space_.left, b, hermitian, space_.sum, n_);
  }

  // Column j of Y: (I - conj(T_jj) T) Y_j = T w + C_j, w the sum of Y_l conj(T_jl) over l > j.
  AUTOPHAGE_HD void solve_column(i64 j) {
    Wide *const w = space_.left, *const y = space_.sum;
    const Wide* const t = space_.triangle;
    for (i64 i = team_.rank(); i < n_; i += team_.size()) {
      Wide total(0.0);
      for (i64 l = j + 1; l < n_; ++l)
        total = multiply_add(y[i * n_ + l], conjugate(t[j * n_ + l]), total);
      w[i] = total;
    }
    team_.sync();
    for (i64 i = team_.rank(); i < n_; i += team_.size())
      for (i64 k = i; k < n_; ++k) y[i * n_ + j] = multiply_add(t[i * n_ + k], w[k], y[i * n_ + j]);
    team_.sync();
    const Wide scale = conjugate(t[j * n_ + j]);
    for (i64 i = n_ - 1; i >= 0; --i) {
      if (team_.rank() == 0) y[i * n_ + j] = y[i * n_ + j] / (Wide(1.0) - scale * t[i * n_ + i]);
      team_.sync();
      const Wide found = scale * y[i * n_ + j];
      for (i64 k = team_.rank(); k < i; k += team_.size())
        y[k * n_ + j] = multiply_add(t[k * n_ + i], found, y[k * n_ + j]);
      team_.sync();
    }
  }

  const Team& team_;
  i64 n_;
  SchurSpace<Real> space_;
};

// Solves for x, with y for scratch. p (null: not asked for) gets the solution for q = identity.
template <class Team, class Number>
AUTOPHAGE_HD inline LyapunovResult<Number> solve_by_schur(const Team& team, i64 n, const Number* a,
                                                          const Number* q, bool hermitian,
                                                          Number* x, Number* y, Number* p,
                                                          const SchurSpace<double>& plain,
                                                          const SchurSpace<Doubled<double>>& wide) {
  LyapunovResult<Number> result;
  SchurSolver<Team, Number, double> rough(team, n, plain);
  SchurSolver<Team, Number, Doubled<double>> solver(team, n, wide);
  double radius = 0.0, nearly = 0.0;
  if (!solver.factor(a, radius)) return result;
  result.diverged = radius >= 1.0 - radius_tolerance;
  if (result.diverged || !rough.factor(a, nearly)) return result;
  copy(team, q, x, n * n);
  solver.solve(hermitian, x);
  copy(team, q, y, n * n);
  rough.solve(hermitian, y);
  const double reached = largest_entry(team, x, n * n);
  double apart = 0.0, nothing = 0.0;
  for (i64 e = team.rank(); e < n * n; e += team.size()) {
    apart = larger(size_of(y[e] - x[e]), apart);
    nothing += 0.0 * size_of(y[e]);
  }
  const bool agreed = team.largest(apart) <= most_doubt * reached && team.sum(nothing) == 0.0;
  result.converged = agreed && !team.stopped();
  if (p == nullptr) return result;
  for (i64 e = team.rank(); e < n * n; e += team.size())
    p[e] = Number(e % (n + 1) == 0 ? 1.0 : 0.0);
  team.sync();
  solver.solve(true, p);
  return result;
}

}  // namespace autophage::core
