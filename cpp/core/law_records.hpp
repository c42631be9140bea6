// What is recorded of a law that is a mixture: the records of chain_records.hpp as functions of its
// probabilities.
#pragma once

#include "chain_records.hpp"

namespace autophage::core {

// sum_i term(i), i < size, in four partial sums, which need not wait for each other.
template <class Term>
AUTOPHAGE_HD double sum_terms(i32 size, Term&& term) {
  double a = 0.0, b = 0.0, c = 0.0, d = 0.0;
  i32 i = 0;
  for (; i + 4 <= size; i += 4) {
    a += term(i);
    b += term(i + 1);
    c += term(i + 2);
    d += term(i + 3);
  }
  for (; i < size; ++i) a += term(i);
  return (a + b) + (c + d);
}

// A law over the places 0 .. living - 1, and what it is measured against.
struct LawView {
  const double* p;
  const double* first;  // generation 1 at the same places
  i32 living;
  const i32* rank;
  const double* truth;            // by rank
  double unseen, unseen_squares;  // sum and sum of squares of the truth at no place
};

// max(0, all - sum_i f(truth at place i)): what the truth has elsewhere.
AUTOPHAGE_HD inline double unseen_of(const LawView& law, double all, bool squared) {
  const double rest = all - sum_terms(law.living, [&](i32 i) {
                        const double q = law.truth[law.rank[i]];
                        return squared ? q * q : q;
                      });
  return rest > 0.0 ? rest : 0.0;
}

template <bool squared, class Reference>
AUTOPHAGE_HD double distance_between(const LawView& law, Reference&& reference) {
  return sum_terms(law.living, [&](i32 i) {
    const double difference = law.p[i] - reference(i);
    return squared ? difference * difference : absolute(difference);
  });
}

AUTOPHAGE_HD inline i32 support_of(const LawView& law) {
  i32 size = 0;
  for (i32 i = 0; i < law.living; ++i) size += law.p[i] > 0.0;
  return size;
}

AUTOPHAGE_HD inline double measure(Record record, const LawView& law) {
  const auto truth = [&](i32 i) { return law.truth[law.rank[i]]; };
  const auto first = [&](i32 i) { return law.first[i]; };
  switch (record) {
    case Record::sigma:
      return sum_terms(law.living, [&](i32 i) { return law.p[i] * law.p[i]; });
    case Record::max_p: {
      double most = 0.0;
      for (i32 i = 0; i < law.living; ++i) most = law.p[i] > most ? law.p[i] : most;
      return most;
    }
    case Record::l1_to_truth:
      return distance_between<false>(law, truth) + law.unseen;
    case Record::l1_to_first:
      return distance_between<false>(law, first);
    case Record::l2_to_truth:
      return distance_between<true>(law, truth) + law.unseen_squares;
    case Record::l2_to_first:
      return distance_between<true>(law, first);
    case Record::support:
      return static_cast<double>(support_of(law));
  }
  return 0.0;
}

}  // namespace autophage::core
