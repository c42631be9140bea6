// Dense algebra of one large real matrix at a time, neighbouring columns in the lanes. Each entry
// of a product has the same sum, in the same order, as in a pack of items.
//
// The core finds these functions by their first argument. A matrix is padded to a multiple of
// `row_padding` rows and columns.
#pragma once

#include "../core/lyapunov.hpp"
#include "pack.hpp"

namespace autophage::simd {

using core::i64;

inline constexpr i64 row_padding = 8;

// A single worker, with a matrix to transpose into and room for a few columns.
template <class Set>
class RowTeam : public core::Solo {
 public:
  static constexpr i64 most_columns = 2 * row_padding;
  static i64 padded(i64 n) { return (n + row_padding - 1) / row_padding * row_padding; }
  static i64 memory(i64 n) { return n * (n + most_columns); }

  RowTeam(const core::StopFlag* stop, double* memory, i64 n)
      : core::Solo(stop), square_(memory), columns_(memory + n * n) {}

  const double* transpose(const double* a, i64 n) const {
    constexpr i64 block = row_padding;
    for (i64 i = 0; i < n; i += block)
      for (i64 j = 0; j < n; j += block)
        for (i64 y = j; y < j + block; ++y)
          for (i64 x = i; x < i + block; ++x) square_[y * n + x] = a[x * n + y];
    return square_;
  }
  double* square() const { return square_; }
  double* columns() const { return columns_; }

 private:
  double *square_, *columns_;
};

template <class Set>
struct RowTile {
  using Real = Pack<Set>;
  static constexpr int lanes = Real::lanes;
  static constexpr int rows = lanes == 8 ? 8 : 4;  // what the registers hold
  static constexpr int packs = lanes == 8 ? 1 : 2;
  static constexpr int wide_packs = 2;  // for plain sums
  static_assert(row_padding % rows == 0 && row_padding % (packs * lanes) == 0);
  static_assert(RowTeam<Set>::most_columns >= wide_packs * lanes);

  static Real load(const double* from) {
    typename Real::Vector values;
    __builtin_memcpy(&values, from, sizeof(values));
    return Real(values);
  }
  static void store(const Real& value, double* to) {
    __builtin_memcpy(to, &value.of, sizeof(value.of));
  }

  // Calls store(i, j, sums) for the tiles of a b, or for those that reach the lower triangle.
  template <class Sum, int width, class Store>
  static void products(const RowTeam<Set>& team, const double* a, const double* b, i64 n,
                       bool lower, Store store_tile) {
    i64 j = 0;
    for (; j + width * lanes <= n && !team.stopped(); j += width * lanes)
      columns<Sum, width>(team, a, b, n, j, lower, store_tile);
    for (; j < n && !team.stopped(); j += packs * lanes)
      columns<Sum, packs>(team, a, b, n, j, lower, store_tile);
  }
  template <class Sum, int width, class Store>
  static void columns(const RowTeam<Set>& team, const double* a, const double* b, i64 n, i64 j,
                      bool lower, Store& store_tile) {
    double* const near = team.columns();
    for (i64 k = 0; k < n; ++k)
      for (int y = 0; y < width; ++y)
        store(load(b + k * n + j + y * lanes), near + (k * width + y) * lanes);
    for (i64 i = lower ? j / rows * rows : 0; i < n; i += rows) {
      Sum sum[rows][width] = {};
      add_products<Sum, width>(a + i * n, n, near, width * lanes, n, sum);
      store_tile(i, j, sum);
    }
  }
  // Of `depth` columns of a and rows of b, whose rows are `a_row` and `b_row` apart.
  template <class Sum, int width>
  [[gnu::always_inline]] static inline void add_products(const double* a, i64 a_row,
                                                         const double* b, i64 b_row, i64 depth,
                                                         Sum (&sum)[rows][width]) {
    for (i64 k = 0; k < depth; ++k) {
      Real right[width];
      for (int y = 0; y < width; ++y) right[y] = load(b + k * b_row + y * lanes);
      for (int x = 0; x < rows; ++x) {
        const Real left(a[x * a_row + k]);
        for (int y = 0; y < width; ++y) sum[x][y].add(left, right[y]);
      }
    }
  }
};

// c = a b.
template <class Set>
inline void multiply(const RowTeam<Set>& team, const double* a, const double* b, double* c, i64 n,
                     bool lower = false) {
  using Tile = RowTile<Set>;
  using Sum = core::PlainSum<Pack<Set>>;
  const auto put = [&](i64 i, i64 j, const auto& sum) {
    for (int x = 0; x < Tile::rows; ++x)
      for (int y = 0; y < static_cast<int>(sizeof(sum[x]) / sizeof(Sum)); ++y)
        Tile::store(sum[x][y].total(), c + (i + x) * n + j + y * Tile::lanes);
  };
  Tile::template products<Sum, Tile::wide_packs>(team, a, b, n, lower, put);
}

// Makes c symmetric from its lower triangle.
template <class Set>
inline void mirror(const RowTeam<Set>&, bool wanted, double* c, i64 n) {
  constexpr i64 block = row_padding;
  if (!wanted) return;
  for (i64 i = 0; i < n; i += block)
    for (i64 j = 0; j <= i; j += block)
      for (i64 y = j; y < j + block; ++y)
        for (i64 x = i; x < i + block; ++x)
          if (y < x) c[y * n + x] = c[x * n + y];
}

// c = a b^T, symmetric to the bit where it is said to be symmetric.
template <class Set>
inline void multiply_adjoint(const RowTeam<Set>& team, const double* a, const double* b,
                             bool symmetric, double* c, i64 n) {
  multiply(team, a, team.transpose(b, n), c, n, symmetric);
  mirror(team, symmetric, c, n);
}

// The sum of a[e] b[e].
template <class Set>
inline double inner_product(const RowTeam<Set>&, const double* a, const double* b, i64 size) {
  using Tile = RowTile<Set>;
  constexpr int lanes = Tile::lanes, sums = 64 / lanes;
  Pack<Set> sum[sums] = {};
  i64 e = 0;
  for (; e + 64 <= size; e += 64)
    for (int s = 0; s < sums; ++s)
      sum[s] = multiply_add(Tile::load(a + e + s * lanes), Tile::load(b + e + s * lanes), sum[s]);
  double total = 0.0;
  for (; e < size; ++e) total += a[e] * b[e];
  for (int s = 0; s < sums; ++s)
    for (int lane = 0; lane < lanes; ++lane) total += lane_of(sum[s], lane);
  return total;
}

// core::invert_symmetric, with steps of several pivots at a time.
template <class Set>
class RowInverse {
  using Tile = RowTile<Set>;

