// Where a network's records go: whole trajectories, or exact sums over runs. A record is a number
// of cells a run; `put` says whether the value could be kept.
#pragma once

#include <cstdint>
#include <mutex>

#include "../backend.hpp"
#include "../core/sums.hpp"
#include "zeroed.hpp"

namespace autophage::cpu {

enum LinearRecord : int { estimate_record, squared_error_record, prediction_error_record };
inline constexpr int linear_records = 3;

// Cells of a record in one run.
inline std::int64_t cells_of(const LinearJob& job, int record) {
  const std::int64_t last[linear_records] = {job.features, 1, job.entities};
  return (job.generations + 1) * job.entities * last[record];
}

class LinearTrajectorySink {
 public:
  LinearTrajectorySink(const LinearJob& job, const LinearTrajectories& out)
      : job_(job), out_{out.estimate, out.squared_error, out.prediction_error} {}

  bool wants(int record) const { return out_[record] != nullptr; }
  bool put(int record, std::int64_t run, std::int64_t cell, double value) {
    out_[record][run * cells_of(job_, record) + cell] = value;
    return true;
  }
  void flush(std::mutex&, const core::StopFlag&) {}

 private:
  const LinearJob& job_;
  double* const out_[linear_records];
};

// Sums of one unit of work, added to the job's when the unit ends.
class LinearSumSink {
 public:
  LinearSumSink(const LinearJob& job, const LinearSums& out)
      : out_{out.estimate, out.squared_error, out.prediction_error}, units_(job.units) {
    for (int r = 0; r < linear_records; ++r)
      if (wants(r)) sums_[r] = Zeroed<core::SignedSum>(static_cast<std::size_t>(cells_of(job, r)));
  }

  bool wants(int record) const { return out_[record].sum != nullptr; }
  bool put(int record, std::int64_t, std::int64_t cell, double value) {
    const double scaled = value / units_[record];  // exact: units are powers of two
    if (!(core::absolute(scaled) <= core::SignedSum::limit)) return false;  // nor is NaN
    sums_[record][static_cast<std::size_t>(cell)].add(scaled);
    return true;
  }
  // Sums of a job that is told to stop are worthless.
  void flush(std::mutex& mutex, const core::StopFlag& stop) {
    const std::lock_guard<std::mutex> lock(mutex);
    for (int r = 0; r < linear_records; ++r) {
      std::uint64_t *sum = out_[r].sum, *squares = out_[r].squares;
      for (std::size_t i = 0; i < sums_[r].size(); ++i) {
        if (looks_up(i) && stop.raised()) return;
        core::SignedSum& cell = sums_[r][i];
        core::add_limbs(sum, 4, cell.sum, 4);
        core::add_limbs(squares, 7, cell.squares, 7);
        sum += 4;
        squares += 7;
        cell = {};
      }
    }
  }

 private:
  const ExactSums out_[linear_records];
  const double* units_;
  Zeroed<core::SignedSum> sums_[linear_records];
};

}  // namespace autophage::cpu
