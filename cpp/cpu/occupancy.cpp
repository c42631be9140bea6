// Drivers of the exact law: what is taken from a law p, and walks over the rows of
// core/occupancy.hpp. One thread: a row needs the row before.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

#include "occupancy_row.hpp"

namespace autophage::cpu {

void agreement(const double* law, const double* copies, std::int64_t tokens, double rest,
               std::int64_t draws, double* agree, double* differ) {
  const double log_top = rest < 0.5 ? std::log1p(-rest) : std::log(law[0]);
  const double others = std::accumulate(copies + 1, copies + tokens, 0.0);
  std::vector<double> ratio(law, law + tokens);
  for (double& r : ratio) r /= law[0];
  std::vector<double> power = ratio;
  agree[0] = agree[1] = 1.0;
  differ[0] = differ[1] = 0.0;
  i64 alive = tokens;  // the first tokens; the powers of the rest add nothing any more
  for (i64 j = 2; j <= draws; ++j) {
    const double exponent = static_cast<double>(j) * log_top;
    const double top = std::exp(exponent), not_top = 0.0 - std::expm1(exponent);
    for (i64 i = 1; i < alive; ++i) power[i] *= ratio[i];
    const double negligible = 1e-18 * std::min(1.0, not_top / top);
    while (alive > 1 && others * power[alive - 1] < negligible) --alive;
    const double more = copies[0] - 1.0 + core::lane_dot(power.data() + 1, copies + 1, alive - 1);
    agree[j] = top + top * more;
    differ[j] = not_top - top * more;
  }
}

bool distinct_tokens(const double* law, const double* copies, std::int64_t tokens,
                     std::int64_t draws, double* distinct, Poll poll) {
  Pace pace(poll);
  std::vector<double> seen(static_cast<std::size_t>(tokens));
  distinct[0] = 0.0;
  for (i64 j = 1; j <= draws; ++j) {
    for (i64 i = 0; i < tokens; ++i) seen[i] += law[i] * (1.0 - seen[i]);
    distinct[j] = core::lane_dot(seen.data(), copies, tokens);
    if (!pace.go_on(j, tokens)) return false;
  }
  return true;
}

bool collapse_sums(std::int32_t boxes, std::int64_t contexts, const double* differ, double* sum,
                   double* moment, Poll poll) {
  Pace pace(poll);
  const i64 stride = i64{boxes} + 1;
  std::vector<double> sums(static_cast<std::size_t>(contexts * stride)), moments = sums;
  Row row(boxes, boxes);
  for (i64 j = 2; j <= boxes; ++j) {
    core::throw_ball(*row);
    for (i64 c = 0; c < contexts; ++c)
      core::collapse_sums(*row, differ[c * stride + j], sums.data() + c * stride,
                          moments.data() + c * stride);
    if (!pace.go_on(j, row->width() * (1 + contexts))) return false;
  }
  for (i64 c = 0; c < contexts; ++c) {
    sum[c] = sums[c * stride + boxes];
    moment[c] = moments[c * stride + boxes];
  }
  return true;
}

bool expect_occupied(std::int32_t boxes, std::int32_t balls, std::int64_t contexts,
                     const double* weight, std::int64_t stride, double* result, Poll poll) {
  Pace pace(poll);
  const i64 width = i64{balls} + 1;
  Row row(boxes, balls);
  for (i64 c = 0; c < contexts; ++c) {
    result[c * width] = weight[c * stride];
    result[c * width + 1] = weight[c * stride + 1];
  }
  for (i64 j = 2; j <= balls; ++j) {
    const bool full = row->full();
    if (!full) core::throw_ball(*row);
    for (i64 c = 0; c < contexts; ++c)
      result[c * width + j] =
          full ? weight[c * stride + boxes] : core::expected(*row, weight + c * stride);
    if (!pace.go_on(j, row->width() * (1 + contexts))) return false;
  }
  return true;
}

bool stop_lineages(double fresh, std::int64_t contexts, const double* meets, std::int32_t most,
                   double* value, double* result, Poll poll) {
  Pace pace(poll);
  const i64 width = i64{most} + 1;
  for (i64 c = 0; c < contexts; ++c) {
    core::stop_lineages(fresh, meets[c], most, value + c * width, result + c * width);
    if (!pace.go_on(c, width * width)) return false;
  }
  return true;
}

}  // namespace autophage::cpu
