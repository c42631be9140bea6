// Regimes that remember everything: all models, accumulated data, subsamples of it.
#pragma once

#include "chain.hpp"

namespace autophage::core {

// Each of n_t draws comes from a model chosen uniformly among 0 .. t - 1. While n stays the same
// and the pool small, that is a uniform choice among t n equally likely labels, of which the first
// n stand for p; afterwards the models' laws are summed as weights.
class RandomlySampledChain {
 public:
  // sample, pool: one each; dense, weights, gathered, tail: `support` entries each, weights zero.
  AUTOPHAGE_HD RandomlySampledChain(const Truth& law, const Schedule& schedule, const RunName& name,
                                    Sample& sample, Sample& pool, i64* dense, double* weights,
                                    double* gathered, double* tail, bool listed)
      : law_(law),
        schedule_(schedule),
        listed_(listed),
        draws_(name),
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
    builder_.release();  // while the last sample's labels are still where they were
    if (t == 1 && by_label_)
      for (; pool_.total < n; ++pool_.total) pool_.label[pool_.total] = from_p;
    sample_.label = pool_.label + pool_.total;  // new labels join the pool where they are written
    builder_.begin(sample_, by_label_, listed_ || !by_label_);
    if (t == 1) {
      draws_.from_truth(law_, n, builder_);
    } else if (by_label_) {
      pick_labels(pooled, n);
    } else {
      const i64 real = draw_binomial_share(n, 1, t, draws_.split);
      draws_.from_truth(law_, real, builder_);
      for (i32 i = 0; i < pool_.size; ++i) gathered_[i] = weights_[pool_.token[i]];
      draws_.from_weights(
          gathered_, pool_.size, tail_, n - real, [&](i32 i) { return pool_.token[i]; }, builder_);
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
    const i32* label = pool_.label;
    if (!listed_) {
      Builder::Labels labels = builder_.open_labels();
      draws_.pick_each(pooled, n, [&](u32 index) {
        i32 token = label[index];
        if (token == from_p) token = draw_alias(law_.alias, draws_.truth);
        labels.put(token);
      });
      builder_.close_labels(labels);
      return;
    }
    i32* child = builder_.room();
    draws_.pick(pooled, n, [=](i64 i, u32 index) { child[i] = label[index]; });
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
    for (i32 i = 0; i < sample_.size; ++i)
      weigh(sample_.token[i], static_cast<double>(sample_.count_of(i)) / total);
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
  bool listed_;
  Draws draws_;
  Builder builder_;
  Sample& sample_;
  Sample& pool_;
  double* weights_;
  double* gathered_;
  double* tail_;
  bool by_label_ = true;
};

// Everything drawn so far: n_t new draws a generation, real with probability alpha_t, else from the
// model before. The model is the law of the pool, or, with `subsample`, of n_t draws from the pool
// (with or without replacement).
struct AccumulateOptions {
  bool subsample = false, replace = false;
};

class AccumulateChain {
 public:
  // sample, pool: one each; dense, pool_dense: `support` entries each, zero.
  AUTOPHAGE_HD AccumulateChain(const Truth& law, const Schedule& schedule,
                               const AccumulateOptions& options, const RunName& name,
                               Sample& sample, Sample& pool, i64* dense, i64* pool_dense)
      : law_(law),
        schedule_(schedule),
        options_(options),
        draws_(name),
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

  AUTOPHAGE_HD bool absorbed(i64 t) const {
    return law_.support == 1 || (pool_.size == 1 && t >= schedule_.last_fresh);
  }

  AUTOPHAGE_HD void end() {
    builder_.release();
    gatherer_.release();
  }

 private:
  // `source` may be the pool itself. Labels are read below its total of now, and new ones go
  // behind; counts are frozen first, because binomials read them while the dense ones grow.
  AUTOPHAGE_HD void collect(i64 n, i64 real, Sample& source) {
    if (&source == &pool_ && !Draws::by_label(source, n - real))
      for (i32 i = 0; i < source.size; ++i) source.frozen[i] = source.count_of(i);
    Sample model = source;
    if (&source == &pool_) {
      model.count = source.frozen;
      model.by_token = false;
    }
    draws_.from_sample(model, n - real, gatherer_);
    draws_.from_truth(law_, real, gatherer_);
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
