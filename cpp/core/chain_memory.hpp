// Regimes that remember: kept real data, windows of models, all models, accumulated data, subsamples of it.
#pragma once

#include "chain.hpp"

namespace autophage::core {

// Generation 1: real_1 draws from p. Then the first real_t of one fixed sequence of real draws, and n_t from generation t - 1.
// While labels are kept, the real ones stand first in both samples, and only the synthetic ones behind them change.
class PartiallySyntheticChain {
 public:
  // samples: three of them.
  AUTOPHAGE_HD PartiallySyntheticChain(const Truth& law, const Schedule& schedule, u64 seed, u64 run, u64 context, Sample* samples,
                                       i64* dense)
      : law_(law), schedule_(schedule), draws_(seed, run, context), builder_(dense), samples_(samples), real_(samples[2]) {
    real_.clear();
  }

  AUTOPHAGE_HD const Sample* next(i64 t) {
    const i64 wanted = schedule_.real_at(t);
    const i64 n = t == 1 ? 0 : schedule_.n_at(t);
    const bool small = wanted + n <= labelled_sample;
    if (t > 1 && small && in_place_ && wanted == real_.total && Draws::by_label(*newest_, n)) {
      redraw(n);
      return newest_;
    }
    in_place_ = small;
    if (wanted > real_.total) grow(wanted);
    const Sample& before = samples_[(t - 1) & 1];
    const Sample& source = newest_ == nullptr ? before : *newest_;
    Sample& after = newest_ == &samples_[0] ? samples_[1] : samples_[0];
    builder_.begin(after, small);
    for (i32 i = 0; i < real_.size; ++i) builder_.add(real_.token[i], real_.count_of(i));
    draws_.from_sample(source, n, builder_);
    newest_ = &after;
    synthetic_ = n;
    if (small) copy_real_labels();
    return newest_;
  }

  AUTOPHAGE_HD bool absorbed(i64 t) const { return law_.support == 1 || (newest_->size == 1 && t >= schedule_.last_fresh); }

  AUTOPHAGE_HD void end() { builder_.release(); }

 private:
  // Replaces the synthetic labels of the newest sample by n draws from it. They are written behind the real labels of a second
  // array, while the first one is read.
  AUTOPHAGE_HD void redraw(i64 n) {
    Sample& sample = *newest_;
    const i32* label = sample.label;
    i32* const spare = real_.label;
    i32* const child = spare + real_.total;
    draws_.pick(sample.total, n, [&](i64 i, u32 index) { child[i] = label[index]; });
    if (synthetic_ > real_.size) {
      builder_.restore(real_);
    } else {
      builder_.remove_labels(synthetic_);
    }
    real_.label = sample.label;
    sample.label = spare;
    builder_.add_known_labels(n);
    synthetic_ = n;
  }

  // Keeps the real labels of the newest sample, which stand first, in the second array as well: that of `real_`, which needs none.
  AUTOPHAGE_HD void copy_real_labels() {
    for (i64 i = 0; i < real_.total; ++i) real_.label[i] = newest_->label[i];
  }

  AUTOPHAGE_HD void grow(i64 wanted) {
    const i64 more = wanted - real_.total;
    const i32 size = real_.size;
    builder_.begin(real_, false);
    for (i32 i = 0; i < size; ++i) builder_.add(real_.token[i], real_.frozen[i]);
    draws_.from_truth(law_, more, [&](i32 token, i64 k) { builder_.add(token, k); });
    builder_.release();
  }

  const Truth& law_;
  const Schedule& schedule_;
  Draws draws_;
  Builder builder_;
  Sample* samples_;
  Sample& real_;
  Sample* newest_ = nullptr;
  i64 synthetic_ = 0;
  bool in_place_ = false;
};

// n_t draws split evenly over the models max(0, t - window) .. t - 1, the rest one each to the newest. Model 0 is p.
class MostRecentChain {
 public:
  // ring: window + 1 samples, or as many as there will be generations plus one, if that is less.
  AUTOPHAGE_HD MostRecentChain(const Truth& law, const Schedule& schedule, i64 window, u64 seed, u64 run, u64 context, Sample* ring,
                               i64 ring_size, i64* dense)
      : law_(law),
        schedule_(schedule),
        window_(window),
        draws_(seed, run, context),
        builder_(dense),
        ring_(ring),
        ring_size_(ring_size) {}