 public:
  RowInverse(const RowTeam<Set>& team, double* a, i64 n)
      : team_(team),
        a_(a),
        n_(n),
        moved_(team.square()),
        across_(moved_ + n * depth),
        block_(team.columns()),
        column_(block_ + depth * depth) {}

  // `scale` holds the diagonal. Returns whether a pivot is lost.
  bool find(const double* scale) {
    bool lost = false;
    for (i64 k = 0; k < n_ && !team_.stopped(); k += depth) {
      const i64 width = n_ - k < depth ? n_ - k : depth;
      gather(k, width);
      const RowTeam<Set> alone(nullptr, nullptr, 0);
      lost = core::sweep_symmetric(alone, block_, column_, scale + k, n_, width) || lost;
      for (i64 i = 0; i < width; ++i)
        for (i64 j = 0; j < i; ++j) block_[j * width + i] = block_[i * width + j];
      step(k, width);
    }
    for (i64 e = 0; e < n_ * n_; ++e) a_[e] = -a_[e];
    mirror(team_, true, a_, n_);
    return lost;
  }

 private:
  static constexpr i64 depth = 2 * row_padding;  // pivots of a step

  // The columns of the pivots, as rows; what belongs to the pivots themselves in `block_`.
  void gather(i64 k, i64 width) {
    for (i64 c = 0; c < width; ++c) {
      double* const to = across_ + c * n_;
      for (i64 i = 0; i < k; ++i) to[i] = a_[(k + c) * n_ + i];
      for (i64 i = k; i < k + width; ++i) to[i] = 0.0;
      for (i64 i = k + width; i < n_; ++i) to[i] = a_[i * n_ + k + c];
      for (i64 i = 0; i <= c; ++i) block_[c * width + i] = a_[(k + c) * n_ + k + i];
    }
  }

  // `block_` holds minus the inverse of the pivots' block.
  void step(i64 k, i64 width) {
    for (i64 i = 0; i < n_; ++i)
      for (i64 c = 0; c < width; ++c) {
        double sum = 0.0;
        for (i64 e = 0; e < width; ++e) sum += across_[e * n_ + i] * block_[e * width + c];
        moved_[i * width + c] = sum;
      }
    using Sum = core::PlainSum<Pack<Set>>;
    for (i64 i = 0; i < n_; i += Tile::rows)
      for (i64 j = 0; j < i + Tile::rows; j += Tile::packs * Tile::lanes) {
        Sum sum[Tile::rows][Tile::packs];
        double* const at = a_ + i * n_ + j;
        for (int x = 0; x < Tile::rows; ++x)
          for (int y = 0; y < Tile::packs; ++y)
            sum[x][y].value = Tile::load(at + x * n_ + y * Tile::lanes);
        Tile::template add_products<Sum, Tile::packs>(moved_ + i * width, width, across_ + j, n_,
                                                      width, sum);
        for (int x = 0; x < Tile::rows; ++x)
          for (int y = 0; y < Tile::packs; ++y)
            Tile::store(sum[x][y].total(), at + x * n_ + y * Tile::lanes);
      }
    for (i64 c = 0; c < width; ++c) {
      for (i64 i = 0; i < k; ++i) a_[(k + c) * n_ + i] = -moved_[i * width + c];
      for (i64 i = 0; i <= c; ++i) a_[(k + c) * n_ + k + i] = block_[c * width + i];
      for (i64 i = k + width; i < n_; ++i) a_[i * n_ + k + c] = -moved_[i * width + c];
    }
  }

  const RowTeam<Set>& team_;
  double* a_;
  i64 n_;
  double *moved_, *across_, *block_, *column_;
};

// `column` has 2 n numbers.
template <class Set>
inline bool invert_symmetric(const RowTeam<Set>& team, double* a, double* column, i64 n) {
  for (i64 i = 0; i < n; ++i) column[i] = a[i * (n + 1)];
  return RowInverse<Set>(team, a, n).find(column);
}

}  // namespace autophage::simd
