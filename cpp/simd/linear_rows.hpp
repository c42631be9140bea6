// One large equation of real numbers at a time, neighbouring columns in the lanes. Each entry has
// the same sum, in the same order, as in a pack of items.
//
// The core finds the products below by their first argument. A matrix is padded with zeros to a
// multiple of `row_padding` rows and columns, which solve an equation of their own.
#pragma once

#include "../core/lyapunov.hpp"
#include "../core/lyapunov_items.hpp"
#include "linear_kernels.hpp"
#include "pack.hpp"

namespace autophage::simd {

inline constexpr core::i64 row_padding = 8;

// A single worker, with a matrix to transpose into.
template <class Set>
class RowTeam : public core::Solo {
 public:
  RowTeam(const core::StopFlag* stop, double* transposed)
      : core::Solo(stop), transposed_(transposed) {}

  const double* transpose(const double* a, i64 n) const {
    constexpr i64 block = row_padding;
    for (i64 i = 0; i < n; i += block)
      for (i64 j = 0; j < n; j += block)
        for (i64 y = j; y < j + block; ++y)
          for (i64 x = i; x < i + block; ++x) transposed_[y * n + x] = a[x * n + y];
    return transposed_;
  }

 private:
  double* transposed_;
};

template <class Set>
struct RowTile {
  using Real = Pack<Set>;
  static constexpr int lanes = Real::lanes;
  static constexpr int rows = lanes == 8 ? 8 : 4;  // what the registers hold
  static constexpr int packs = lanes == 8 ? 1 : 2;
  static constexpr i64 columns = static_cast<i64>(packs) * lanes;
  static_assert(row_padding % rows == 0 && row_padding % columns == 0);

  static Real load(const double* from) {
    typename Real::Vector values;
    __builtin_memcpy(&values, from, sizeof(values));
    return Real(values);
  }
  static void store(const Real& value, double* to) {
    __builtin_memcpy(to, &value.of, sizeof(value.of));
  }

