// Whitening of a mixture's components: what its likelihood ratios depend on, and nothing else.
#include <algorithm>
#include <cmath>
#include <vector>

#include "../backend/mixture.hpp"

namespace autophage::cpu {
namespace {

using Reals = std::vector<double>;

// Directions shorter than this, relative to the longest, are rounding.
constexpr double least_length = 0x1p-46;
// Coordinates beyond this could leave the range of double when they are multiplied.
constexpr double largest = 0x1p400;

double product(const double* a, const double* b, std::size_t d) {
  double sum = 0.0;
  for (std::size_t i = 0; i < d; ++i) sum += a[i] * b[i];
  return sum;
}

// The lower triangle L of covariance = L L^T, in place; false where there is none.
bool factorise(Reals& matrix, std::size_t d) {
  for (std::size_t j = 0; j < d; ++j) {
    const double left = matrix[j * d + j] - product(&matrix[j * d], &matrix[j * d], j);
    if (!(left > 0.0) || !std::isfinite(left)) return false;
    const double root = std::sqrt(left);
    matrix[j * d + j] = root;
    for (std::size_t i = j + 1; i < d; ++i)
      matrix[i * d + j] = (matrix[i * d + j] - product(&matrix[i * d], &matrix[j * d], j)) / root;
  }
  return true;
}

// x = L^-1 x for every row of `rows`.
void whiten(const Reals& lower, std::size_t d, Reals& rows) {
  for (std::size_t row = 0; row * d < rows.size(); ++row) {
    double* const x = &rows[row * d];
    for (std::size_t i = 0; i < d; ++i)
      x[i] = (x[i] - product(&lower[i * d], x, i)) / lower[i * d + i];
  }
}

void subtract(Reals& rows, const Reals& centre) {
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] -= centre[i % centre.size()];
}

// x -= its part along the unit vectors of `basis`, twice, for the sake of rounding.
void make_orthogonal(const Reals& basis, std::size_t d, double* x) {
  for (int pass = 0; pass < 2; ++pass)
    for (std::size_t b = 0; b * d < basis.size(); ++b) {
      const double along = product(&basis[b * d], x, d);
      for (std::size_t i = 0; i < d; ++i) x[i] -= along * basis[b * d + i];
    }
}

// Unit vectors that span the rows: the longest rest comes next.
Reals basis_of(Reals rows, std::size_t d) {
  Reals basis;
  const std::size_t count = rows.size() / d;
  double first = 0.0;
  while (basis.size() < d * std::min(d, count)) {
    std::size_t best = 0;
    double most = 0.0;
    for (std::size_t k = 0; k < count; ++k) {
      make_orthogonal(basis, d, &rows[k * d]);
      const double length = std::sqrt(product(&rows[k * d], &rows[k * d], d));
      if (length > most) most = length, best = k;
    }
    first = std::max(first, most);
    if (!(most > first * least_length)) break;
    for (std::size_t i = 0; i < d; ++i) basis.push_back(rows[best * d + i] / most);
  }
  if (basis.empty()) {  // all means are the same
    basis.assign(d, 0.0);
    basis[0] = 1.0;
  }
  return basis;
}

// Coordinates of every row along the basis; false where one is too large.
bool project(const Reals& rows, const Reals& basis, std::size_t d, Reals& out) {
  out.clear();
  for (std::size_t row = 0; row * d < rows.size(); ++row)
    for (std::size_t b = 0; b * d < basis.size(); ++b)
      out.push_back(product(&rows[row * d], &basis[b * d], d));
  return std::all_of(out.begin(), out.end(), [](double x) { return std::abs(x) <= largest; });
}

}  // namespace

Coordinates find_coordinates(std::int64_t components, std::int64_t features, const double* means,
                             const double* covariance, std::int64_t count, const double* points,
                             std::vector<double>& new_means, std::vector<double>& new_points) {
  const auto d = static_cast<std::size_t>(features);
  Reals lower(covariance, covariance + features * features);
  if (!factorise(lower, d)) return Coordinates::not_definite;
  Reals rows(means, means + components * features), given(points, points + count * features);
  const Reals origin(means, means + features);
  subtract(rows, origin);
  subtract(given, origin);
  whiten(lower, d, rows);
  whiten(lower, d, given);
  Reals centre(d, 0.0);
  for (std::size_t i = 0; i < rows.size(); ++i)
    centre[i % d] += rows[i] / static_cast<double>(components);
  const Reals basis = basis_of(rows, d);  // one of the rows is zero: they are differences
  subtract(rows, centre);
  subtract(given, centre);
  const bool fine = project(rows, basis, d, new_means) && project(given, basis, d, new_points);
  return fine ? Coordinates::fine : Coordinates::too_far;
}

}  // namespace autophage::cpu
