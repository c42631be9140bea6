// The laws of entities as the core wants them, and the memory that one thread needs to run them.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "../backend.hpp"
#include "../core/chain_interacting.hpp"
#include "prepared_laws.hpp"

namespace autophage::cpu {

// Laws over the ranks of the union of all supports, the tokens most probable on average first.
class PreparedEntities {
 public:
  explicit PreparedEntities(const InteractingJob& job) : job_(job) {
    const auto tokens = static_cast<std::size_t>(job.tokens);
    mean_.resize(tokens);
    for (std::int64_t k = 0; k < job.entities; ++k)
      for (std::size_t i = 0; i < tokens; ++i) mean_[i] += law_of(k)[i];
    for (std::size_t i = 0; i < tokens; ++i)
      if (mean_[i] > 0 || job.public_law[i] > 0) token.push_back(static_cast<std::int32_t>(i));
    std::vector<double> weight(mean_);
    for (std::size_t i = 0; i < tokens; ++i) {
      mean_[i] /= static_cast<double>(job.entities);
      weight[i] = mean_[i] + job.public_law[i];
    }
    std::stable_sort(token.begin(), token.end(), [&](std::int32_t a, std::int32_t b) {
      return weight[static_cast<std::size_t>(a)] > weight[static_cast<std::size_t>(b)];
    });
    const auto laws = static_cast<std::size_t>(job.entities + 1);
    ranked_.resize(laws * token.size());
    support.resize(laws);
    squares.resize(laws);
    only_.resize(laws);
    every_ = job.real != nullptr ||
             *std::max_element(job.n, job.n + job.rows) > core::BinomialHeight::small_n;
    prepared_.resize(laws + 1);
    source_.resize(prepared_.size());
  }

  // Units of preparation: one a law, in any order.
  std::int64_t units() const { return job_.entities + 1; }
  void prepare(std::int64_t k) {
    const auto entry = static_cast<std::size_t>(k);
    double* const law = ranked_.data() + entry * token.size();
    for (std::size_t i = 0; i < token.size(); ++i) {
      law[i] = law_of(k)[token[i]];
      if (law[i] > 0) only_[entry] = support[entry]++ == 0 ? static_cast<std::int32_t>(i) : -1;
    }
    for (std::size_t i = token.size(); i-- > 0;) squares[entry] += law[i] * law[i];
    if (every_ || k == job_.entities) make_source(entry, law);
    if (job_.real != nullptr || k < job_.entities) return;
    std::vector<double> mean(token.size());
    for (std::size_t i = 0; i < token.size(); ++i)
      mean[i] = mean_[static_cast<std::size_t>(token[i])];
    make_source(entry + 1, mean.data());
  }

  core::Entities view() const {
    const double* const laws = ranked_.data();
    const std::size_t size = token.size();
    return {static_cast<std::int32_t>(job_.entities),
            static_cast<std::int32_t>(size),
            laws,
            laws + static_cast<std::size_t>(job_.entities) * size,
            job_.real,
            source_.data(),
            only_.data(),
            job_.own_pools};
  }

  std::vector<std::int32_t> token;    // rank -> token
  std::vector<std::int64_t> support;  // of each law, the public one last
  std::vector<double> squares;        // sum of squares of each

 private:
  const double* law_of(std::int64_t k) const {
    return k < job_.entities ? job_.laws + k * job_.tokens : job_.public_law;
  }
  void make_source(std::size_t entry, const double* law) {
    auto& made = prepared_[entry];
    made = std::make_unique<PreparedLaw>(law, static_cast<std::int64_t>(token.size()));
    const core::Truth truth = made->truth();
    source_[entry] = {truth.support, made->token.data(), truth.share, truth.share_more, nullptr, 0,
                      truth.alias};
  }

  const InteractingJob& job_;
  bool every_;  // whether draws come from every law, and not from the mean and the public one alone
  std::vector<double> mean_, ranked_;
  std::vector<std::int32_t> only_;
  std::vector<std::unique_ptr<PreparedLaw>> prepared_;
  std::vector<core::Source> source_;
};

class InteractingMemory {
 public:
  InteractingMemory(const InteractingJob& job, const PreparedEntities& laws) {
    const std::size_t tokens = laws.token.size();
    const auto pools = static_cast<std::size_t>(job.own_pools ? job.entities : 1);
    const std::int64_t most = *std::max_element(job.n, job.n + job.rows);
    const std::int64_t all = most * static_cast<std::int64_t>(pools);
    for (std::size_t k = 0; job.real != nullptr && k < laws.support.size(); ++k) {
      const std::size_t room = add_sample(kept_, std::min(laws.support[k], job.real[k]));
      threshold_.emplace_back(room);
      alias_.emplace_back(room);
    }
    for (std::size_t k = 0; k < pools; ++k)
      add_sample(pool_, std::min(static_cast<std::int64_t>(tokens), most));
    const std::size_t room = add_sample(pooled_, std::min(static_cast<std::int64_t>(tokens), all));
    labels_.resize(static_cast<std::size_t>(std::min(all, core::labelled_pool)));
    pooled_[0].label = labels_.data();
    threshold_.emplace_back(room);
    alias_.emplace_back(room);
    only_.resize(laws.support.size());
    source_.resize(kept_.size());
    for (auto& column : threshold_) thresholds_.push_back(column.data());
    for (auto& column : alias_) aliases_.push_back(column.data());
    weight_.resize(tokens);
    stack_.resize(tokens);
    dense_.resize(tokens);
    place_.assign(tokens, -1);
    rank_.resize(tokens);
    p.resize(tokens);
    first.resize(tokens);
    draws_.reserve(pools);
  }

  // Opens the streams of one run.
  core::InteractingSpace open(const core::RunName& name) {
    draws_.clear();
    for (std::size_t k = 0; k < pool_.size(); ++k)
      draws_.emplace_back(core::RunName{name.seed, name.run, k, name.stop});
    return {kept_.data(),  source_.data(),     thresholds_.data(), aliases_.data(), pool_.data(),
            pooled_[0],    thresholds_.back(), aliases_.back(),    only_.data(),    weight_.data(),
            stack_.data(), dense_.data(),      place_.data(),      rank_.data(),    draws_.data()};
  }

  std::vector<double> p, first;  // the law of an entity, and that of its generation 1

 private:
  // Room for so many living tokens.
  std::size_t add_sample(std::vector<core::Sample>& samples, std::int64_t living) {
    const auto room = static_cast<std::size_t>(living);
    tokens_.emplace_back(room);
    counts_.emplace_back(room);
    samples.push_back({tokens_.back().data(), counts_.back().data(), nullptr});
    return room;
  }

  std::vector<std::vector<std::int32_t>> tokens_, alias_;
  std::vector<std::vector<std::int64_t>> counts_;
  std::vector<std::vector<std::uint64_t>> threshold_;
  std::vector<core::Sample> kept_, pool_, pooled_;
  std::vector<core::Source> source_;
  std::vector<std::uint64_t*> thresholds_;
  std::vector<std::int32_t*> aliases_;
  std::vector<std::int32_t> labels_, only_, stack_, place_, rank_;
  std::vector<std::int64_t> dense_;
  std::vector<double> weight_;
  std::vector<core::Draws> draws_;
};

}  // namespace autophage::cpu
