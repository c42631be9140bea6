// Contaminated sources and what is built on them: generation t is n_t draws, each real with
// probability alpha_t, else from generation t - 1; optionally through a filter, optionally with
// alpha_t set by the run's own distance to the truth.
#pragma once

#include "chain.hpp"

namespace autophage::core {

enum class Filter : i32 { none, agnostic, likelihood_ratio };
enum class Adaptation : i32 { none, reciprocal, exponential };

struct MixedOptions {
  Filter filter = Filter::none;
  double type1 = 0, type2 = 0;  // shares of real data thrown away, of synthetic data kept
  double threshold = 1;         // the ratio test keeps a token when p_i >= threshold * p_i^(t-1)
  Adaptation adaptation = Adaptation::none;
  double constant = 0;
};

// ||c / n - p||_2^2: living tokens' own terms, and p_i^2 of the others.
AUTOPHAGE_HD inline double squared_distance(const Sample& sample, const Truth& law) {
  const double total = static_cast<double>(sample.total);
  double sum = law.sum_of_squares;
  for (i32 i = 0; i < sample.size; ++i) {
    const double p = law.p[sample.token[i]];
    const double share = static_cast<double>(sample.count_of(i)) / total;
    sum += (share - p) * (share - p) - p * p;
  }
  return sum > 0.0 ? sum : 0.0;
}

class MixedChain {
 public:
  // samples: two of them; weights and tail: `support` doubles each (ratio filter only).
  AUTOPHAGE_HD MixedChain(const Truth& law, const Schedule& schedule, const MixedOptions& options,
                          const RunName& name, Sample* samples, i64* dense, double* weights,
                          double* tail)
      : law_(law),
        schedule_(schedule),
        options_(options),
        draws_(name),
        builder_(dense),
        samples_(samples),
        weights_(weights),
        tail_(tail) {}

  AUTOPHAGE_HD const Sample* next(i64 t) {
    const i64 n = schedule_.n_at(t);
    const Sample& before = samples_[(t - 1) & 1];
    Sample& after = samples_[t & 1];
    if (t > 1 && options_.filter == Filter::likelihood_ratio) {
      if (!draw_by_ratio(n, alpha_after(t, before), before, after)) return nullptr;
      return &after;
    }
    i64 kept = n;
    double alpha = 1.0;
    if (t > 1) {
      alpha = alpha_after(t, before);
      if (options_.filter == Filter::agnostic) {
        const double real = alpha * (1.0 - options_.type1);
        const double share = real + (1.0 - alpha) * options_.type2;
        if (!(share > 0.0)) return nullptr;
        kept = draw_positive_binomial(n, share < 1.0 ? share : 1.0, draws_.split);
        alpha = real / share;
      }
    }
    const i64 real = draw_binomial(kept, alpha, draws_.split);
    builder_.begin(after, kept <= byte_limit);
    draws_.from_truth(law_, real, builder_);
    draws_.from_sample(before, kept - real, builder_);
    return &after;
  }

  AUTOPHAGE_HD void end() { builder_.release(); }

  AUTOPHAGE_HD bool absorbed(i64 t) const {
    const Sample& model = samples_[t & 1];
    if (law_.support == 1) return true;
    if (model.size != 1) return false;
    if (options_.adaptation != Adaptation::none) return alpha_after(t + 1, model) == 0.0;
    return t >= schedule_.last_fresh;
  }

 private:
  // The real share of generation t, given the model before it.
  AUTOPHAGE_HD double alpha_after(i64 t, const Sample& before) const {
    if (options_.adaptation == Adaptation::none) return schedule_.alpha_at(t);
    const double risk = squared_distance(before, law_);
    if (options_.adaptation == Adaptation::exponential)
      return 1.0 - exp(-0.5 * options_.constant * risk);
    return risk <= options_.constant ? 0.0 : 1.0 - square_root(options_.constant / risk);
  }

  AUTOPHAGE_HD bool draw_by_ratio(i64 n, double alpha, const Sample& before, Sample& after) {
    const double total = static_cast<double>(before.total);
    for (i32 i = 0; i < law_.support; ++i) weights_[i] = alpha * law_.p[i];
    for (i32 i = 0; i < before.size; ++i) {
      const i32 token = before.token[i];
      const double share = static_cast<double>(before.count_of(i)) / total;
      const bool keep = law_.p[token] >= options_.threshold * share;
      weights_[token] = keep ? weights_[token] + (1.0 - alpha) * share : 0.0;
    }
    double kept_share = 0.0;
    for (i32 i = law_.support - 1; i >= 0; --i) kept_share += weights_[i];
    if (!(kept_share > 0.0)) return false;
    const i64 kept = draw_positive_binomial(n, kept_share < 1.0 ? kept_share : 1.0, draws_.split);
    builder_.begin(after, false);
    draws_.from_weights(weights_, law_.support, tail_, kept, [](i32 i) { return i; }, builder_);
    return true;
  }

  const Truth& law_;
  const Schedule& schedule_;
  const MixedOptions& options_;
  Draws draws_;
  Builder builder_;
  Sample* samples_;
  double* weights_;
  double* tail_;
};

}  // namespace autophage::core
