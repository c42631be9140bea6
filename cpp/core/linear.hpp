// Small dense algebra, row by row (n x n, C order), for any number type and team. Every entry is
// summed over k in increasing order by multiply_add, whatever the tiles, so that results depend on
// nothing but the operands.
#pragma once

#include "doubled.hpp"
#include "team.hpp"

namespace autophage::core {

template <class Number>
using RealOf = typename Kind<Number>::Real;
template <class Number>
using MaskOf = typename Kind<Number>::Mask;

// A sum of products, each added with one rounding of its own.
template <class Number>
struct PlainSum {
  Number value{};
  template <class Left>
  AUTOPHAGE_HD void add(const Left& a, const Number& b) {
    value = multiply_add(a, b, value);
  }
  AUTOPHAGE_HD Number total() const { return value; }
};

// A sum of products as if in twice the precision (compensated: the roundings of products and sums
// are added up beside). value + rest is the sum.
template <class Number>
struct DoubledSum {
  Number value{}, rest{};
  AUTOPHAGE_HD void add(const Number& b) {
    const Number sum = value + b;
    const Number added = sum - value;
    rest = rest + ((value - (sum - added)) + (b - added));
    value = sum;
  }
  AUTOPHAGE_HD void add(const Number& a, const Number& b) {
    const Number product = a * b;
    rest = rest + product_rest(a, b, product);
    add(product);
  }
  AUTOPHAGE_HD Number high() const { return value; }
  AUTOPHAGE_HD Number low() const { return rest; }
  AUTOPHAGE_HD Number total() const { return value + rest; }
};
template <class Real>
struct DoubledSum<Complex<Real>> {
  DoubledSum<Real> re, im;
  AUTOPHAGE_HD void add(const Complex<Real>& b) {
    re.add(b.re);
    im.add(b.im);
  }
  AUTOPHAGE_HD void add(const Complex<Real>& a, const Complex<Real>& b) {
    re.add(a.re, b.re);
    re.add(-a.im, b.im);
    im.add(a.re, b.im);
    im.add(a.im, b.re);
  }
  AUTOPHAGE_HD Complex<Real> high() const { return {re.value, im.value}; }
  AUTOPHAGE_HD Complex<Real> low() const { return {re.rest, im.rest}; }
  AUTOPHAGE_HD Complex<Real> total() const { return {re.total(), im.total()}; }
};

// sum[x][y] += sum over k of a(i+x, k) b(k, j+y), or of a(i+x, k) conj(b(j+y, k)).
template <int edge, bool adjoint, class Sum, class Left, class Number>
AUTOPHAGE_HD inline void sum_tile(const Left* a, const Number* b, i64 n, i64 i, i64 j,
                                  Sum (&sum)[edge][edge]) {
  for (i64 k = 0; k < n; ++k) {
    Number right[edge];
    for (int y = 0; y < edge; ++y)
      right[y] = adjoint ? conjugate(b[(j + y) * n + k]) : b[k * n + j + y];
    for (int x = 0; x < edge; ++x) {
      const Left left = a[(i + x) * n + k];
      for (int y = 0; y < edge; ++y) sum[x][y].add(left, right[y]);
    }
  }
}

// Calls store(i, j, sum) for every entry, or for those with j <= i and a few more. The last tiles
// overlap those before them: an entry may be stored twice, with the same bits.
template <int edge, bool adjoint, class Sum, class Team, class Left, class Number, class Store>
AUTOPHAGE_HD inline void tiles_of(const Team& team, const Left* a, const Number* b, i64 n,
                                  bool lower, Store store) {
  const i64 tiles = (n + edge - 1) / edge;
  for (i64 t = team.rank(); t < tiles * tiles && !team.stopped(); t += team.size()) {
    if (lower && t % tiles > t / tiles) continue;
    const i64 i = t / tiles * edge < n - edge ? t / tiles * edge : n - edge;
    const i64 j = t % tiles * edge < n - edge ? t % tiles * edge : n - edge;
    Sum sum[edge][edge] = {};
    sum_tile<edge, adjoint>(a, b, n, i, j, sum);
    for (int x = 0; x < edge; ++x)
      for (int y = 0; y < edge; ++y) store(i + x, j + y, sum[x][y]);
  }
}

// The same with the edge, at most `widest`, that wastes least.
template <int widest, bool adjoint, class Sum, class Team, class Left, class Number, class Store>
AUTOPHAGE_HD inline void entries_of(const Team& team, const Left* a, const Number* b, i64 n,
                                    bool lower, Store store) {
  i64 best = 1, least = 8 * n * n;  // single sums keep the arithmetic waiting
  for (i64 edge = 2; edge <= widest && edge <= n; ++edge) {
    const i64 side = (n + edge - 1) / edge * edge;
    const i64 cost = side * side * (edge + 3) / edge;  // loads weigh less in larger tiles
    if (cost < least) best = edge, least = cost;
  }
  if constexpr (widest >= 5)
    if (best == 5) return tiles_of<5, adjoint, Sum>(team, a, b, n, lower, store);
  if constexpr (widest >= 4)
    if (best == 4) return tiles_of<4, adjoint, Sum>(team, a, b, n, lower, store);
  if constexpr (widest >= 3)
    if (best == 3) return tiles_of<3, adjoint, Sum>(team, a, b, n, lower, store);
  if constexpr (widest >= 2)
    if (best == 2) return tiles_of<2, adjoint, Sum>(team, a, b, n, lower, store);
  tiles_of<1, adjoint, Sum>(team, a, b, n, lower, store);
}

template <class Number>
struct StoreTo {
  Number* c;
  i64 n;
  template <class Sum>
  AUTOPHAGE_HD void operator()(i64 i, i64 j, const Sum& sum) const {
    c[i * n + j] = sum.total();
  }
};

// c = a b; `a` may be plain doubles that all lanes share.
template <class Team, class Left, class Number>
AUTOPHAGE_HD inline void multiply(const Team& team, const Left* a, const Number* b, Number* c,
                                  i64 n) {
  entries_of<Kind<Number>::widest_tile, false, PlainSum<Number>>(team, a, b, n, false,
                                                                 StoreTo<Number>{c, n});
  team.sync();
}

// Makes c Hermitian from its lower triangle, in the lanes of the mask.
template <class Team, class Number>
AUTOPHAGE_HD inline void mirror(const Team& team, MaskOf<Number> mask, Number* c, i64 n) {
  for (i64 i = team.rank(); i < n; i += team.size()) {
    c[i * n + i] = select(mask, real_part(c[i * n + i]), c[i * n + i]);
    for (i64 j = 0; j < i; ++j) c[j * n + i] = select(mask, conjugate(c[i * n + j]), c[j * n + i]);
  }
  team.sync();
}

// c = a b^H; Hermitian to the bit in the lanes of the mask, where the product is so in exact
// arithmetic.
template <class Team, class Number>
AUTOPHAGE_HD inline void multiply_adjoint(const Team& team, const Number* a, const Number* b,
                                          MaskOf<Number> hermitian, Number* c, i64 n) {
  entries_of<Kind<Number>::widest_tile, true, PlainSum<Number>>(team, a, b, n, !any(!hermitian),
                                                                StoreTo<Number>{c, n});
  team.sync();
  mirror(team, hermitian, c, n);
}

template <class Team, class Number>
AUTOPHAGE_HD inline void copy(const Team& team, const Number* from, Number* to, i64 size) {
  for (i64 e = team.rank(); e < size; e += team.size()) to[e] = from[e];
  team.sync();
}

// The sum of |c|^2 over the entries, and the largest |re| + |im|.
template <class Team, class Number>
AUTOPHAGE_HD inline RealOf<Number> sum_of_squares(const Team& team, const Number* c, i64 size) {
  RealOf<Number> sum(0.0);
  for (i64 e = team.rank(); e < size; e += team.size()) sum = sum + square_of(c[e]);
  return team.sum(sum);
}
template <class Team, class Number>
AUTOPHAGE_HD inline RealOf<Number> largest_entry(const Team& team, const Number* c, i64 size) {
  RealOf<Number> most(0.0);
  for (i64 e = team.rank(); e < size; e += team.size()) most = larger(size_of(c[e]), most);
  return team.largest(most);
}

// The sum of a[e] b[e]; `b` may be plain doubles that all lanes share.
template <class Team, class Number, class Right>
AUTOPHAGE_HD inline Number inner_product(const Team& team, const Number* a, const Right* b,
                                         i64 size) {
  Number sum(0.0);
  for (i64 e = team.rank(); e < size; e += team.size()) sum = multiply_add(a[e], Number(b[e]), sum);
  return team.sum(sum);
}

// Symmetric Gauss-Jordan steps for all pivots of the lower triangle of `a`, in place of which they
// leave minus the inverse; `column` is room for n numbers. Returns the lanes where a pivot is lost
// in rounding against `scale`, the diagonal at first, of a matrix of `whole` rows that `a` belongs
// to.
template <class Team, class Real>
AUTOPHAGE_HD inline MaskOf<Real> sweep_symmetric(const Team& team, Real* a, Real* column,
                                                 const Real* scale, i64 whole, i64 n) {
  MaskOf<Real> singular{};
  const Real tolerance(4.0 * 0x1p-52 * static_cast<double>(whole));
  for (i64 k = 0; k < n && !team.stopped(); ++k) {
    for (i64 i = team.rank(); i < n; i += team.size())
      column[i] = i < k ? a[k * n + i] : a[i * n + k];
    team.sync();
    const MaskOf<Real> lost = !(column[k] > tolerance * scale[k]);
    singular = singular | lost;
    const Real pivot = Real(1.0) / select(lost, Real(1.0), column[k]);
    for (i64 i = team.rank(); i < n; i += team.size()) {
      if (i == k) continue;
      const Real factor = column[i] * pivot;
      Real* const row = a + i * n;
      for (i64 j = 0; j <= i; ++j) row[j] = multiply_add(-factor, column[j], row[j]);
    }
    team.sync();
    for (i64 i = team.rank(); i < n; i += team.size())
      (i < k ? a[k * n + i] : a[i * n + k]) = i == k ? -pivot : column[i] * pivot;
    team.sync();
  }
  return singular;
}

// The inverse of a symmetric positive definite matrix in place, from its lower triangle; `column`
// has 2 n numbers. Returns the lanes where the matrix is singular or indefinite: their inverse is
// worthless.
template <class Team, class Real>
AUTOPHAGE_HD inline MaskOf<Real> invert_symmetric(const Team& team, Real* a, Real* column, i64 n) {
  Real* const scale = column + n;
  for (i64 i = team.rank(); i < n; i += team.size()) scale[i] = a[i * n + i];
  const MaskOf<Real> singular = sweep_symmetric(team, a, column, scale, n, n);
  for (i64 i = team.rank(); i < n; i += team.size())
    for (i64 j = 0; j <= i; ++j) a[i * n + j] = -a[i * n + j];
  team.sync();
  mirror(team, !MaskOf<Real>{}, a, n);
  return singular;
}

}  // namespace autophage::core
