// Whole studies by every instruction set against the core alone, for tests of fully synthetic
// chains in lanes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "check.hpp"
#include "cpu/chain_workspace.hpp"
#include "instruction_sets.hpp"
#include "regimes.hpp"

namespace autophage::test {

inline std::uint64_t hash_of(const Study& study, Records records) {
  Hash hash;
  const Trajectories got = trajectories(study, records);
  hash.add(got);
  for (const Reals& reals : got.reals) hash.add(reals);
  return hash.value();
}

// Every set, alone, on threads and in a shard, against the core alone.
inline void compare(const Study& study, Records records) {
  Study threads = study, part = study;
  threads.job.threads = 3;
  part.job.first_run += 3;
  part.job.runs = std::max<std::int64_t>(study.job.runs - 5, 1);
  const auto [truth, truth_of_part] = [&] {
    const WithSet with("baseline");
    CHECK(hash_of(threads, records) == hash_of(study, records));
    return std::pair(hash_of(study, records), hash_of(part, records));
  }();
  for (const NamedSet& each : vector_sets()) {
    const WithSet with(each.name);
    CHECK(hash_of(study, records) == truth);
    CHECK(hash_of(threads, records) == truth);
    CHECK(hash_of(part, records) == truth_of_part);
  }
}

// Exact sums of a study's records, and of its times alone, by every set.
inline void compare_sums(const Study& study) {
  const auto [truth, times] = [&] {
    const WithSet with("baseline");
    return std::pair(totals(study), totals(study, false));
  }();
  for (const NamedSet& each : vector_sets()) {
    const WithSet with(each.name);
    const Totals got = totals(study), times_got = totals(study, false);
    for (int i = 0; i < 20; ++i) CHECK(got.limbs[i] == truth.limbs[i]);
    for (int i = 0; i < 4; ++i) CHECK(times_got.limbs[i] == times.limbs[i]);
    for (int i = 0; i < 2; ++i) CHECK(times_got.reached[i] == times.reached[i]);
  }
}

// Calls `with(job, space, table)` on a study's job and a thread's memory for it.
template <class With>
void with_space(const Study& study, With&& with) {
  with_job(study, [&](const ChainJob& job) {
    cpu::ChainWorkspace space(job, cpu::bounds_of(job));
    core::PairTable table = space.pair_table();
    with(job, space, table);
    return ChainOutcome{};
  });
}

}  // namespace autophage::test
