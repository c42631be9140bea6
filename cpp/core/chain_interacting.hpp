// Entities that train on private data, public data and each other's output.
//
// Once and for all, entity k keeps the law u_k of its real draws and all keep that of public ones,
// v (or the laws themselves); r_k = beta u_k + (1 - beta) v. Generation 1 is p_k = r_k; later
// p_k = (1 - alpha) r_k + alpha y_k, where the pool y_k is the law of n independent draws from the
// mean over entities of the generation before, one pool for all or one for each.
//
// The pools and the kept samples are counts: the whole state is integer, and the laws p_k follow
// from it. Tokens are ranks in the union of all supports while real data are drawn, and places in
// the list of the tokens that the run can ever have from then on.
//
// Which algorithm draws depends on the sizes and the state alone:
//   from a law that stays (given, or that of a kept sample): more than 8 draws a token share the
//     living tokens by binomials, fewer pick by alias, all of purpose truth;
//   from the pools: labels, where there are at most 2^16, by purposes parents8 and parents16; else
//     binomials (purpose counts) or, for few draws, by alias (purpose truth);
//   which of the three a draw comes from: binomials of purpose split; which entity's sample it
//     comes from: by parents, or for many draws by binomials of purpose split. Up to 2^20 draws
//     from given private laws come from their mean instead, whose rounding so few cannot feel.
#pragma once

#include "source.hpp"

namespace autophage::core {

// What generation t = 1, 2, .. is given: row t - 1, the last row for ever after.
struct InteractingSchedule {
  const i64* n;
  const double* alpha;  // weight of the pool; none in generation 1
  const double* beta;   // weight of the private data within the rest
  i64 length;
  i64 last_private, last_public, last_pool;  // generations after which they have no weight

  AUTOPHAGE_HD i64 row(i64 t) const { return (t < length ? t : length) - 1; }
  AUTOPHAGE_HD i64 n_at(i64 t) const { return n[row(t)]; }
  AUTOPHAGE_HD double alpha_at(i64 t) const { return t > 1 ? alpha[row(t)] : 0.0; }
  AUTOPHAGE_HD double beta_at(i64 t) const { return beta[row(t)]; }
};

// What a study says of its entities. Laws are over the ranks of the union of all supports.
struct Entities {
  i32 count, tokens;
  const double* laws;        // (count, tokens), the private ones
  const double* public_law;  // (tokens)
  const i64* kept;           // (count + 1) real draws, the public ones last; null: laws themselves
  const Source* given;  // the laws (count + 1); where they are not sampled and kept, the mean of
                        // the private ones behind them
  const i32* only;      // (count + 1) the one token of a law; -1 where it has more
  bool own_pools;
};

// Where a run lives; nothing need be kept between runs but that dense counts are zero and places
// -1.
struct InteractingSpace {
  Sample* kept;     // (count + 1), where draws are kept
  Source* source;   // the same as sources
  u64** threshold;  // (count + 1) alias tables of the kept samples
  i32** alias;
  Sample* pool;   // (1 or count)
  Sample pooled;  // all pools together, with labels
  u64* pooled_threshold;
  i32* pooled_alias;
  i32* only;       // (count + 1) the one token of what is kept
  double* weight;  // (tokens), to build alias tables with, as is `stack`
  i32* stack;
  i64* dense;         // (tokens)
  i32 *place, *rank;  // (tokens) rank -> place, place -> rank
  Draws* draws;       // (1 or count) of the pools
};

class InteractingChain {
 public:
  AUTOPHAGE_HD InteractingChain(const Entities& entities, const InteractingSchedule& schedule,
                                const RunName& name, InteractingSpace& space)
      : entities_(entities),
        schedule_(schedule),
        name_(name),
        space_(space),
        pools_(entities.own_pools ? entities.count : 1),
        living_(entities.tokens),
        builder_(space.dense) {
    if (entities.kept == nullptr) {
      for (i32 k = 0; k <= entities.count; ++k) space.only[k] = entities.only[k];
      for (i32 i = 0; i < living_; ++i) space.rank[i] = i;
    } else {
      keep();
    }
    kept_only_ = space.only[0];
    for (i32 k = 1; k < entities.count; ++k)
      if (space.only[k] != kept_only_) kept_only_ = -1;
  }

