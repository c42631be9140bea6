// What is recorded of a generation: each record a pure function of the sample, the truth and
// generation 1.
#pragma once

#include "chain.hpp"

namespace autophage::core {

enum class Record : i32 {
  sigma,
  max_p,
  l1_to_truth,
  l1_to_first,
  l2_to_truth,
  l2_to_first,
  support
};

// Generation 1 by token: counts of the whole support and their total. Null where no record asks for
// it.
struct First {
  const i64* count = nullptr;
  i64 total = 0;
  double sum_of_squares = 0;
};

// sum_i (c_i / n)^2; the sum is an exact integer while n < 2^31.
AUTOPHAGE_HD inline double sum_of_squares(const Sample& sample) {
  const double total = static_cast<double>(sample.total);
  if (sample.total < (i64{1} << 31)) return static_cast<double>(sample.squares) / (total * total);
  double sum = 0.0;
  for (i32 i = 0; i < sample.size; ++i) {
    const double share = static_cast<double>(sample.count_of(i)) / total;
    sum += share * share;
  }
  return sum;
}

AUTOPHAGE_HD inline double largest_share(const Sample& sample) {
  i64 most = 0;
  for (i32 i = 0; i < sample.size; ++i)
    most = sample.count_of(i) > most ? sample.count_of(i) : most;
  return static_cast<double>(most) / static_cast<double>(sample.total);
}

// sum over all tokens of |x - y| (or its square), where y is 0 or more outside the sample: the
// sample's own terms, and what y has left, which is `all` less what the sample's tokens have of it.
template <bool squared, class Reference>
AUTOPHAGE_HD double distance(const Sample& sample, double all, Reference&& reference) {
  const double total = static_cast<double>(sample.total);
  double sum = 0.0, seen = 0.0;
  for (i32 i = 0; i < sample.size; ++i) {
    const double y = reference(sample.token[i]);
    const double difference = static_cast<double>(sample.count_of(i)) / total - y;
    sum += squared ? difference * difference : absolute(difference);
    seen += squared ? y * y : y;
  }
  const double rest = all - seen;
  return sum + (rest > 0.0 ? rest : 0.0);
}

// The same against generation 1; nothing is left of it where the sample has all its tokens.
template <bool squared>
AUTOPHAGE_HD double distance_to_first(const Sample& sample, const First& first) {
  i64 seen = 0;
  for (i32 i = 0; i < sample.size; ++i) seen += first.count[sample.token[i]];
  double all = squared ? first.sum_of_squares : 1.0;
  if (seen == first.total) all = 0.0;
  return distance<squared>(sample, all, [&](i32 token) {
    return static_cast<double>(first.count[token]) / static_cast<double>(first.total);
  });
}

// sum_i |c_i / n - f_i / N|, an exact integer over n N while n N < 2^60. Differences of laws add up
// to zero: the sum is twice that of the positive ones, which lie in the sample.
AUTOPHAGE_HD inline double l1_to_first(const Sample& sample, const First& first) {
  const double scale = static_cast<double>(sample.total) * static_cast<double>(first.total);
  if (scale < 0x1p60) {
    const i64 *const start = first.count, *const count = sample.count;
    const i64 total = sample.total, first_total = first.total;
    const bool by_token = sample.by_token;
    i64 sum = 0;
    for (i32 i = 0; i < sample.size; ++i) {
      const i32 token = sample.token[i];
      const i64 difference = count[by_token ? token : i] * first_total - start[token] * total;
      sum += difference > 0 ? difference : 0;
    }
    return static_cast<double>(2 * sum) / scale;
  }
  return distance_to_first<false>(sample, first);
}

AUTOPHAGE_HD inline double measure(Record record, const Sample& sample, const Truth& law,
                                   const First& first) {
  const auto truth = [&](i32 token) { return law.p[token]; };
  const bool whole = sample.size == law.support;  // then nothing of p is left outside the sample
  switch (record) {
    case Record::sigma:
      return sum_of_squares(sample);
    case Record::max_p:
      return largest_share(sample);
    case Record::l1_to_truth:
      return distance<false>(sample, whole ? 0.0 : 1.0, truth);
    case Record::l1_to_first:
      return l1_to_first(sample, first);
    case Record::l2_to_truth:
      return distance<true>(sample, whole ? 0.0 : law.sum_of_squares, truth);
    case Record::l2_to_first:
      return distance_to_first<true>(sample, first);
    case Record::support:
      return static_cast<double>(sample.size);
  }
  return 0.0;
}

}  // namespace autophage::core
