// The true laws as the core wants them: each on its support, most probable token first, with its
// tables.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "../core/chain.hpp"

namespace autophage::cpu {

struct PreparedLaw {
  std::vector<double> p, share, share_more;
  std::vector<std::uint64_t> threshold;
  std::vector<std::int32_t> alias, token;  // token: rank -> index in the caller's law
  double sum_of_squares = 0;

  PreparedLaw(const double* law, std::int64_t tokens) {
    const std::vector<Ranked> ranked = rank(law, tokens);
    const std::size_t support = ranked.size();
    token.resize(support);
    p.resize(support);
    share.resize(support);
    share_more.resize(support);
    threshold.resize(support);
    alias.resize(support);
    for (std::size_t i = 0; i < support; ++i) {
      token[i] = ranked[i].token;
      p[i] = ranked[i].p;
    }
    double sum = 0.0, lost = 0.0;  // together the sum of p to 106 bits
    for (std::size_t i = 0; i < support; ++i) {
      const double before = sum;
      sum += p[i];
      lost += i == 0 ? 0.0 : p[i] - (sum - before);  // exact: the earlier sum is the larger term
      share[i] = p[i] / sum;
      share_more[i] = (std::fma(-share[i], sum, p[i]) - share[i] * lost) / sum;
    }
    for (std::size_t i = support; i-- > 0;) sum_of_squares += p[i] * p[i];
    std::vector<double> weight(p);
    std::vector<std::int32_t> stack(support);
    core::build_alias(weight.data(), static_cast<std::int32_t>(support), threshold.data(),
                      alias.data(), stack.data());
  }

  core::Truth truth() const {
    const auto support = static_cast<std::int32_t>(p.size());
    return {support,
            p.data(),
            share.data(),
            share_more.data(),
            {support, threshold.data(), alias.data()},
            sum_of_squares};
  }

 private:
  struct Ranked {
    double p;
    std::int32_t token;
  };

  // The tokens of the support, most probable first, ties in their order. Probabilities lie beside
  // the tokens, so that sorting a large vocabulary does not look them up all over memory.
  static std::vector<Ranked> rank(const double* law, std::int64_t tokens) {
    std::vector<Ranked> ranked;
    for (std::int64_t i = 0; i < tokens; ++i)
      if (law[i] > 0) ranked.push_back({law[i], static_cast<std::int32_t>(i)});
    std::sort(ranked.begin(), ranked.end(), [](const Ranked& a, const Ranked& b) {
      return a.p > b.p || (a.p == b.p && a.token < b.token);
    });
    return ranked;
  }
};

// The laws of a job, each prepared by the worker that first needs it: many contexts are shared
// among threads, and an interrupt does not wait for all of them.
class PreparedLaws {
 public:
  PreparedLaws(const double* laws, std::int64_t contexts, std::int64_t tokens)
      : laws_(laws),
        tokens_(tokens),
        once_(static_cast<std::size_t>(contexts)),
        prepared_(static_cast<std::size_t>(contexts)) {}

  const PreparedLaw& at(std::int64_t context) {
    const auto i = static_cast<std::size_t>(context);
    std::call_once(once_[i], [&] {
      prepared_[i] = std::make_unique<PreparedLaw>(laws_ + context * tokens_, tokens_);
    });
    return *prepared_[i];
  }

 private:
  const double* laws_;
  std::int64_t tokens_;
  std::vector<std::once_flag> once_;
  std::vector<std::unique_ptr<PreparedLaw>> prepared_;
};

}  // namespace autophage::cpu
