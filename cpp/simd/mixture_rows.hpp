// Components in lanes: one row of numbers after another, with sums in the order that
// core/mixture_update.hpp fixes. Included by one file for each instruction set.
#pragma once

#include "../core/mixture_update.hpp"
#include "lanes.hpp"
#include "mixture_kernels.hpp"
#include "repeat.hpp"

namespace autophage::simd {

template <class Set, class Real>
class MixtureRowSteps {
 public:
  // Exponentials of differences to the largest log-likelihood.
  static void likelihoods(const MixtureRows& rows, const double* x, double* room, Real* f) {
    using Vector = Reals<Set>;
    const i64 features = rows.net->features;
    Vector top(-1e300);
    for (i64 at = 0; at < rows.padded; at += lane_count) {
      Vector sum = Vector(0.0) - Vector::load(rows.heights + at);
      for (i64 i = 0; i < features; ++i)
        sum = sum + Vector::load(rows.columns + i * rows.padded + at) * Vector(x[i]);
      sum.store(room + at);
      top = larger(sum, top);
    }
    alignas(64) double tops[lane_count];
    top.store(tops);
    double most = tops[0];
    for (const double one : tops) most = one > most ? one : most;
    for (i64 at = 0; at < rows.padded; at += lane_count) {
      core::exp_of_negative(Vector::load(room + at) - Vector(most)).store(room + at);
      for (int k = 0; k < lane_count / 2; ++k) f[at + k] = static_cast<Real>(room[at + k]);
      if (at + lane_count / 2 == rows.stride) break;  // a row of doubles that ends here
      for (int k = lane_count / 2; k < lane_count; ++k) f[at + k] = static_cast<Real>(room[at + k]);
    }
  }

  // As core::normalise has it, and squared differences of rows.
  static void observe(const MixtureRows& rows, const Real* weights, double* shown, double* squares,
                      double* sum) {
    using Vector = typename Reals<Set>::Part;
    constexpr int in_vector = Reals<Set>::in_part, in_sum = Reals<Set>::parts;
    const i64 models = rows.net->models, length = rows.padded / in_vector;
    const auto row = [&](i64 j) { return reinterpret_cast<Vector*>(shown + j * rows.padded); };
    double total = 0.0;
    for (i64 i = 0; i < models; ++i) {
      double* const w = shown + i * rows.padded;
      for (i64 k = 0; k < rows.stride; ++k)
        w[k] = static_cast<double>(weights[i * rows.stride + k]);
      for (i64 k = rows.stride; k < rows.padded; ++k) w[k] = 0.0;
      Vector* const a = row(i);
      Vector way[in_sum] = {};
      for (i64 v = 0; v < length; v += in_sum)
        repeat<Set, in_sum>([&](int p) { way[p] += a[v + p]; });
      const double whole = Set::total(way);
      for (i64 v = 0; v < length; ++v) a[v] /= whole - Vector{};
      if (!(whole > 0.0))
        for (i64 k = 0; k < rows.padded; ++k)
          w[k] = k < rows.net->components ? 1.0 / static_cast<double>(rows.net->components) : 0.0;
      for (i64 j = 0; j < i; ++j) {
        const Vector* const b = row(j);
        Vector square[in_sum] = {};
        for (i64 v = 0; v < length; v += in_sum)
          repeat<Set, in_sum>([&](int p) {
            const Vector gap = a[v + p] - b[v + p];
            square[p] += gap * gap;
          });
        total += squares[i * models + j] = Set::total(square);
      }
    }
    *sum = 2.0 * total;
  }

  static void learn(const MixtureRows& rows, const double* points, const Real* likelihoods,
                    const MixtureTask<Real>* tasks, i64 count, Rescue<Real> rescue,
                    const core::StopFlag* stop) {
    for (i64 first = 0; first < count; first += most_tasks) {
      const i64 some = count - first < most_tasks ? count - first : most_tasks;
      const Group group{rows, points, likelihoods, tasks + first, some, rescue, stop};
      if (rows.net->prior > 0.0)
        learn<true>(group);
      else
        learn<false>(group);
    }
  }

 private:
  using Part = typename Lanes<Set, Real>::Part;
  static constexpr int parts = Lanes<Set, Real>::parts;
  // Updates of so many models alternate: none waits for its own sum.
  static constexpr i64 most_tasks = 12;

  struct Group {
    const MixtureRows& rows;
    const double* points;
    const Real* likelihoods;
    const MixtureTask<Real>* tasks;
    i64 count;
    Rescue<Real> rescue;
    const core::StopFlag* stop;
  };

  // Short rows are written out, by units of 64 bytes.
  template <bool losing>
  static void learn(const Group& group) {
    switch (group.rows.stride * static_cast<i64>(sizeof(Real)) / 64) {
      case 1:
        return alternate<1, losing>(group);
      case 2:
        return alternate<2, losing>(group);
      case 3:
        return alternate<3, losing>(group);
      case 4:
        return alternate<4, losing>(group);
      case 5:
        return alternate<5, losing>(group);
      case 6:
        return alternate<6, losing>(group);
      case 7:
        return alternate<7, losing>(group);
      case 8:
        return alternate<8, losing>(group);
      default:
        return alternate<0, losing>(group);
    }
  }

