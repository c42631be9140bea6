// The two ways to draw the next sample, and the loop that drives one run.
//
// Regimes (chain_neutral, chain_mixed, chain_memory, chain_pool) build on this file.
#pragma once

#include "hypergeometric.hpp"
#include "sample.hpp"
#include "stream.hpp"

namespace autophage::core {

// The streams of one run in one context, and every draw that a regime makes with them.
class Draws {
 public:
  AUTOPHAGE_HD explicit Draws(const RunName& name)
      : truth(name, Purpose::truth),
        counts(name, Purpose::counts),
        split(name, Purpose::split),
        stop_(name.stop),
        parents8_(Stream(name, Purpose::parents8)),
        parents16_(Stream(name, Purpose::parents16)) {}

  // n draws from p, added to `builder`'s: by alias, or, where p has few tokens for so many draws,
  // by conditional binomials.
  AUTOPHAGE_HD void from_truth(const Truth& law, i64 n, Builder& builder) {
    if (!by_alias(law, n)) {
      share_truth(law, n, builder);
    } else if (builder.labelled() && builder.listed()) {
      i32* const label = builder.room();
      for (i64 i = 0; i < n; ++i) label[i] = draw_alias(law.alias, truth);
      builder.add_labels(n);
    } else {
      for (i64 i = 0; i < n && !stopped(i); ++i) builder.add(draw_alias(law.alias, truth), 1);
    }
  }

  AUTOPHAGE_HD static bool by_alias(const Truth& law, i64 n) {
    return n <= byte_limit || n <= 8 * i64{law.support};
  }

  // The same by conditional binomials alone.
  AUTOPHAGE_HD void share_truth(const Truth& law, i64 n, Builder& builder) {
    // Rare tokens first: their shares are exact.
    for (i32 i = law.support - 1; i >= 0 && n > 0 && !stopped(i); --i) {
      const i64 x = i == 0 ? n : draw_binomial(n, law.share[i], truth, law.share_more[i]);
      builder.add(i, x);
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
      if (!builder.listed()) {
        Builder::Labels labels = builder.open_labels();
        pick_each(source.total, n, [&](u32 index) { labels.put(label[index]); });
        builder.close_labels(labels);
      } else if (builder.labelled()) {
        i32* child = builder.room();
        pick(source.total, n, [=](i64 i, u32 index) { child[i] = label[index]; });
        builder.add_labels(n);
      } else {
        pick_each(source.total, n, [&](u32 index) { builder.add(label[index], 1); });
      }
      return;
    }
    i64 whole = source.total;
    for (i32 i = 0; i < source.size && n > 0 && !stopped(i); ++i) {
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
    for (i32 i = 0; i < source.size && n > 0 && !stopped(i); ++i) {
      const i64 count = source.count_of(i);
      const i64 x = draw_hypergeometric(whole, count, n, counts);
      builder.add(source.token[i], x);
      whole -= count;
      n -= x;
    }
  }

  // `take(token_of(i), draws)` for n draws from weights[0 .. size); `tail` holds size doubles.
  // Remainders are summed from the end, so that the last shares are as exact as the first.
  template <class TokenOf>
  AUTOPHAGE_HD void from_weights(const double* weights, i32 size, double* tail, i64 n,
                                 TokenOf&& token_of, Builder& builder) {
    double sum = 0.0;
    for (i32 i = size - 1; i >= 0; --i) tail[i] = sum += weights[i];
    for (i32 i = 0; i < size && n > 0 && !stopped(i); ++i) {
      if (weights[i] <= 0.0) continue;
      const i64 x = draw_binomial(n, weights[i] / tail[i], counts);
      builder.add(token_of(i), x);
      n -= x;
    }
  }

  // place(i, index) for n indices uniform below `bound` <= 2^16; an index may be placed again with
  // the next one.
  template <class Place>
  AUTOPHAGE_HD void pick(i64 bound, i64 n, const Place place) {
    if (bound <= byte_limit) {
      parents8_.fill(static_cast<u32>(bound), n, place);
    } else {
      parents16_.fill(static_cast<u32>(bound), n, place);
    }
  }

  // take(index) once for each of n such indices.
  template <class Take>
  AUTOPHAGE_HD void pick_each(i64 bound, i64 n, Take&& take) {
    if (bound > byte_limit) {
      parents16_.each(static_cast<u32>(bound), n, take);
      return;
    }
    u8 index[chunk];
    u8* const out = index;
    for (i64 left = n; left > 0; left -= chunk) {
      const i64 count = left < chunk ? left : chunk;
      parents8_.fill(static_cast<u32>(bound), count,
                     [out](i64 i, u32 picked) { out[i] = static_cast<u8>(picked); });
      for (i64 i = 0; i < count; ++i) take(u32{index[i]});
    }
  }

  Stream truth, counts, split;

 private:
  static constexpr i64 chunk = 128;

  // Whether to end early, asked once in 1024 tokens or draws.
  AUTOPHAGE_HD bool stopped(i64 step) const {
    return (step & 1023) == 1023 && stop_ != nullptr && stop_->raised();
  }

  const StopFlag* stop_;
  IndexReader<8> parents8_;
  IndexReader<16> parents16_;
};

// Drives one run: `regime.next(t)` gives the model of generation t (null when it cannot go on),
// `regime.absorbed(t)` says whether it is a point mass for ever, `regime.end()` leaves the shared
// arrays zero; `observer.generation(t, model, absorbed)` records it and says whether to go on.
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
