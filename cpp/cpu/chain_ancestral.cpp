// Fully synthetic chains by their ancestors, on threads: which runs of which context a thread does
// next, and with which instructions.
#include <algorithm>
#include <memory>
#include <mutex>
#include <vector>

#include "../backend/ancestral.hpp"
#include "../simd/ancestral_kernels.hpp"
#include "chain_sinks.hpp"
#include "exact_alias.hpp"
#include "instructions.hpp"
#include "pace.hpp"
#include "pool.hpp"

namespace autophage::cpu {
namespace {

using core::i32;
using core::i64;
using core::u32;
using core::u64;

simd::AncestralKernels chosen_kernels() {
  switch (chosen_chain_instructions()) {
#if defined(__x86_64__)
    case Instructions::avx512:
      return simd::avx512_ancestral();
    case Instructions::avx2:
      return simd::avx2_ancestral();
#endif
    default:
      return simd::baseline_ancestral();
  }
}

// The law of one context on its support.
struct PreparedTokens {
  i64 context = -1;
  std::vector<i32> token;  // rank -> index in the caller's law
  std::vector<u64> column, ratio;

  void prepare(const double* law, i64 tokens) {
    std::vector<double> p;
    std::vector<u32> rank;
    token.clear();
    for (i64 i = 0; i < tokens; ++i) {
      if (law[i] <= 0) continue;
      rank.push_back(static_cast<u32>(token.size()));
      token.push_back(static_cast<i32>(i));
      p.push_back(law[i]);
    }
    ratio.resize(p.size());
    std::transform(p.begin(), p.end(), ratio.begin(), core::as_word);
    column.clear();
    append_columns(p, rank, column);
  }

  core::AncestralLaw law() const { return {{column.data(), ratio.size()}, ratio.data()}; }
};

// One thread's part of a study.
template <class Sink>
class AncestralWorker {
 public:
  AncestralWorker(const AncestralJob& job, simd::AncestralKernels kernels, Sink sink)
      : job_(job), kernels_(kernels), sink_(std::move(sink)) {}

  // Runs `begin` .. `end` - 1 of the job in one context.
  void block(i64 begin, i64 end, i64 context, std::mutex& mutex, const core::StopFlag& stop) {
    open(context);
    for (i64 first = begin; first < end && !stop.raised(); first += simd::batch_runs) {
      batch_.first_run = static_cast<u64>(job_.first_run + first);
      batch_.runs = std::min(simd::batch_runs, end - first);
      kernels_.runs(batch_);
      for (i64 i = 0; i < batch_.runs; ++i) {
        const i64 time = batch_.time[i];
        Times times;
        if (job_.generations == 0 || time <= job_.generations)
          times = {time, time, static_cast<i64>(batch_.token[i])};
        sink_.finish({first + i, context, tokens_.token.data()}, times);
      }
    }
    if (!stop.raised()) sink_.flush(context, tokens_.token, mutex, stop);
  }

 private:
  void open(i64 context) {
    if (tokens_.context == context) return;
    tokens_.prepare(job_.laws + context * job_.tokens, job_.tokens);
    tokens_.context = context;
    const AncestralTableView& table = job_.tables[static_cast<std::size_t>(job_.table_of[context])];
    batch_.law = tokens_.law();
    batch_.tables = {table.n,     table.row,   table.column, table.generations,
                     table.start, table.level, table.above};
    batch_.seed = job_.seed;
    batch_.context = static_cast<u64>(context);
  }

  const AncestralJob& job_;
  simd::AncestralKernels kernels_;
  Sink sink_;
  PreparedTokens tokens_;
  simd::AncestralBatch batch_{};
};

// A law takes long to prepare beside few runs, so that units are large, and those of a context
// follow each other.
template <class Sink, class Out>
Ending run_study(const AncestralJob& job, const Out& out, const Poll& poll) {
  const int wanted = std::max(job.threads, 1);
  const i64 in_unit = std::clamp<i64>(job.runs * job.contexts / (8 * wanted), 1, 1 << 14);
  const i64 per_unit = std::min(in_unit, std::max<i64>(job.runs, 1));
  const i64 blocks = (job.runs + per_unit - 1) / per_unit, units = blocks * job.contexts;
  const int threads = static_cast<int>(std::clamp<i64>(wanted, 1, std::max<i64>(units, 1)));
  const Shape shape{job.generations, job.contexts, job.tokens};
  const simd::AncestralKernels kernels = chosen_kernels();
  core::StopFlag stop;
  std::mutex mutex;
  std::vector<std::unique_ptr<AncestralWorker<Sink>>> workers(static_cast<std::size_t>(threads));
  const auto new_sink = [&] {
    if constexpr (requires { Sink(shape, out); })
      return Sink(shape, out);
    else
      return Sink(shape, out, 0);
  };
  const bool complete = share(units, threads, poll, stop, [&](int worker, i64 unit) {
    auto& mine = workers[static_cast<std::size_t>(worker)];
    if (!mine) mine = std::make_unique<AncestralWorker<Sink>>(job, kernels, new_sink());
    const i64 begin = unit % blocks * per_unit;
    mine->block(begin, std::min(begin + per_unit, job.runs), unit / blocks, mutex, stop);
  });
  return complete ? Ending::done : Ending::stopped;
}

}  // namespace

Ending run(const AncestralJob& job, const ChainTrajectories& out, const Poll& poll) {
  return run_study<TrajectorySink>(job, out, poll);
}

Ending run(const AncestralJob& job, const ChainSums& out, const Poll& poll) {
  return run_study<SumSink>(job, out, poll);
}

bool draw_times(const std::uint64_t* columns, std::int64_t size, std::int64_t horizon,
                std::uint64_t ratio, std::uint64_t seed, std::int64_t context, std::int64_t count,
                std::int64_t* out, std::int64_t stride, const Poll& poll) {
  // Draw i takes word i from block 2^32 on, and, beyond the horizon, word i from block 2^63 on.
  constexpr u64 first_block = u64{1} << 32, later_blocks = u64{1} << 63;
  constexpr i64 most = i64{1} << 61;
  const simd::AncestralKernels kernels = chosen_kernels();
  const core::AncestralWords words({seed, 0, static_cast<u64>(context)});
  const core::AliasColumns table{columns, static_cast<u64>(size)};
  Pace pace(poll);
  i64 found[simd::batch_runs];
  for (i64 first = 0; first < count; first += simd::batch_runs) {
    const i64 draws = std::min(simd::batch_runs, count - first);
    const u64 block = static_cast<u64>(first) / 2;
    kernels.draws({table, seed, static_cast<u64>(context), first_block + block, (draws + 1) / 2},
                  found);
    for (i64 i = 0; i < draws; ++i) {
      i64 time = found[i];
      if (time > horizon) {
        u64 word[2];
        words.read(later_blocks + block + static_cast<u64>(i) / 2, word);
        time += core::count_agreeing(word[i % 2], ratio, most);
      }
      out[stride * (first + i)] = time;
    }
    if (!pace.go_on(first, 4 * draws)) return false;
  }
  return true;
}

}  // namespace autophage::cpu