  // Goes on to generation t = 1, 2, ..
  AUTOPHAGE_HD void next(i64 t) {
    alpha_ = schedule_.alpha_at(t);
    beta_ = schedule_.beta_at(t);
    if (alpha_ > 0.0) {
      const i64 n = schedule_.n_at(t);
      if (schedule_.alpha_at(t - 1) > 0.0) gather(n);
      for (i32 k = 0; k < pools_ && !stopped(); ++k) draw_pool(t, n, k);
    }
    same_ = single(0);
    for (i32 k = 1; k < entities_.count && same_ >= 0; ++k)
      if (single(k) != same_) same_ = -1;
  }

  // Places 0 .. living() - 1 are the tokens that the run can ever have, rank()[i] their ranks.
  AUTOPHAGE_HD i32 living() const { return living_; }
  AUTOPHAGE_HD const i32* rank() const { return space_.rank; }

  // The one token (its place) of entity k's law; -1 where it has more.
  AUTOPHAGE_HD i32 single(i32 k) const { return single(k, alpha_, beta_); }

  // Whether generation t of entity k is a point mass that no later draw can change: what still
  // comes of the kept data is that token too, and either pools have no weight any more or every
  // entity is there as well.
  AUTOPHAGE_HD bool absorbed(i64 t, i32 k) const {
    const i32 token = single(k);
    if (token < 0) return false;
    const bool pooled = t < schedule_.last_pool;
    if (pooled && same_ < 0) return false;
    if (t < schedule_.last_private && (pooled ? kept_only_ : space_.only[k]) != token) return false;
    return t >= schedule_.last_public || space_.only[entities_.count] == token;
  }

  // The law of entity k over the places; `first` asks for that of generation 1.
  AUTOPHAGE_HD void law(i32 k, bool first, double* p) const {
    const double alpha = first ? 0.0 : alpha_, beta = first ? schedule_.beta_at(1) : beta_;
    const i32 token = single(k, alpha, beta);
    const double own = (1.0 - alpha) * beta, shared = (1.0 - alpha) * (1.0 - beta);
    if (entities_.kept == nullptr && token < 0) {
      const double* private_law = entities_.laws + i64{k} * entities_.tokens;
      for (i32 i = 0; i < living_; ++i)
        p[i] = own * private_law[i] + shared * entities_.public_law[i];
    } else {
      for (i32 i = 0; i < living_; ++i) p[i] = 0.0;
      if (token >= 0) p[token] = 1.0;  // which the weights may miss by rounding
      if (token >= 0) return;
      add(space_.kept[k], own, p);
      add(space_.kept[entities_.count], shared, p);
    }
    if (alpha > 0.0) add(pool_of(k), alpha, p);
  }

  // Leaves dense counts zero and places -1.
  AUTOPHAGE_HD void end() {
    builder_.release();
    for (i32 i = 0; i < living_; ++i) space_.place[space_.rank[i]] = -1;
  }

 private:
  AUTOPHAGE_HD bool stopped() const { return name_.stop != nullptr && name_.stop->raised(); }

  AUTOPHAGE_HD const Sample& pool_of(i32 k) const { return space_.pool[pools_ > 1 ? k : 0]; }

  // The one token under given weights.
  AUTOPHAGE_HD i32 single(i32 k, double alpha, double beta) const {
    i32 token = -1;
    if (alpha > 0.0) {
      if (pool_of(k).size > 1) return -1;
      token = pool_of(k).token[0];
    }
    if (!agrees(alpha < 1.0 && beta > 0.0, space_.only[k], token)) return -1;
    const i32 only_public = space_.only[entities_.count];
    return agrees(alpha < 1.0 && beta < 1.0, only_public, token) ? token : -1;
  }

  // Whether a part of a law, if it has weight, is the point mass at `token`, or at any one token
  // while that is still open.
  AUTOPHAGE_HD static bool agrees(bool weighs, i32 only, i32& token) {
    if (!weighs) return true;
    if (token < 0) token = only;
    return only >= 0 && only == token;
  }

  AUTOPHAGE_HD static void add(const Sample& sample, double weight, double* p) {
    const double total = static_cast<double>(sample.total);
    if (weight > 0.0)
      for (i32 i = 0; i < sample.size; ++i)
        p[sample.token[i]] += weight * (static_cast<double>(sample.count_of(i)) / total);
  }