  // Calls store(i, j, sums) for the tiles of a b, or for those that reach the lower triangle.
  template <class Sum, class Store>
  static void products(const core::Solo& team, const double* a, const double* b, i64 n, bool lower,
                       Store store_tile) {
    for (i64 i = 0; i < n && !team.stopped(); i += rows)
      for (i64 j = 0; j < (lower ? i + rows : n); j += columns) {
        Sum sum[rows][packs] = {};
        add_products(a + i * n, b + j, n, sum);
        store_tile(i, j, sum);
      }
  }
  template <class Sum>
  [[gnu::always_inline]] static inline void add_products(const double* a, const double* b, i64 n,
                                                         Sum (&sum)[rows][packs]) {
    for (i64 k = 0; k < n; ++k) {
      Real right[packs];
      for (int y = 0; y < packs; ++y) right[y] = load(b + k * n + y * lanes);
      for (int x = 0; x < rows; ++x) {
        const Real left(a[x * n + k]);
        for (int y = 0; y < packs; ++y) sum[x][y].add(left, right[y]);
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
  Tile::template products<Sum>(team, a, b, n, lower, [&](i64 i, i64 j, const auto& sum) {
    for (int x = 0; x < Tile::rows; ++x)
      for (int y = 0; y < Tile::packs; ++y)
        Tile::store(sum[x][y].total(), c + (i + x) * n + j + y * Tile::lanes);
  });
}

// c = a b^T, symmetric to the bit where it is said to be symmetric.
template <class Set>
inline void multiply_adjoint(const RowTeam<Set>& team, const double* a, const double* b,
                             bool symmetric, double* c, i64 n) {
  multiply(team, a, team.transpose(b, n), c, n, symmetric);
  core::mirror(team, symmetric, c, n);
}

// space.residual = Q - X + A X A^T, every sum in twice the precision.
template <class Set>
inline void find_residual(const RowTeam<Set>& team, i64 n, const double* a, const double* q,
                          const double* x, bool symmetric,
                          const core::LyapunovSpace<double>& space) {
  using Tile = RowTile<Set>;
  using Real = Pack<Set>;
  using Sum = core::DoubledSum<Real>;
  double *const high = space.left, *const low = space.update;
  Tile::template products<Sum>(team, a, x, n, false, [&](i64 i, i64 j, const auto& sum) {
    for (int r = 0; r < Tile::rows; ++r)
      for (int y = 0; y < Tile::packs; ++y) {
        const i64 e = (i + r) * n + j + y * Tile::lanes;
        Tile::store(sum[r][y].high(), high + e);
        Tile::store(sum[r][y].low(), low + e);
      }
  });
  const double* const across = team.transpose(a, n);
  Tile::template products<Sum>(team, high, across, n, symmetric, [&](i64 i, i64 j, auto& sum) {
    core::PlainSum<Real> rest[Tile::rows][Tile::packs] = {};
    Tile::add_products(low + i * n, across + j, n, rest);
    for (int r = 0; r < Tile::rows; ++r)
      for (int y = 0; y < Tile::packs; ++y) {
        const i64 e = (i + r) * n + j + y * Tile::lanes;
        sum[r][y].add(Real(0.0) - Tile::load(x + e));
        sum[r][y].add(Tile::load(q + e));
        sum[r][y].add(rest[r][y].total());
        Tile::store(sum[r][y].total(), space.residual + e);
      }
  });
  core::mirror(team, symmetric, space.residual, n);
}

template <class Set>
class RowEquation {
 public:
  // Of one item: a, q, x, five of scratch and one to transpose into.
  static constexpr i64 matrices = 9;
  static i64 padded(i64 n) { return (n + row_padding - 1) / row_padding * row_padding; }
  static i64 memory(i64 n) { return matrices * padded(n) * padded(n); }

  RowEquation(const LyapunovItems& items, i64 item, double* memory, const core::StopFlag& stop)
      : items_(items),
        item_(item),
        n_(padded(items.n)),
        size_(n_ * n_),
        a_(memory),
        q_(memory + size_),
        x_(memory + 2 * size_),
        space_{memory + 3 * size_, memory + 4 * size_, memory + 5 * size_, memory + 6 * size_,
               memory + 7 * size_},
        team_(&stop, memory + 8 * size_) {}

  // Status 3 stands for items that need more than doubles, too.
  void solve() {
    const double* const a = items_.a + item_ * items_.a_stride;
    const double* const q = items_.q + item_ * items_.q_stride;
    const core::ItemLook look = core::look_at(items_.n, 1, a, q);
    i32& status = items_.status[item_];
    double* const x = items_.x + item_ * items_.n * items_.n;
    core::Doubling<double> first;
    status = 2;
    if (look.sound) {
      pad(a, 1.0, a_);
      pad(q, look.scale, q_);
      const auto found =
          core::solve_plainly(team_, n_, a_, q_, true, look.hermitian, x_, space_, first);
      if (team_.stopped()) return;
      status = first.certain ? 1 : found ? 3 : 0;
    }
    if (status == 0 && !core::put_back(view(x_), look.scale, items_.n, x)) status = 3;
    if (status != 0)
      for (i64 e = 0; e < items_.n * items_.n; ++e) x[e] = __builtin_nan("");
    if (items_.steps != nullptr) items_.steps[item_] = static_cast<i32>(first.steps);
    if (items_.condition != nullptr) items_.condition[item_] = condition(status == 0);
  }

 private:
  void pad(const double* from, double scale, double* to) const {
    for (i64 e = 0; e < size_; ++e) to[e] = 0.0;
    for (i64 i = 0; i < items_.n; ++i)
      for (i64 j = 0; j < items_.n; ++j) to[i * n_ + j] = from[i * items_.n + j] * scale;
  }
  core::MatrixView view(const double* m) const { return {m, n_, 1, 0, 1}; }

  double condition(bool solved) {
    if (!solved) return __builtin_nan("");
    for (i64 e = 0; e < size_; ++e) q_[e] = e % (n_ + 1) == 0 && e / n_ < items_.n ? 1.0 : 0.0;
    core::copy(team_, a_, space_.power, size_);
    if (!core::double_up(team_, n_, true, true, q_, space_).converged) return __builtin_nan("");
    return core::condition_bound(view(a_), view(q_), items_.n);
  }

  const LyapunovItems& items_;
  i64 item_, n_, size_;
  double *a_, *q_, *x_;
  core::LyapunovSpace<double> space_;
  RowTeam<Set> team_;
};

}  // namespace autophage::simd
