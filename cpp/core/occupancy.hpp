// The exact law of collapse: balls thrown into boxes.
//
// Traced back, each of the n samples of a generation picks its parent uniformly among the samples
// of the generation before, so j samples have as many distinct parents as j balls thrown into n
// boxes hit boxes. Row j of the occupancy law, q(j, k), follows from row j - 1 by one more ball:
// q(j, k) = q(j-1, k) k/n + q(j-1, k-1) (n-k+1)/n, a sum of positive terms.
//
// Only a band of a row is kept: entries below `occupancy_floor` at either end are dropped, which
// leaves some 20 standard deviations, O(sqrt n) columns. At most two entries are dropped per ball,
// so row j lacks at most 2e-22 j. That matters relative to the chance of leaving j, which is
// 1 - q(j, j) >= min(1/2, j (j-1) / (4n)): at most 8e-22 n / (j-1), and summed over every j that a
// lineage can visit less than 1e-21 n ln n < 1e-13 for n <= 4e6.
//
// Rounding: the total of row j drifts by up to j 2^-53, as the factor 1/n is rounded. Whatever is
// taken from a row is therefore a ratio of two sums over it, in which the drift cancels. All sums
// are of positive terms, so every result is right relative to itself, however small.
//
// No sampler is used here, so that this law can judge the samplers. Plain IEEE + - * /.
#pragma once

#include "host_device.hpp"

