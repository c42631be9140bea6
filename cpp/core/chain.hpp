// What every token chain is made of: the true law, the schedule, a sample, and the two ways to draw the next one.
//
// A model is the law of a sample: counts of its living tokens over their total. Tokens are ranks in the support of p, most
// probable first; the driver translates them back. Regimes (chain_neutral, chain_mixed, chain_memory) build on this file.
#pragma once

#include "hypergeometric.hpp"
#include "stream.hpp"

namespace autophage::core {

// The true law of one context on its support.
struct Truth {
  i32 support;
  const double* p;
  const double* share;  // p[i] / (p[i] + p[i+1] + ..): the conditional binomials of a draw from p
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

  AUTOPHAGE_HD i64 row(i64 t) const { return ((t < length ? t : length) - 1) * stride; }
  AUTOPHAGE_HD i64 n_at(i64 t) const { return n[row(t)]; }
  AUTOPHAGE_HD double alpha_at(i64 t) const { return alpha[row(t)]; }
  AUTOPHAGE_HD i64 real_at(i64 t) const { return real[row(t)]; }
};

// A sample as counts over living tokens, and, while it is small, as labels (one token per draw).
//
// The newest sample's counts lie in a dense array over the support (`by_token`), where a draw is added in one step; `freeze` copies them
// out for samples that are drawn from by counts later.
struct Sample {
  i32* token;
  i64* frozen;  // room for the counts of a frozen sample
  i32* label;
  const i64* count = nullptr;
  i32 size = 0;
  i64 total = 0;
  u64 squares = 0;  // sum of squared counts, exact while total < 2^31
  bool labelled = false, by_token = false;

  AUTOPHAGE_HD i64 count_of(i32 i) const { return count[by_token ? token[i] : i]; }

  AUTOPHAGE_HD void clear() {
    size = 0;
    total = 0;
    squares = 0;
  }
};

// Labels are kept for samples up to the first figure and pools up to the second; a parent is picked by its label when fewer
// than `draws_per_token` draws fall on a living token (or at most 128 are drawn), else living tokens share the draws by binomials.
inline constexpr i64 labelled_sample = 2048;
inline constexpr i64 labelled_pool = 65536;
inline constexpr i64 draws_per_token = 16;
inline constexpr i64 byte_limit = 128;  // parents among at most so many are picked by 8-bit units

// Adds draws to the newest sample. `dense` holds a count per token of the support, zero where the sample has none.
class Builder {
 public:
  AUTOPHAGE_HD explicit Builder(i64* dense) : dense_(dense) {}

  // Starts `sample`; what was built before is frozen, and `dense` cleared.
  AUTOPHAGE_HD void begin(Sample& sample, bool labelled) {
    release();
    sample_ = &sample;
    sample.clear();
    sample.labelled = labelled;
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

  // Counts `draws` labels that were put behind the sample's own.
  AUTOPHAGE_HD void add_labels(i64 draws) {
    const i32* label = room();
    i32 size = sample_->size;
    i32* token = sample_->token;
    u64 squares = sample_->squares;
    for (i64 i = 0; i < draws; ++i) {
      i64& count = dense_[label[i]];
      token[size] = label[i];  // stays if the token is new: one beyond the support is room enough
      size += count == 0;
      squares += 2 * static_cast<u64>(count) + 1;
      ++count;
    }
    sample_->size = size;
    sample_->squares = squares;
    sample_->total += draws;
  }

  // The same where all of them are tokens that the sample has. Squares are summed anew, which is less work for many labels.
  AUTOPHAGE_HD void add_known_labels(i64 draws) {
    if (draws <= sample_->size) {
      add_labels(draws);
      return;
    }
    const i32* label = room();
    for (i64 i = 0; i < draws; ++i) ++dense_[label[i]];
    u64 squares = 0;
    for (i32 i = 0; i < sample_->size; ++i) {
      const u64 count = static_cast<u64>(dense_[sample_->token[i]]);
      squares += count * count;
    }
    sample_->squares = squares;
    sample_->total += draws;
  }

  // Takes back the last `draws` labels; no token that was there before them may leave.
  AUTOPHAGE_HD void remove_labels(i64 draws) {
    sample_->total -= draws;
    const i32* label = room();
    for (i64 i = 0; i < draws; ++i) sample_->squares -= 2 * static_cast<u64>(--dense_[label[i]]) + 1;
  }

  // Puts the counts of another sample, which has all the tokens of this one, in place of its own.
  AUTOPHAGE_HD void restore(const Sample& other) {
    for (i32 i = 0; i < other.size; ++i) dense_[other.token[i]] = other.frozen[i];
    sample_->squares = other.squares;
    sample_->total = other.total;
  }

  AUTOPHAGE_HD bool labelled() const { return sample_->labelled; }

  // Ends with the last sample: `dense` is zero again.
  AUTOPHAGE_HD void release() {
    if (sample_ == nullptr) return;
    Sample& last = *sample_;
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
    if (count == 0) sample_->token[sample_->size++] = token;
    sample_->squares += static_cast<u64>(draws) * static_cast<u64>(2 * count + draws);
    count += draws;
    sample_->total += draws;
  }

  i64* dense_;
  Sample* sample_ = nullptr;
};

// The streams of one run in one context, and every draw that a regime makes with them.
class Draws {
 public:
  AUTOPHAGE_HD Draws(u64 seed, u64 run, u64 context)
      : truth(seed, run, context, Purpose::truth),
        counts(seed, run, context, Purpose::counts),
        split(seed, run, context, Purpose::split),
        parents8_(Stream(seed, run, context, Purpose::parents8)),
        parents16_(Stream(seed, run, context, Purpose::parents16)) {}

