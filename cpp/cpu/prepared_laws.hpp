// The true laws as the core wants them: each on its support, most probable token first, with its
// tables.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "../core/chain.hpp"

namespace autophage::cpu {

struct PreparedLaw {
  std::vector<double> p, share;
  std::vector<std::uint64_t> threshold;
  std::vector<std::int32_t> alias, token;  // token: rank -> index in the caller's law
  double sum_of_squares = 0;

  PreparedLaw(const double* law, std::int64_t tokens) {
    for (std::int64_t i = 0; i < tokens; ++i)
      if (law[i] > 0) token.push_back(static_cast<std::int32_t>(i));
    std::stable_sort(token.begin(), token.end(),
                     [&](std::int32_t a, std::int32_t b) { return law[a] > law[b]; });
    const std::size_t support = token.size();
    p.resize(support);
    share.resize(support);
    threshold.resize(support);
    alias.resize(support);
    for (std::size_t i = 0; i < support; ++i) p[i] = law[token[i]];
    double tail = 0.0;
    for (std::size_t i = support; i-- > 0;) {
      tail += p[i];
      share[i] = p[i] / tail;
      sum_of_squares += p[i] * p[i];
    }
    std::vector<double> weight(p);
    std::vector<std::int32_t> stack(support);
    core::build_alias(weight.data(), static_cast<std::int32_t>(support), threshold.data(),
                      alias.data(), stack.data());
  }

  core::Truth truth() const {
    const auto support = static_cast<std::int32_t>(p.size());
    return {
        support, p.data(), share.data(), {support, threshold.data(), alias.data()}, sum_of_squares};
  }
};

}  // namespace autophage::cpu