  // Models take turns. With much to do after a sum, the sums of all come first.
  template <int units, bool losing>
  static void alternate(const Group& group) {
    Real hits[most_tasks];
    i64 most = 0;
    for (i64 j = 0; j < group.count; ++j)
      most = group.tasks[j].reads > most ? group.tasks[j].reads : most;
    for (i64 i = 0; i < most; ++i) {
      if ((i & 63) == 63 && group.stop != nullptr && group.stop->raised()) return;
      for (i64 j = 0; j < group.count; ++j) {
        if (i >= group.tasks[j].reads) continue;
        const MixtureTask<Real>& task = group.tasks[j];
        prefetch<units>(group, task, i);
        const Part* const f = row<units>(group, task, i);
        const Real hit = find_hit<units>(group, task, f);
        if constexpr (losing)
          hits[j] = hit;
        else
          update<units, losing>(group, task, i, f, hit);
      }
      for (i64 j = 0; losing && j < group.count; ++j) {
        const MixtureTask<Real>& task = group.tasks[j];
        if (i < task.reads)
          update<units, losing>(group, task, i, row<units>(group, task, i), hits[j]);
      }
    }
  }

  // step(v, way) for every part v of a row; `way` is the sum that it belongs to.
  template <int units, class Step>
  [[gnu::always_inline]] static inline void each(i64 bytes, const Step& step) {
    constexpr int known = units * 64 / Set::bytes;
    if constexpr (known > 0) {
      repeat<Set, known>([&](int v) { step(v, v % parts); });
    } else {
      const i64 length = bytes / Set::bytes;
      i64 v = 0;
      for (; v + parts <= length; v += parts) repeat<Set, parts>([&](int p) { step(v + p, p); });
      for (int p = 0; v + p < length; ++p) step(v + p, p);
    }
  }

  // The likelihoods of the post that is draw i of a task, or of a later one.
  template <int units>
  [[gnu::always_inline]] static inline const Part* row(const Group& group,
                                                       const MixtureTask<Real>& task, i64 i) {
    const i64 stride =
        units > 0 ? units * (64 / static_cast<i64>(sizeof(Real))) : group.rows.stride;
    return reinterpret_cast<const Part*>(group.likelihoods + task.order[i] * stride);
  }

  // Brings the next draw's likelihoods nearer.
  template <int units>
  [[gnu::always_inline]] static inline void prefetch(const Group& group,
                                                     const MixtureTask<Real>& task, i64 i) {
    const char* const next =
        reinterpret_cast<const char*>(row<units>(group, task, i + 1 < task.reads ? i + 1 : i));
    if constexpr (units > 0)
      repeat<Set, units>([&](int line) { __builtin_prefetch(next + 64 * line); });
    else
      for (i64 b = 0; b < group.rows.stride * static_cast<i64>(sizeof(Real)); b += 64)
        __builtin_prefetch(next + b);
  }

  template <int units>
  [[gnu::always_inline]] static inline Real find_hit(const Group& group,
                                                     const MixtureTask<Real>& task, const Part* f) {
    const i64 bytes = group.rows.stride * static_cast<i64>(sizeof(Real));
    const Part* const w = reinterpret_cast<const Part*>(task.weights);
    Part sum[parts] = {};
    each<units>(bytes, [&](i64 v, int way) {
      if (units > 0 && v < parts)
        sum[way] = w[v] * f[v];
      else
        sum[way] += w[v] * f[v];
    });
    return Set::total(sum);
  }

  template <int units, bool losing>
  [[gnu::always_inline]] static inline void update(const Group& group,
                                                   const MixtureTask<Real>& task, i64 i,
                                                   const Part* f, Real hit) {
    const i64 bytes = group.rows.stride * static_cast<i64>(sizeof(Real));
    if (!(hit >= core::least_hit<Real>)) [[unlikely]] {
      const core::MixtureNetwork& net = *group.rows.net;
      return group.rescue(net, task.rate, group.points + task.order[i] * net.features, task.weights,
                          *task.sum);
    }
    Part* const w = reinterpret_cast<Part*>(task.weights);
    const Part gain = task.rate.learnt / hit - Part{};
    if constexpr (!losing) {
      const Part keep = task.rate.kept - Part{};
      each<units>(bytes, [&](i64 v, int) { w[v] = w[v] * (keep + gain * f[v]); });
    } else {
      const Part keep = task.rate.kept / *task.sum - Part{}, lost = task.rate.lost - Part{};
      Part after[parts] = {};
      each<units>(bytes, [&](i64 v, int way) {
        const Part next = w[v] * (keep + gain * f[v]) - lost;
        const Part left = next > Part{} ? next : Part{};
        w[v] = left;
        after[way] += left;
      });
      *task.sum = Set::total(after);
    }
  }
};

}  // namespace autophage::simd
