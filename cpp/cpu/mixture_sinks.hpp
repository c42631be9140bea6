// Where a network's records go: whole trajectories, or exact sums over runs.
#pragma once

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <type_traits>
#include <vector>

#include "../backend/mixture.hpp"
#include "../core/sums.hpp"

namespace autophage::cpu {

enum MixtureRecord : int { distance_record, distances_record, weights_record };
inline constexpr int mixture_records = 3;

// Cells of a record in one generation of one run.
inline std::int64_t cells_of(const MixtureJob& job, int record) {
  const std::int64_t cells[mixture_records] = {1, job.models * job.models,
                                               job.models * job.components};
  return cells[record];
}

class MixtureTrajectorySink {
 public:
  MixtureTrajectorySink(const MixtureJob& job, const MixtureTrajectories& out)
      : job_(job), out_{out.distance, out.distances, out.weights} {}

  static std::int64_t memory(const MixtureJob&) { return 0; }
  bool wants(int record) const { return out_[record] != nullptr; }
  void put(int record, std::int64_t run, std::int64_t t, const double* values) {
    const std::int64_t cells = cells_of(job_, record);
    std::copy_n(values, cells, out_[record] + (run * (job_.generations + 1) + t) * cells);
  }
  void flush(std::mutex&) {}

 private:
  const MixtureJob& job_;
  double* const out_[mixture_records];
};

// Sums of one unit of work, added to the job's when the unit ends.
class MixtureSumSink {
 public:
  MixtureSumSink(const MixtureJob& job, const MixtureSums& out)
      : job_(job), out_{out.distance, out.distances, out.weights} {
    const auto generations = static_cast<std::size_t>(job.generations + 1);
    if (wants(distance_record)) distance_.resize(generations);
    for (int r = distances_record; r < mixture_records; ++r)
      if (wants(r)) sums_[r].resize(generations * static_cast<std::size_t>(cells_of(job, r)));
  }

  bool wants(int record) const { return out_[record].sum != nullptr; }
  void put(int record, std::int64_t, std::int64_t t, const double* values) {
    if (record == distance_record) {
      distance_[static_cast<std::size_t>(t)].add(values[0]);
      return;
    }
    const std::int64_t cells = cells_of(job_, record);
    core::ExactSum* const sums = sums_[record].data() + t * cells;
    for (std::int64_t i = 0; i < cells; ++i) sums[i].add(core::to_fixed(values[i]));
  }
  void flush(std::mutex& mutex) {
    const std::lock_guard<std::mutex> lock(mutex);
    add(distance_, out_[distance_record]);
    for (int r = distances_record; r < mixture_records; ++r) add(sums_[r], out_[r]);
  }

 private:
  template <class Sum>
  static void add(std::vector<Sum>& sums, const ExactSums& out) {
    constexpr int limbs = std::extent_v<decltype(Sum::sum)>;
    constexpr int more = std::extent_v<decltype(Sum::squares)>;
    std::uint64_t *sum = out.sum, *squares = out.squares;
    for (Sum& cell : sums) {
      core::add_limbs(sum, limbs, cell.sum, limbs);
      core::add_limbs(squares, more, cell.squares, more);
      sum += limbs;
      squares += more;
      cell = {};
    }
  }

  const MixtureJob& job_;
  const ExactSums out_[mixture_records];
  std::vector<core::SignedSum> distance_;
  std::vector<core::ExactSum> sums_[mixture_records];
};

}  // namespace autophage::cpu