  AUTOPHAGE_HD const Sample* next(i64 t) {
    const i64 n = schedule_.n_at(t);
    const i64 models = t < window_ ? t : window_;
    const i64 share = n / models, extra = n % models;
    Sample& after = ring_[slot_];
    builder_.begin(after, n <= labelled_sample);
    alike_ = n != alike_n_ ? 0 : alike_;  // how many models in a row have had this n
    alike_n_ = n;
    i64 source = slot_ - models < 0 ? slot_ - models + ring_size_ : slot_ - models;
    i64 m = t - models;
    if (m == 0) {
      draws_.from_truth(law_, share + (t <= extra), [&](i32 token, i64 k) { builder_.add(token, k); });
      if (++source == ring_size_) source = 0;
      ++m;
    }
    if (after.labelled && alike_ >= t - m && share < byte_limit) {
      pick_labels(n, t, m, source, share, extra, after);
    } else {
      for (; m < t; ++m) {
        draws_.from_sample(ring_[source], share + (t - m <= extra), builder_);
        if (++source == ring_size_) source = 0;
      }
    }
    ++alike_;
    if (++slot_ == ring_size_) slot_ = 0;
    const bool same = after.size == 1 && streak_ > 0 && after.token[0] == streak_token_;
    streak_ = after.size == 1 ? (same ? streak_ + 1 : 1) : 0;
    streak_token_ = after.token[0];
    return &after;
  }

  AUTOPHAGE_HD bool absorbed(i64) const { return law_.support == 1 || streak_ >= window_; }

  AUTOPHAGE_HD void end() { builder_.release(); }

 private:
  // The same draws as model by model, where all models have n labels: one row of indices for all.
  AUTOPHAGE_HD void pick_labels(i64 n, i64 t, i64 m, i64 source, i64 share, i64 extra, const Sample& after) {
    const i64 wanted = n - after.total;
    i32* child = builder_.room();
    draws_.pick(n, wanted, [&](i64 i, u32 index) { child[i] = static_cast<i32>(index); });
    for (i64 i = 0; m < t; ++m) {
      const i32* label = ring_[source].label;
      for (const i64 last = i + share + (t - m <= extra); i < last; ++i) child[i] = label[child[i]];
      if (++source == ring_size_) source = 0;
    }
    builder_.add_labels(wanted);
  }

  const Truth& law_;
  const Schedule& schedule_;
  i64 window_;
  Draws draws_;
  Builder builder_;
  Sample* ring_;
  i64 ring_size_;
  i64 slot_ = 0;    // where the next generation goes
  i64 alike_ = 0, alike_n_ = 0;
  i64 streak_ = 0;  // how many models in a row have been the same point mass
  i32 streak_token_ = -1;
};

// Each of n_t draws comes from a model chosen uniformly among 0 .. t - 1. While n stays the same and the pool small, that is a uniform choice among
// t n equally likely labels, of which the first n stand for p; afterwards the models' laws are summed as weights.
class RandomlySampledChain {
 public:
  // sample, pool: one each; dense, weights, gathered, tail: `support` entries each, weights zero.
  AUTOPHAGE_HD RandomlySampledChain(const Truth& law, const Schedule& schedule, u64 seed, u64 run, u64 context, Sample& sample,
                                    Sample& pool, i64* dense, double* weights, double* gathered, double* tail)
      : law_(law),
        schedule_(schedule),
        draws_(seed, run, context),
        builder_(dense),
        sample_(sample),
        pool_(pool),
        weights_(weights),
        gathered_(gathered),
        tail_(tail) {
    pool_.clear();
  }

  AUTOPHAGE_HD const Sample* next(i64 t) {
    const i64 n = schedule_.n_at(t), first = schedule_.n_at(1);
    const i64 pooled = first <= labelled_sample && n == first ? t * first : labelled_pool;
    if (by_label_ && pooled > labelled_pool - n) weigh_labels(first);
    if (t == 1 && by_label_)
      for (; pool_.total < n; ++pool_.total) pool_.label[pool_.total] = from_p;
    sample_.label = pool_.label + pool_.total;  // new labels join the pool where they are written
    builder_.begin(sample_, by_label_);
    const auto add = [&](i32 token, i64 k) { builder_.add(token, k); };
    if (t == 1) {
      draws_.from_truth(law_, n, add);
    } else if (by_label_) {
      pick_labels(pooled, n);
    } else {
      const i64 real = draw_binomial_share(n, 1, t, draws_.split);
      draws_.from_truth(law_, real, add);
      for (i32 i = 0; i < pool_.size; ++i) gathered_[i] = weights_[pool_.token[i]];
      draws_.from_weights(gathered_, pool_.size, tail_, n - real, [&](i32 i) { return pool_.token[i]; }, builder_);
    }
    remember();
    return &sample_;
  }

  // Real draws keep coming, so only a law of one token is ever absorbed.
  AUTOPHAGE_HD bool absorbed(i64) const { return law_.support == 1; }

