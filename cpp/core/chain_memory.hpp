// Regimes that remember some of the past: kept real data, windows of models.
#pragma once

#include "chain.hpp"

namespace autophage::core {

// Generation 1: real_1 draws from p. Then the first real_t of one fixed sequence of real draws, and
// n_t from generation t - 1. While labels are kept, the real ones stand first in both samples, and
// only the synthetic ones behind them change.
class PartiallySyntheticChain {
 public:
  // samples: three of them.
  AUTOPHAGE_HD PartiallySyntheticChain(const Truth& law, const Schedule& schedule,
                                       const RunName& name, Sample* samples, i64* dense)
      : law_(law),
        schedule_(schedule),
        draws_(name),
        builder_(dense),
        samples_(samples),
        real_(samples[2]) {
    real_.clear();
  }

  AUTOPHAGE_HD const Sample* next(i64 t) {
    const i64 wanted = schedule_.real_at(t);
    const i64 n = t == 1 ? 0 : schedule_.n_at(t);
    const i64 later = schedule_.n_at(t + 1);  // labels are kept only if that many will be picked
    const bool few = by_label(later, real_.size);
    const bool small = wanted + n <= labelled_sample && (t == 1 || few);
    if (t > 1 && small && in_place_ && wanted == real_.total && by_label(n, real_.size)) {
      redraw(n);
      return newest_;
    }
    in_place_ = small;
    if (wanted > real_.total) grow(wanted);
    Sample& after = newest_ == &samples_[0] ? samples_[1] : samples_[0];
    builder_.begin(after, small);
    for (i32 i = 0; i < real_.size; ++i) builder_.add(real_.token[i], real_.count_of(i));
    if (newest_ != nullptr) draws_.from_sample(*newest_, n, builder_);
    newest_ = &after;
    synthetic_ = n;
    if (small) copy_real_labels();
    return newest_;
  }

  AUTOPHAGE_HD bool absorbed(i64 t) const {
    return law_.support == 1 || (newest_->size == 1 && t >= schedule_.last_fresh);
  }

  AUTOPHAGE_HD void end() { builder_.release(); }

  // Whether n draws from a sample whose real data have `tokens` tokens pick parents by label.
  // Vector forms draw labels so fast that this pays for more of them than elsewhere.
  AUTOPHAGE_HD static bool by_label(i64 n, i64 tokens) {
    return n <= byte_limit || n <= 4 * draws_per_token * tokens;
  }

 private:
  // Replaces the synthetic labels of the newest sample by n draws from it. They are written behind
  // the real labels of a second array, while the first one is read.
  AUTOPHAGE_HD void redraw(i64 n) {
    Sample& sample = *newest_;
    const i32* label = sample.label;
    const i64 total = sample.total;
    if (synthetic_ > real_.size) {
      builder_.restore(real_);
    } else {
      builder_.remove_labels(synthetic_);
    }
    i32* const spare = real_.label;
    real_.label = sample.label;
    sample.label = spare;
    Builder::Labels labels = builder_.open_labels();
    draws_.pick_each(total, n, [&](u32 index) { labels.put(label[index]); });
    builder_.close_labels(labels);
    synthetic_ = n;
  }

  // Keeps the real labels of the newest sample, which stand first, in the second array as well:
  // that of `real_`, which needs none.
  AUTOPHAGE_HD void copy_real_labels() {
    for (i64 i = 0; i < real_.total; ++i) real_.label[i] = newest_->label[i];
  }

  AUTOPHAGE_HD void grow(i64 wanted) {
    const i64 more = wanted - real_.total;
    const i32 size = real_.size;
    builder_.begin(real_, wanted <= labelled_sample);  // labels of no use but to be counted fast
    for (i32 i = 0; i < size; ++i) builder_.add(real_.token[i], real_.frozen[i]);
    draws_.from_truth(law_, more, builder_);
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

// n_t draws split evenly over the models max(0, t - window) .. t - 1, the rest one each to the
// newest. Model 0 is p.
class MostRecentChain {
 public:
  // ring: window + 1 samples, or as many as there will be generations plus one, if that is less.
  // `listed`: whether a record needs the list of living tokens.
  AUTOPHAGE_HD MostRecentChain(const Truth& law, const Schedule& schedule, i64 window,
                               const RunName& name, Sample* ring, i64 ring_size, i64* dense,
                               bool listed)
      : law_(law),
        schedule_(schedule),
        window_(window),
        read_(schedule.same_n && schedule.n_at(1) < window ? schedule.n_at(1) : window),
        listed_(listed || !schedule.same_n || schedule.n_at(1) > byte_limit),
        draws_(name),
        builder_(dense),
        ring_(ring),
        ring_size_(ring_size) {}

  AUTOPHAGE_HD const Sample* next(i64 t) {
    const i64 n = schedule_.n_at(t);
    const i64 models = t < window_ ? t : window_;
    const i64 share = n / models, extra = n % models;
    Sample& after = ring_[slot_];
    builder_.begin(after, n <= labelled_sample, listed_);
    alike_ = n != alike_n_ ? 0 : alike_;  // how many models in a row have had this n
    alike_n_ = n;
    i64 source = slot_ - models < 0 ? slot_ - models + ring_size_ : slot_ - models;
    i64 m = t - models;
    if (m == 0) {
      draws_.from_truth(law_, share + (t <= extra), builder_);
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
    if (!after.single()) {
      streak_ = 0;
    } else if (streak_++ == 0 || after.first() != streak_token_) {
      streak_ = 1;
      streak_token_ = after.first();
    }
    return &after;
  }

  AUTOPHAGE_HD bool absorbed(i64) const { return law_.support == 1 || streak_ >= read_; }

  AUTOPHAGE_HD void end() { builder_.release(); }

 private:
  // The same draws as model by model, where all models have n labels: one row of indices for all.
  AUTOPHAGE_HD void pick_labels(i64 n, i64 t, i64 m, i64 source, i64 share, i64 extra,
                                const Sample& after) {
    const i64 wanted = n - after.total;
    i32* child = builder_.room();
    draws_.pick(n, wanted, [=](i64 i, u32 index) { child[i] = static_cast<i32>(index); });
    if (!listed_) {
      Builder::Labels labels = builder_.open_labels();
      for (; m < t; ++m) {
        const i32* label = ring_[source].label;
        for (const i32* const last = labels.next + share + (t - m <= extra); labels.next < last;)
          labels.put(label[*labels.next]);
        if (++source == ring_size_) source = 0;
      }
      builder_.close_labels(labels);
      return;
    }
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
  i64 read_;  // how many of the newest models a generation reads from then on
  bool listed_;
  Draws draws_;
  Builder builder_;
  Sample* ring_;
  i64 ring_size_;
  i64 slot_ = 0;  // where the next generation goes
  i64 alike_ = 0, alike_n_ = 0;
  i64 streak_ = 0;  // how many models in a row have been the same point mass
  i32 streak_token_ = -1;
};

}  // namespace autophage::core