  // `take(token, draws)` for n draws from p: by alias, or, where p has few tokens for so many draws, by conditional binomials.
  template <class Take>
  AUTOPHAGE_HD void from_truth(const Truth& law, i64 n, Take&& take) {
    if (n <= byte_limit || n <= 8 * i64{law.support}) {
      for (i64 i = 0; i < n; ++i) take(draw_alias(law.alias, truth), i64{1});
      return;
    }
    for (i32 i = 0; i < law.support && n > 0; ++i) {
      const i64 x = i + 1 == law.support ? n : draw_binomial(n, law.share[i], truth);
      take(i, x);
      n -= x;
    }
  }

  // Whether n draws from `source` pick parents by label.
  AUTOPHAGE_HD static bool by_label(const Sample& source, i64 n) {
    return source.labelled && (n <= byte_limit || n <= draws_per_token * source.size);
  }

  // n draws with replacement from a sample, added to `builder`'s.
  AUTOPHAGE_HD void from_sample(const Sample& source, i64 n, Builder& builder) {
    if (n == 0) return;
    if (by_label(source, n)) {
      const i32* label = source.label;
      if (builder.labelled()) {
        i32* child = builder.room();
        pick(source.total, n, [&](i64 i, u32 index) { child[i] = label[index]; });
        builder.add_labels(n);
      } else {
        pick_each(source.total, n, [&](u32 index) { builder.add(label[index], 1); });
      }
      return;
    }
    i64 whole = source.total;
    for (i32 i = 0; i < source.size && n > 0; ++i) {
      const i64 count = source.count_of(i);
      const i64 x = draw_binomial_share(n, count, whole, counts);
      builder.add(source.token[i], x);
      whole -= count;
      n -= x;
    }
  }

  // n draws without replacement. Labels are permuted (a partial Fisher-Yates shuffle), counts stay.
  AUTOPHAGE_HD void without_replacement(Sample& source, i64 n, Builder& builder) {
    if (by_label(source, n)) {
      for (i64 i = 0; i < n; ++i) {
        pick_each(source.total - i, 1, [&](u32 index) {
          i32& drawn = source.label[i + index];
          const i32 token = drawn;
          drawn = source.label[i];
          source.label[i] = token;
          builder.add(token, 1);
        });
      }
      return;
    }
    i64 whole = source.total;
    for (i32 i = 0; i < source.size && n > 0; ++i) {
      const i64 count = source.count_of(i);
      const i64 x = draw_hypergeometric(whole, count, n, counts);
      builder.add(source.token[i], x);
      whole -= count;
      n -= x;
    }
  }

  // `take(token_of(i), draws)` for n draws from weights[0 .. size); `tail` holds size doubles. Remainders are
  // summed from the end, so that the last shares are as exact as the first.
  template <class TokenOf>
  AUTOPHAGE_HD void from_weights(const double* weights, i32 size, double* tail, i64 n, TokenOf&& token_of, Builder& builder) {
    double sum = 0.0;
    for (i32 i = size - 1; i >= 0; --i) tail[i] = sum += weights[i];
    for (i32 i = 0; i < size && n > 0; ++i) {
      if (weights[i] <= 0.0) continue;
      const i64 x = draw_binomial(n, weights[i] / tail[i], counts);
      builder.add(token_of(i), x);
      n -= x;
    }
  }

  // place(i, index) for n indices uniform below `bound` <= 2^16; an index may be placed again with the next one.
  template <class Place>
  AUTOPHAGE_HD void pick(i64 bound, i64 n, Place&& place) {
    if (bound <= byte_limit) {
      parents8_.fill(static_cast<u32>(bound), n, place);
    } else {
      parents16_.fill(static_cast<u32>(bound), n, place);
    }
  }

  // take(index) once for each of n such indices.
  template <class Take>
  AUTOPHAGE_HD void pick_each(i64 bound, i64 n, Take&& take) {
    u16 index[chunk];
    for (i64 left = n; left > 0; left -= chunk) {
      const i64 count = left < chunk ? left : chunk;
      pick(bound, count, [&](i64 i, u32 picked) { index[i] = static_cast<u16>(picked); });
      for (i64 i = 0; i < count; ++i) take(u32{index[i]});
    }
  }

  Stream truth, counts, split;

 private:
  static constexpr i64 chunk = 128;

  IndexReader<8> parents8_;
  IndexReader<16> parents16_;
};

// Drives one run: `regime.next(t)` gives the model of generation t (null when it cannot go on), `regime.absorbed(t)` says whether
// it is a point mass for ever, `regime.end()` leaves the shared arrays zero; `observer.generation(t, model, absorbed)` records it and says whether to go on.
template <class Regime, class Observer>
AUTOPHAGE_HD void run_chain(Regime& regime, Observer& observer) {
  for (i64 t = 1;; ++t) {
    const Sample* model = regime.next(t);
    if (model == nullptr) observer.stuck(t);
    if (model == nullptr || !observer.generation(t, *model, regime.absorbed(t))) break;
  }
  regime.end();
}

}  // namespace autophage::core