namespace autophage::core {

inline constexpr double occupancy_floor = 1e-22;

// Sum of a[i] b[i] in a fixed shape, eight partial sums and then pairs, so that a compiler may use
// vectors and the bits stay the same.
AUTOPHAGE_HD inline double lane_dot(const double* a, const double* b, i64 count) {
  double lane[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  i64 i = 0;
  for (; i + 8 <= count; i += 8)
    for (int l = 0; l < 8; ++l) lane[l] += a[i + l] * b[i + l];
  for (int l = 0; i < count; ++i, ++l) lane[l] += a[i] * b[i];
  return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

// Sum of a[i], in the same shape.
AUTOPHAGE_HD inline double lane_sum(const double* a, i64 count) {
  double lane[8] = {0, 0, 0, 0, 0, 0, 0, 0};
  i64 i = 0;
  for (; i + 8 <= count; i += 8)
    for (int l = 0; l < 8; ++l) lane[l] += a[i + l];
  for (int l = 0; i < count; ++i, ++l) lane[l] += a[i];
  return ((lane[0] + lane[4]) + (lane[1] + lane[5])) + ((lane[2] + lane[6]) + (lane[3] + lane[7]));
}

// into[i] += factor a[i].
AUTOPHAGE_HD inline void add_scaled(double factor, const double* __restrict a, i64 count,
                                    double* __restrict into) {
  for (i64 i = 0; i < count; ++i) into[i] += factor * a[i];
}

// One row of the occupancy law. Both buffers hold min(boxes, most balls) + 2 doubles, at least 3,
// indexed by the number of distinct boxes; row[k] is significant for first <= k <= last, and zero
// at first - 1 and last + 1.
struct OccupancyRow {
  double* row;
  double* spare;
  i32 boxes;
  i32 balls;
  i32 first;
  i32 last;

  AUTOPHAGE_HD const double* begin() const { return row + first; }
  AUTOPHAGE_HD i32 width() const { return last - first + 1; }
  AUTOPHAGE_HD double sum() const { return lane_sum(begin(), width()); }
  // Every box is hit for certain: no later row differs.
  AUTOPHAGE_HD bool full() const { return first == boxes; }
};

// The row of one ball: one box.
AUTOPHAGE_HD inline OccupancyRow one_ball(double* row, double* spare, i32 boxes) {
  row[0] = 0.0;
  row[1] = 1.0;
  row[2] = 0.0;
  return {row, spare, boxes, 1, 1, 1};
}

// The next row, in place of this one.
AUTOPHAGE_HD inline void throw_ball(OccupancyRow& o) {
  const double per_box = 1.0 / o.boxes;
  const i32 last = o.last < o.boxes ? o.last + 1 : o.last;
  const i32 first = o.first, count = last - first + 1, empty = o.boxes + 1 - first;
  const double* __restrict from = o.row + first;
  double* __restrict to = o.spare + first;
  for (i32 i = 0; i < count; ++i)
    to[i] = from[i] * ((first + i) * per_box) + from[i - 1] * ((empty - i) * per_box);
  o.first = first;
  o.last = last;
  while (o.spare[o.first] < occupancy_floor) ++o.first;
  while (o.spare[o.last] < occupancy_floor) --o.last;
  o.spare[o.first - 1] = 0.0;
  o.spare[o.last + 1] = 0.0;
  double* const used = o.row;
  o.row = o.spare;
  o.spare = used;
  ++o.balls;
}

// E weight[K], K the number of distinct boxes of this row.
AUTOPHAGE_HD inline double expected(const OccupancyRow& o, const double* weight) {
  return lane_dot(o.begin(), weight + o.first, o.width()) / o.sum();
}

// With A_0 = j lineages and differ[j] = P(j draws from p do not all agree) (differ[1] = 0):
//   sum[j]    = sum over m >= 0 of E differ[A_m],
//   moment[j] = sum over m >= 0 of m E differ[A_m],
// from the values at fewer lineages; `o` is row j, 2 <= j <= boxes. The equations are
//   (1 - q(j,j)) sum[j]    = differ[j]                             + sum_{k<j} q(j,k) sum[k],
//   (1 - q(j,j)) moment[j] = q(j,j) sum[j] + sum_{k<j} q(j,k) sum[k] + sum_{k<j} q(j,k) moment[k].
AUTOPHAGE_HD inline void collapse_sums(const OccupancyRow& o, double differ, double* sum,
                                       double* moment) {
  const i32 j = o.balls;
  const double stay = o.last == j ? o.row[j] : 0.0;
  const i32 fewer = o.last == j ? o.width() - 1 : o.width();
  const double leave = lane_sum(o.begin(), fewer);
  const double later = lane_dot(o.begin(), sum + o.first, fewer);
  sum[j] = (differ * (leave + stay) + later) / leave;
  moment[j] = (stay * sum[j] + later + lane_dot(o.begin(), moment + o.first, fewer)) / leave;
}

// Binomial law of `trials` draws that hit with odds hit : miss (not both zero), in
// law[0 .. trials], from the mode outwards by ratios of neighbours, so that no factorial is needed.
// Entries below `occupancy_floor` of the mode's are zero.
AUTOPHAGE_HD inline void binomial_law(i32 trials, double hit, double miss, double* law) {
  for (i32 k = 0; k <= trials; ++k) law[k] = 0.0;
  const double odds = hit / miss, mean = (trials + 1.0) * (hit / (hit + miss));
  const i32 mode = mean < trials ? static_cast<i32>(mean) : trials;
  i32 first = mode, last = mode;
  law[mode] = 1.0;
  while (last < trials) {
    const double next = law[last] * (odds * (trials - last) / (last + 1));
    if (!(next >= occupancy_floor)) break;
    law[++last] = next;
  }
  while (first > 0) {
    const double next = law[first] * (first / (odds * (trials - first + 1)));
    if (!(next >= occupancy_floor)) break;
    law[--first] = next;
  }
  const double sum = lane_sum(law + first, last - first + 1);
  for (i32 k = first; k <= last; ++k) law[k] /= sum;
}

// Each of j lineages stops with chance `fresh` at a real draw, which meets the condition with
// chance `meets`; the others go on, r of them with value[r]. On return value[j], j = 0 .. most, is
// the expectation of meets^(stopped) value[going on]. One lineage decides at a time: after t of
// them value[r] stands for r others that are known to go on.
AUTOPHAGE_HD inline void stop_lineages(double fresh, double meets, i32 most, double* value,
                                       double* result) {
  const double stops = fresh * meets, goes_on = 1.0 - fresh;
  result[0] = value[0];
  for (i32 j = 1; j <= most; ++j) {
    for (i32 r = 0; r <= most - j; ++r) value[r] = stops * value[r] + goes_on * value[r + 1];
    result[j] = value[0];
  }
}

}  // namespace autophage::core
