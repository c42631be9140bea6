// Discrete Lyapunov equations on threads: a unit of work is a few packs of items. What a pack could
// not solve is solved alone.
#include "../core/lyapunov.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "../backend.hpp"
#include "../core/lyapunov_items.hpp"
#include "../core/lyapunov_schur.hpp"
#include "linear_memory.hpp"
#include "pool.hpp"

namespace autophage::cpu {
namespace {

// One item by its Schur form, with memory of its own: hardly any item needs it.
template <class Number>
class Alone {
 public:
  Alone(const LyapunovJob& job, std::int64_t item, const core::StopFlag& stop)
      : job_(job),
        item_(item),
        n_(job.n),
        size_(static_cast<std::size_t>(job.n * job.n)),
        stop_(stop),
        items_(matrices * size_),
        plain_(core::schur_matrices * size_),
        wide_(core::schur_matrices * size_) {
    const double* const a = job.a + item * job.a_stride;
    const double* const q = job.q + item * job.q_stride;
    look_ = core::look_at(n_, parts, a, q);
    const std::size_t doubles = size_ * parts;
    auto *const to_a = reinterpret_cast<double*>(at(0)), *const to_q = to_a + doubles;
    std::copy_n(a, doubles, to_a);
    std::transform(q, q + doubles, to_q, [&](double value) { return value * look_.scale; });
  }

  void solve() {
    Number *const a = at(0), *const q = at(1), *const x = at(2), *const p = at(3);
    const bool asked = job_.condition != nullptr;
    const auto found = core::solve_by_schur(core::Solo(&stop_), n_, a, q, look_.hermitian, x, at(4),
                                            asked ? p : nullptr, space(plain_), space(wide_));
    if (stop_.raised()) return;
    std::int32_t& status = job_.status[item_];
    if (status == lost) status = found.diverged ? 1 : found.converged && store(x) ? 0 : lost;
    if (asked && status == 0) job_.condition[item_] = core::condition_bound(view(a), view(p), n_);
  }

  static constexpr std::int32_t lost = 3;

 private:
  static constexpr std::size_t matrices = 5;
  static constexpr int parts = sizeof(Number) / sizeof(double);

  Number* at(std::size_t matrix) { return items_.data() + matrix * size_; }
  template <class Real>
  core::SchurSpace<Real> space(std::vector<core::Complex<Real>>& memory) const {
    core::Complex<Real>* const m = memory.data();
    return {m, m + size_, m + 2 * size_, m + 3 * size_, m + 4 * size_};
  }

  core::MatrixView view(const Number* m) const {
    return {reinterpret_cast<const double*>(m), n_ * parts, parts, 1, parts};
  }
  bool store(const Number* x) const {
    return core::put_back(view(x), look_.scale, n_, job_.x + item_ * n_ * n_ * parts);
  }

  const LyapunovJob& job_;
  std::int64_t item_, n_;
  std::size_t size_;
  const core::StopFlag& stop_;
  std::vector<Number> items_;
  std::vector<core::Complex<double>> plain_;
  std::vector<core::Complex<core::Doubled<double>>> wide_;
  core::ItemLook look_{};
};

bool needs_more(const LyapunovJob& job, std::int64_t item) {
  const std::int32_t status = job.status[item];
  const bool asked = job.condition != nullptr && status == 0;
  return status == Alone<double>::lost || (asked && std::isnan(job.condition[item]));
}

void solve_alone(const LyapunovJob& job, std::int64_t item, const core::StopFlag& stop) {
  if (job.is_complex)
    Alone<core::Complex<double>>(job, item, stop).solve();
  else
    Alone<double>(job, item, stop).solve();
}

}  // namespace

bool solve(const LyapunovJob& job, const Poll& poll) {
  const simd::LinearKernels kernels = linear_kernels();
  const bool by_rows = !job.is_complex && job.n >= simd::smallest_of_rows;
  const simd::LyapunovItems items{job.n,        job.items,     job.a,  job.q,
                                  job.a_stride, job.q_stride,  job.x,  job.status,
                                  job.steps,    job.condition, by_rows};
  const std::int64_t pack = by_rows ? 1 : kernels.lanes;
  const std::int64_t packs = (job.items + pack - 1) / pack;
  const std::int64_t a_unit = std::clamp<std::int64_t>(packs / (8 * job.threads), 1, 64);
  const std::int64_t units = (packs + a_unit - 1) / a_unit;
  const int threads =
      static_cast<int>(std::clamp<std::int64_t>(job.threads, 1, std::max<std::int64_t>(units, 1)));
  std::vector<AlignedDoubles> memory(static_cast<std::size_t>(threads));
  core::StopFlag stop;
  return share(units, threads, poll, stop, [&](int worker, std::int64_t unit) {
    AlignedDoubles& mine = memory[static_cast<std::size_t>(worker)];
    const std::int64_t begin = unit * a_unit * pack;
    const std::int64_t end = std::min(begin + a_unit * pack, job.items);
    bool lost = !by_rows;
    if (by_rows) mine.resize(kernels.row_memory(job.n));
    for (std::int64_t item = begin; by_rows && item < end && !stop.raised(); ++item) {
      kernels.row(items, item, mine.data(), stop);
      lost = lost || needs_more(job, item);
    }
    if (!lost || stop.raised()) return;
    mine.resize(kernels.lyapunov_memory(job.n, job.is_complex));
    simd::LyapunovItems mine_alone = items;
    mine_alone.items = end;  // the last pack of a unit of rows is no other worker's
    for (std::int64_t first = begin; first < end && !stop.raised(); first += kernels.lanes)
      kernels.lyapunov(mine_alone, job.is_complex, first, mine.data(), stop);
    for (std::int64_t item = begin; item < end && !stop.raised(); ++item)
      if (needs_more(job, item)) solve_alone(job, item, stop);
  });
}

}  // namespace autophage::cpu
