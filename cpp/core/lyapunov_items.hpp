// What a driver must know of an item before it solves it, and norms of what it then has: for
// matrices of doubles wherever they lie, complex numbers as (re, im).
#pragma once

#include "math.hpp"
#include "radius_search.hpp"

namespace autophage::core {

// Number (i, j) of a matrix begins at row * i + column * j; its parts are `part` apart.
struct MatrixView {
  const double* at;
  i64 row, column, part;
  int parts;
};

// Largest sum of moduli over a row; over a column with row and column exchanged.
AUTOPHAGE_HD inline double row_norm(const MatrixView& m, i64 n) {
  double most = 0.0;
  for (i64 i = 0; i < n; ++i) {
    double sum = 0.0;
    for (i64 j = 0; j < n; ++j) {
      double square = 0.0;
      for (int p = 0; p < m.parts; ++p) {
        const double value = m.at[i * m.row + j * m.column + p * m.part];
        square += value * value;
      }
      sum += square_root(square);
    }
    most = sum > most ? sum : most;
  }
  return most;
}

// The bound on a condition number that results give: (1 + |A|_1 |A|_inf) |P|_inf, P = A P A^H + I.
AUTOPHAGE_HD inline double condition_bound(const MatrixView& a, const MatrixView& p, i64 n) {
  const MatrixView across{a.at, a.column, a.row, a.part, a.parts};
  return (1.0 + row_norm(a, n) * row_norm(across, n)) * row_norm(p, n);
}

// sound: all is finite. scale: the power of two that brings q near 1, so that no sum leaves the
// range of double.
struct ItemLook {
  bool sound, hermitian;
  double scale;
};

// Of contiguous a and q.
AUTOPHAGE_HD inline ItemLook look_at(i64 n, int parts, const double* a, const double* q) {
  double most = 0.0, nothing = 0.0;
  for (i64 e = 0; e < n * n * parts; ++e) {
    nothing += 0.0 * a[e] + 0.0 * q[e];  // NaN if anything is not finite
    const double size = absolute(q[e]);
    most = size > most ? size : most;
  }
  if (!(nothing == 0.0)) return {false, false, 1.0};
  bool hermitian = true;
  for (i64 i = 0; i < n; ++i)
    for (i64 j = 0; j <= i; ++j)
      for (int p = 0; p < parts; ++p) {
        const double across = q[(j * n + i) * parts + p];
        hermitian = hermitian && q[(i * n + j) * parts + p] == (p == 0 ? across : -across);
      }
  return {true, hermitian, nearby_power(most)};
}

// x = from / scale, number by number; NaN throughout, and false, where that leaves the range.
AUTOPHAGE_HD inline bool put_back(const MatrixView& from, double scale, i64 n, double* x) {
  const double back = 1.0 / scale;
  double nothing = 0.0;
  for (i64 e = 0; e < n * n * from.parts; ++e) {
    const i64 entry = e / from.parts, p = e % from.parts;
    x[e] = from.at[entry / n * from.row + entry % n * from.column + p * from.part] * back;
    nothing += 0.0 * x[e];
  }
  if (nothing == 0.0) return true;
  for (i64 e = 0; e < n * n * from.parts; ++e) x[e] = __builtin_nan("");
  return false;
}

}  // namespace autophage::core
