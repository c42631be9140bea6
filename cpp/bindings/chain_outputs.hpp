// Arrays of results by name, as the drivers of chains want them.
#pragma once

#include "bindings.hpp"

namespace autophage {

inline const char* const real_records[] = {"sigma",       "max_p",       "l1_to_truth",
                                           "l1_to_first", "l2_to_truth", "l2_to_first"};

inline ChainTrajectories trajectories(const py::dict& out) {
  ChainTrajectories to;
  to.collapse_time = target<std::int64_t>(out, "collapse_time");
  to.absorption_time = target<std::int64_t>(out, "absorption_time");
  to.final_token = target<std::int64_t>(out, "final_token");
  for (int r = 0; r < 6; ++r) to.reals[r] = target<double>(out, real_records[r]);
  to.support = target<std::int64_t>(out, "support");
  to.p = target<double>(out, "p");
  return to;
}

inline ChainSums sums(const py::dict& out) {
  ChainSums to;
  to.collapse_time = exact_sums(out, "collapse_time");
  to.absorption_time = exact_sums(out, "absorption_time");
  to.collapse_reached = target<std::int64_t>(out, "collapse_time_reached");
  to.absorption_reached = target<std::int64_t>(out, "absorption_time_reached");
  for (int r = 0; r < 6; ++r) to.records[r] = exact_sums(out, real_records[r]);
  to.records[6] = exact_sums(out, "support");
  to.p = exact_sums(out, "p");
  return to;
}

}  // namespace autophage