  AUTOPHAGE_HD void end() {
    builder_.release();
    for (i32 i = 0; i < pool_.size; ++i) weights_[pool_.token[i]] = 0.0;
  }

 private:
  AUTOPHAGE_HD void pick_labels(i64 pooled, i64 n) {
    i32* child = builder_.room();
    const i32* label = pool_.label;
    draws_.pick(pooled, n, [&](i64 i, u32 index) { child[i] = label[index]; });
    i32 any = 0;
    for (i64 i = 0; i < n; ++i) any |= child[i];
    for (i64 i = 0; any < 0 && i < n; ++i)
      if (child[i] == from_p) child[i] = draw_alias(law_.alias, draws_.truth);
    builder_.add_labels(n);
  }

  AUTOPHAGE_HD void remember() {
    if (by_label_) {
      pool_.total += sample_.total;
      return;
    }
    const double total = static_cast<double>(sample_.total);
    for (i32 i = 0; i < sample_.size; ++i) weigh(sample_.token[i], static_cast<double>(sample_.count_of(i)) / total);
  }

  AUTOPHAGE_HD void weigh_labels(i64 n) {
    by_label_ = false;
    for (i64 i = n; i < pool_.total; ++i) weigh(pool_.label[i], 1.0 / static_cast<double>(n));
  }

  AUTOPHAGE_HD void weigh(i32 token, double share) {
    if (weights_[token] == 0.0) pool_.token[pool_.size++] = token;
    weights_[token] += share;
  }

  static constexpr i32 from_p = -1;  // a label of the pool that stands for a draw from p

  const Truth& law_;
  const Schedule& schedule_;
  Draws draws_;
  Builder builder_;
  Sample& sample_;
  Sample& pool_;
  double* weights_;
  double* gathered_;
  double* tail_;
  bool by_label_ = true;
};

// Everything drawn so far: n_t new draws a generation, real with probability alpha_t, else from the model before. The model is the law of the
// pool, or, with `subsample`, of n_t draws from the pool (with or without replacement).
struct AccumulateOptions {
  bool subsample = false, replace = false;
};

class AccumulateChain {
 public:
  // sample, pool: one each; dense, pool_dense: `support` entries each, zero.
  AUTOPHAGE_HD AccumulateChain(const Truth& law, const Schedule& schedule, const AccumulateOptions& options, u64 seed, u64 run,
                               u64 context, Sample& sample, Sample& pool, i64* dense, i64* pool_dense)
      : law_(law),
        schedule_(schedule),
        options_(options),
        draws_(seed, run, context),
        builder_(dense),
        gatherer_(pool_dense),
        sample_(sample),
        pool_(pool) {
    gatherer_.begin(pool_, true);
    sample_.clear();
  }

  AUTOPHAGE_HD const Sample* next(i64 t) {
    const i64 n = schedule_.n_at(t);
    const i64 real = t == 1 ? n : draw_binomial(n, schedule_.alpha_at(t), draws_.split);
    if (n > labelled_pool - pool_.total) pool_.labelled = false;
    collect(n, real, options_.subsample ? sample_ : pool_);
    if (!options_.subsample) return &pool_;
    builder_.begin(sample_, n <= labelled_sample);
    if (options_.replace) {
      draws_.from_sample(pool_, n, builder_);
    } else {
      draws_.without_replacement(pool_, n, builder_);
    }
    return &sample_;
  }

  AUTOPHAGE_HD bool absorbed(i64 t) const { return law_.support == 1 || (pool_.size == 1 && t >= schedule_.last_fresh); }

  AUTOPHAGE_HD void end() {
    builder_.release();
    gatherer_.release();
  }

 private:
  // `source` may be the pool itself. Labels are read below its total of now, and new ones go behind; counts are frozen first, because
  // binomials read them while the dense ones grow.
  AUTOPHAGE_HD void collect(i64 n, i64 real, Sample& source) {
    if (&source == &pool_ && !Draws::by_label(source, n - real))
      for (i32 i = 0; i < source.size; ++i) source.frozen[i] = source.count_of(i);
    Sample model = source;
    if (&source == &pool_) {
      model.count = source.frozen;
      model.by_token = false;
    }
    draws_.from_sample(model, n - real, gatherer_);
    draws_.from_truth(law_, real, [&](i32 token, i64 k) { gatherer_.add(token, k); });
  }

  const Truth& law_;
  const Schedule& schedule_;
  const AccumulateOptions& options_;
  Draws draws_;
  Builder builder_, gatherer_;
  Sample& sample_;
  Sample& pool_;
};

}  // namespace autophage::core