  // Draws what is kept, names its tokens by place, and makes sources of it.
  AUTOPHAGE_HD void keep() {
    living_ = 0;
    for (i32 k = 0; k <= entities_.count && !stopped(); ++k) {
      const bool own = k < entities_.count;
      Stream words(name_.seed, name_.run, own ? static_cast<u64>(k) : 0,
                   own ? Purpose::kept : Purpose::kept_public);
      Sample& sample = space_.kept[k];
      builder_.begin(sample, false);
      draw_source(entities_.given[k], entities_.kept[k], name_.stop, words, builder_);
      builder_.release();
      for (i32 i = 0; i < sample.size; ++i) {
        i32& place = space_.place[sample.token[i]];
        if (place < 0) {
          space_.rank[living_] = sample.token[i];
          place = living_++;
        }
        sample.token[i] = place;
      }
      space_.only[k] = sample.size == 1 ? sample.token[0] : -1;
      const AliasTable table = alias_of(sample, space_.threshold[k], space_.alias[k]);
      space_.source[k] = {sample.size,   sample.token, nullptr, nullptr,
                          sample.frozen, sample.total, table};
    }
  }

  AUTOPHAGE_HD AliasTable alias_of(const Sample& sample, u64* threshold, i32* alias) const {
    for (i32 i = 0; i < sample.size; ++i)
      space_.weight[i] = static_cast<double>(sample.count_of(i));
    build_alias(space_.weight, sample.size, threshold, alias, space_.stack);
    return {sample.size, threshold, alias};
  }

  // Puts the pools of the last generation together: a draw from a pool chosen uniformly is a draw
  // from all, since they have one size. n: how many draws there will be at most.
  AUTOPHAGE_HD void gather(i64 n) {
    Sample& all = space_.pooled;
    builder_.begin(all, false);
    for (i32 k = 0; k < pools_; ++k) {
      const Sample& pool = space_.pool[k];
      for (i32 i = 0; i < pool.size; ++i) builder_.add(pool.token[i], pool.count_of(i));
    }
    builder_.release();
    all.labelled =
        all.total <= labelled_pool && (n <= byte_limit || n <= draws_per_token * i64{all.size});
    if (all.labelled) {
      i32* label = all.label;
      for (i32 i = 0; i < all.size; ++i)
        for (i64 c = all.frozen[i]; c > 0; --c) *label++ = all.token[i];
    } else if (n <= draws_by_alias * all.size) {
      pooled_alias_ = alias_of(all, space_.pooled_threshold, space_.pooled_alias);
    }
  }

  // Pool k of generation t: n draws from the mean over entities of generation t - 1.
  AUTOPHAGE_HD void draw_pool(i64 t, i64 n, i32 k) {
    Draws& draws = space_.draws[k];
    const i64 again = draw_binomial(n, schedule_.alpha_at(t - 1), draws.split);
    const i64 own = draw_binomial(n - again, schedule_.beta_at(t - 1), draws.split);
    builder_.begin(space_.pool[k], false);
    if (again > 0) draw_again(n, again, draws);
    const bool given = entities_.kept == nullptr;
    const Source* source = given ? entities_.given : space_.source;
    if (given && n <= BinomialHeight::small_n) {
      draw_source(source[entities_.count + 1], own, name_.stop, draws.truth, builder_);
    } else {
      draw_private(source, own, draws);
    }
    draw_source(source[entities_.count], n - again - own, name_.stop, draws.truth, builder_);
    builder_.release();
  }

  // `again` draws from the last pools, of n at most.
  AUTOPHAGE_HD void draw_again(i64 n, i64 again, Draws& draws) {
    const Sample& all = space_.pooled;
    if (all.labelled || n > draws_by_alias * all.size) {
      draws.from_sample(all, again, builder_);
    } else {
      for (i64 i = 0; i < again; ++i)
        builder_.add(all.token[draw_alias(pooled_alias_, draws.truth)], 1);
    }
  }

  // n draws, each from what an entity chosen uniformly keeps.
  AUTOPHAGE_HD void draw_private(const Source* source, i64 n, Draws& draws) {
    const i64 count = entities_.count;
    if (n <= 8 * count && count <= (i64{1} << 16)) {
      draws.pick_each(count, n,
                      [&](u32 k) { draw_source(source[k], 1, name_.stop, draws.truth, builder_); });
      return;
    }
    for (i64 k = 0; k < count && n > 0 && !stopped(); ++k) {
      const i64 x = draw_binomial_share(n, 1, count - k, draws.split);
      draw_source(source[k], x, name_.stop, draws.truth, builder_);
      n -= x;
    }
  }

  const Entities& entities_;
  const InteractingSchedule& schedule_;
  const RunName& name_;
  InteractingSpace& space_;
  i32 pools_, living_;
  i32 kept_only_ = -1, same_ = -1;  // the one token of all kept private data, of all entities
  double alpha_ = 0, beta_ = 0;
  Builder builder_;
  AliasTable pooled_alias_{};
};

}  // namespace autophage::core
