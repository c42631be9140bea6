// The true law, the schedule, and a sample under construction: the state of every token chain.
//
// A model is the law of a sample: counts of its living tokens over their total. Tokens are ranks in
// the support of p, most probable first; the driver translates them back.
#pragma once

#include "samplers.hpp"

namespace autophage::core {

// The true law of one context on its support.
struct Truth {
  i32 support;
  const double* p;
  const double* share;  // p[i] / (p[0] + .. + p[i]): conditional binomials, from the last token on
  const double* share_more;  // what rounding took from it
  AliasTable alias;
  double sum_of_squares;
};

// What generation t = 1, 2, .. is given. Row t - 1, the last row for ever after; `stride` apart.
struct Schedule {
  const i64* n;
  const double* alpha;
  const i64* real;
  i64 length, stride;
  i64 last_fresh;  // no real data after this generation
  bool same_n;     // whether n never changes

  AUTOPHAGE_HD i64 row(i64 t) const { return ((t < length ? t : length) - 1) * stride; }

  AUTOPHAGE_HD i64 n_at(i64 t) const { return n[row(t)]; }
  AUTOPHAGE_HD double alpha_at(i64 t) const { return alpha[row(t)]; }
  AUTOPHAGE_HD i64 real_at(i64 t) const { return real[row(t)]; }
};

// A sample as counts over living tokens, and, while it is small, as labels (one token per draw).
//
// The newest sample's counts lie in a dense array over the support (`by_token`), where a draw is
// added in one step; `freeze` copies them out for samples that are drawn from by counts later.
struct Sample {
  i32* token;
  i64* frozen;  // room for the counts of a frozen sample
  i32* label;
  const i64* count = nullptr;
  i32 size = 0;
  i64 total = 0;
  u64 squares = 0;  // sum of squared counts, exact while total < 2^31
  bool labelled = false, by_token = false;
  bool listed = true;  // whether the living tokens are listed: `token`, `size`; a small sample can
                       // do with labels alone

  AUTOPHAGE_HD i64 count_of(i32 i) const { return count[by_token ? token[i] : i]; }
  AUTOPHAGE_HD i32 first() const { return listed ? token[0] : label[0]; }
  AUTOPHAGE_HD bool single() const {
    return listed ? size == 1 : squares == static_cast<u64>(total) * static_cast<u64>(total);
  }

  AUTOPHAGE_HD void clear() {
    size = 0;
    total = 0;
    squares = 0;
  }
};

// Labels are kept for samples up to the first figure and pools up to the second; a parent is picked
// by its label when fewer than `draws_per_token` draws fall on a living token (or at most 128 are
// drawn), else living tokens share the draws by binomials.
inline constexpr i64 labelled_sample = 2048;
inline constexpr i64 labelled_pool = 65536;
inline constexpr i64 draws_per_token = 16;
inline constexpr i64 byte_limit = 128;  // parents among at most so many are picked by 8-bit units

// Adds draws to the newest sample. `dense` holds a count per token of the support, zero where the
// sample has none.
class Builder {
 public:
  AUTOPHAGE_HD explicit Builder(i64* dense) : dense_(dense) {}

  // Starts `sample`; what was built before is frozen, and `dense` cleared.
  AUTOPHAGE_HD void begin(Sample& sample, bool labelled, bool listed = true) {
    release();
    sample_ = &sample;
    sample.clear();
    sample.labelled = labelled;
    sample.listed = listed;
    sample.by_token = true;
    sample.count = dense_;
  }

  AUTOPHAGE_HD void add(i32 token, i64 draws) {
    if (draws == 0) return;
    if (sample_->labelled) {
      for (i64 i = 0; i < draws; ++i) sample_->label[sample_->total + i] = token;
    }
    tally(token, draws);
  }

  // Where the caller may put labels before `add_labels` counts them.
  AUTOPHAGE_HD i32* room() const { return sample_->label + sample_->total; }

  // Labels one by one behind the sample's own, for a sample that is not listed or has all these
  // tokens already.
  struct Labels {
    i64* dense;
    i32* next;
    u64 squares;

    AUTOPHAGE_HD void put(i32 token) {
      *next++ = token;
      squares += 2 * static_cast<u64>(dense[token]++) + 1;
    }
  };
  AUTOPHAGE_HD Labels open_labels() const { return {dense_, room(), sample_->squares}; }
  AUTOPHAGE_HD void close_labels(const Labels& labels) {
    sample_->total = labels.next - sample_->label;
    sample_->squares = labels.squares;
  }

  // Counts `draws` labels that were put behind the sample's own, and lists the new tokens among
  // them.
  AUTOPHAGE_HD void add_labels(i64 draws) {
    const i32* label = room();
    i32 size = sample_->size;
    i32* token = sample_->token;
    u64 squares = sample_->squares;
    i64* const dense = dense_;
    for (i64 i = 0; i < draws; ++i) {
      i64& count = dense[label[i]];
      token[size] = label[i];  // stays if the token is new: one beyond the support is room enough
      size += count == 0;
      squares += 2 * static_cast<u64>(count) + 1;
      ++count;
    }
    sample_->size = size;
    sample_->squares = squares;
    sample_->total += draws;
  }

  // Takes back the last `draws` labels; no token that was there before them may leave.
  AUTOPHAGE_HD void remove_labels(i64 draws) {
    sample_->total -= draws;
    const i32* label = room();
    for (i64 i = 0; i < draws; ++i)
      sample_->squares -= 2 * static_cast<u64>(--dense_[label[i]]) + 1;
  }

  // Puts the counts of another sample, which has all the tokens of this one, in place of its own.
  AUTOPHAGE_HD void restore(const Sample& other) {
    for (i32 i = 0; i < other.size; ++i) dense_[other.token[i]] = other.frozen[i];
    sample_->squares = other.squares;
    sample_->total = other.total;
  }

  AUTOPHAGE_HD bool labelled() const { return sample_->labelled; }
  AUTOPHAGE_HD bool listed() const { return sample_->listed; }

  // Ends with the last sample: `dense` is zero again.
  AUTOPHAGE_HD void release() {
    if (sample_ == nullptr) return;
    Sample& last = *sample_;
    i64* const dense = dense_;
    if (!last.listed) {
      const i32* label = last.label;
      for (const i32* const end = label + last.total; label != end; ++label) dense[*label] = 0;
    }
    for (i32 i = 0; i < last.size; ++i) {
      i64& count = dense_[last.token[i]];
      last.frozen[i] = count;
      count = 0;
    }
    last.by_token = false;
    last.count = last.frozen;
    sample_ = nullptr;
  }

 private:
  AUTOPHAGE_HD void tally(i32 token, i64 draws) {
    i64& count = dense_[token];
    if (count == 0 && sample_->listed) sample_->token[sample_->size++] = token;
    sample_->squares += static_cast<u64>(draws) * static_cast<u64>(2 * count + draws);
    count += draws;
    sample_->total += draws;
  }

  i64* dense_;
  Sample* sample_ = nullptr;
};

}  // namespace autophage::core
