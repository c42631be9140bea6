// Updates with components in lanes, with sums in the order that core/mixture_update.hpp fixes.
// Included by one file for each instruction set.
#pragma once

#include "../core/mixture_update.hpp"
#include "lanes.hpp"
#include "mixture_kernels.hpp"
#include "repeat.hpp"

namespace autophage::simd {

template <class Set, class Real>
class MixtureUpdates {
 public:
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
        return learn<1, losing>(group);
      case 2:
        return learn<2, losing>(group);
      case 3:
        return learn<3, losing>(group);
      case 4:
        return learn<4, losing>(group);
      case 5:
        return learn<5, losing>(group);
      case 6:
        return learn<6, losing>(group);
      case 7:
        return learn<7, losing>(group);
      case 8:
        return learn<8, losing>(group);
      default:
        return take_turns<0, losing>(group);
    }
  }

  // With registers enough, models in fours and fives keep their weights there, as far as all of
  // them read.
  template <int units, bool losing>
  static void learn(const Group& group) {
    const i64 parts_of_group = (group.count + 4) / 5;
    if constexpr (Set::bytes == 64 && !losing)
      if (group.count >= 4 * parts_of_group) {
        for (i64 g = 0, first = 0; g < parts_of_group; ++g) {
          Group part = group;
          part.tasks += first;
          part.count = group.count * (g + 1) / parts_of_group - first;
          first += part.count;
          learn_in_registers<units>(part);
        }
        return;
      }
    take_turns<units, losing>(group);
  }

  template <int units>
  static void learn_in_registers(const Group& group) {
    i64 least = group.tasks[0].reads;
    for (i64 j = 1; j < group.count; ++j)
      least = group.tasks[j].reads < least ? group.tasks[j].reads : least;
    for (i64 i = 0; i < least;)
      i = group.count == 4 ? in_registers<units, 4>(group, i, least)
                           : in_registers<units, 5>(group, i, least);
    take_turns<units, false>(group, least);
  }

  // Draws i, i + 1, .. of so many models, in turns, up to `end` or to a post that is far from a
  // model; returns the draw that is next.
  template <int units, int models>
  [[gnu::noinline]] static i64 in_registers(const Group& group, i64 i, i64 end) {
    constexpr int length = units * 64 / Set::bytes;
    const MixtureTask<Real>* const tasks = group.tasks;
    Part w[models][length];
    Real sum[models];
    repeat<Set, models>([&](int j) __attribute__((always_inline)) {
      const Part* const from = reinterpret_cast<const Part*>(tasks[j].weights);
      repeat<Set, length>([&](int v) { w[j][v] = from[v]; });
      sum[j] = *tasks[j].sum;
    });
    const auto learns = [&](int j) __attribute__((always_inline)) {
      prefetch<units>(group, tasks[j], i);
      const Part* const f = row<units>(group, tasks[j], i);
      Part hits[length], ways[parts] = {};  // a row may have fewer parts
      repeat<Set, length>([&](int v) {
        hits[v] = w[j][v] * f[v];
        ways[v % parts] = v < parts ? hits[v] : ways[v % parts] + hits[v];
      });
      const Real hit = Set::total(ways);
      if (!(hit >= tasks[j].rate.least)) [[unlikely]]
        return false;
      const Real more = tasks[j].rate.gained * sum[j];
      const Part gain = more / hit - Part{};
      repeat<Set, length>([&](int v) { w[j][v] = w[j][v] + gain * hits[v]; });
      sum[j] += more;
      if (sum[j] > Real(2)) [[unlikely]] {
        const Part scale = Real(1) / sum[j] - Part{};
        repeat<Set, length>([&](int v) { w[j][v] = w[j][v] * scale; });
        sum[j] = Real(1);
      }
      return true;
    };
    int done = models;
    for (; i < end && done == models; ++i) {
      if ((i & 63) == 63 && group.stop != nullptr && group.stop->raised()) break;
      done = all<models>(learns);
    }
    repeat<Set, models>([&](int j) __attribute__((always_inline)) {
      Part* const to = reinterpret_cast<Part*>(tasks[j].weights);
      repeat<Set, length>([&](int v) { to[v] = w[j][v]; });
      *tasks[j].sum = sum[j];
    });
    for (int j = done; j < models; ++j) take_turn<units, false>(group, tasks[j], i - 1);
    return done == models ? end : i;
  }

  // How many of step(0), step(1), .. are true before one is not.
  template <int models, int j = 0, class Step>
  [[gnu::always_inline]] static inline int all(const Step& step) {
    if constexpr (j == models)
      return models;
    else
      return step(j) ? all<models, j + 1>(step) : j;
  }

  // Models take turns, from draw `first` on. With much to do after a sum, the sums of all come
  // first.
  template <int units, bool losing>
  static void take_turns(const Group& group, i64 first = 0) {
    Real hits[most_tasks];
    i64 most = 0;
    for (i64 j = 0; j < group.count; ++j)
      most = group.tasks[j].reads > most ? group.tasks[j].reads : most;
    for (i64 i = first; i < most; ++i) {
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

  [[gnu::noinline]] static void far(const Group& group, const MixtureTask<Real>& task, i64 i) {
    const core::MixtureNetwork& net = *group.rows.net;
    group.rescue(net, task.rate, group.points + task.order[i] * net.features, task.weights,
                 *task.sum);
  }

  template <int units>
  [[gnu::noinline]] static void rescale(const Group& group, const MixtureTask<Real>& task) {
    Part* const w = reinterpret_cast<Part*>(task.weights);
    const Part scale = Real(1) / *task.sum - Part{};
    each<units>(group.rows.stride * static_cast<i64>(sizeof(Real)),
                [&](i64 v, int) { w[v] = w[v] * scale; });
    *task.sum = Real(1);
  }

  template <int units, bool losing>
  static void take_turn(const Group& group, const MixtureTask<Real>& task, i64 i) {
    const Part* const f = row<units>(group, task, i);
    update<units, losing>(group, task, i, f, find_hit<units>(group, task, f));
  }

  template <int units, bool losing>
  [[gnu::always_inline]] static inline void update(const Group& group,
                                                   const MixtureTask<Real>& task, i64 i,
                                                   const Part* f, Real hit) {
    const i64 bytes = group.rows.stride * static_cast<i64>(sizeof(Real));
    if (!(hit >= task.rate.least)) [[unlikely]]
      return far(group, task, i);
    Part* const w = reinterpret_cast<Part*>(task.weights);
    const Real more = task.rate.gained * *task.sum;
    const Part gain = more / hit - Part{};
    if constexpr (!losing) {
      each<units>(bytes, [&](i64 v, int) { w[v] = w[v] + gain * (w[v] * f[v]); });
      *task.sum += more;
    } else {
      const Part less = task.rate.dropped * *task.sum - Part{};
      Part after[parts] = {};
      each<units>(bytes, [&](i64 v, int way) {
        const Part next = w[v] + gain * (w[v] * f[v]) - less;
        const Part left = next > Part{} ? next : Part{};
        w[v] = left;
        after[way] += left;
      });
      *task.sum = Set::total(after);
    }
    if (*task.sum > Real(2)) [[unlikely]]
      rescale<units>(group, task);
  }
};

}  // namespace autophage::simd
