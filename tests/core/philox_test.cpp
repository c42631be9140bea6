// The generator against its published vectors, and the addresses of the streams: as stated, and all
// different.
#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "check.hpp"
#include "core/stream.hpp"
#include "reference_philox.hpp"

namespace autophage::test {
namespace {

using core::Purpose;
using core::Stream;
using core::u32;
using core::u64;

struct Vector {
  Words4 counter;
  Words2 key;
  Words4 output;
};

std::vector<Vector> published() {
  std::vector<Vector> vectors;
  std::ifstream file(AUTOPHAGE_TEST_DATA "/vectors.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line[0] == '#') continue;
    std::istringstream words(line);
    words >> std::hex;
    Vector v;
    for (u32& word : v.counter) words >> word;
    for (u32& word : v.key) words >> word;
    for (u32& word : v.output) words >> word;
    CHECK(!words.fail());
    vectors.push_back(v);
  }
  return vectors;
}

template <int lanes>
void check_lanes(const Vector& v) {
  const core::PhiloxKey key{v.key[0], v.key[1]};
  for (u32 lane = 0; lane < lanes; ++lane) {
    u32 out[4 * lanes];
    core::philox4x32<lanes>(v.counter[0] - lane, v.counter[1], v.counter[2], v.counter[3], key,
                            out);
    CHECK(std::equal(v.output.begin(), v.output.end(), out + 4 * lane));
    for (u32 j = 0; j < lanes; ++j) {  // each lane is the block of its own counter
      Words4 counter = v.counter;
      counter[0] += j - lane;
      const Words4 alone = reference_philox(counter, v.key);
      CHECK(std::equal(alone.begin(), alone.end(), out + 4 * j));
    }
  }
}

void published_vectors() {
  const std::vector<Vector> vectors = published();
  CHECK(vectors.size() == 3);
  for (const Vector& v : vectors) {
    CHECK(reference_philox(v.counter, v.key) == v.output);
    check_lanes<1>(v);
    check_lanes<2>(v);
    check_lanes<4>(v);
  }
}

struct Address {
  u64 run, context;
  u32 purpose;
  int block;
};

Words4 block_of(u64 seed, const Address& at) {
  Stream stream(seed, at.run, at.context, static_cast<Purpose>(at.purpose));
  Words4 words{};
  for (int b = 0; b <= at.block; ++b)
    for (u32& word : words) word = stream.next32();
  return words;
}

// Edges of every field, and each single bit of it.
std::vector<u64> edges(int bits, std::vector<u64> more) {
  more.insert(more.end(), {0, (u64{1} << bits) - 1});
  for (int i = 0; i < bits; ++i) more.push_back(u64{1} << i);
  std::sort(more.begin(), more.end());
  more.erase(std::unique(more.begin(), more.end()), more.end());
  return more;
}
std::vector<u64> edge_runs() {
  return edges(38, {0xffffffffU, 0x100000001U, (u64{1} << 38) - 2, (u64{1} << 37) - 1});
}
std::vector<u64> edge_contexts() {
  const u64 group = core::contexts_per_key;
  return edges(40, {group - 1, group + 1, 2 * group - 1, 2 * group + 1, 3 * group,
                    (u64{1} << 32) - 1, u64{1} << 52, (u64{1} << 63) + 5});
}

// A generator that shares nothing with the one under test (splitmix64).
struct Mixer {
  u64 state;
  u64 next() {
    u64 z = state += 0x9e3779b97f4a7c15ULL;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
};

void layout() {
  const u64 seeds[] = {0, 1, 0xffffffffU, u64{1} << 32, ~u64{0}, 0x0123456789abcdefULL};
  const u32 purposes[] = {0, 1, 2, 3, 4, 5, 31, 32, 63};
  for (const u64 seed : seeds)
    for (const u64 run : edge_runs())
      for (const u64 context : edge_contexts()) {
        const u32 purpose = purposes[(run + context + seed) % 9];
        Stream stream(seed, run, context, static_cast<Purpose>(purpose));
        bool same = true;
        for (u64 block = 0; block < 5; ++block)
          for (const u32 word : reference_block(seed, run, context, purpose, block))
            same = same && stream.next32() == word;
        CHECK(same);
      }
  CHECK(core::max_runs == u64{1} << 38);
  CHECK(core::contexts_per_key == u64{1} << 20);
  const Purpose stated[] = {Purpose::truth,  Purpose::parents8, Purpose::parents16,
                            Purpose::counts, Purpose::pair,     Purpose::split};
  for (u32 i = 0; i < 6; ++i) CHECK(static_cast<u32>(stated[i]) == i);
  CHECK(static_cast<u32>(Purpose::derive) == 63);
}

void long_streams() {
  Stream stream(7, 123456789012, 77, Purpose::counts);
  bool same = true;
  for (u64 block = 0; block < 100000; ++block)
    for (const u32 word : reference_block(7, 123456789012, 77, 3, block))
      same = same && stream.next32() == word;
  CHECK(same);
}

void wide_words() {
  Stream words(5, 6, 7, Purpose::truth), pairs(words), uniforms(words);
  bool same = true;
  for (int i = 0; i < 1000; ++i) {
    const u64 low = words.next32(), high = words.next32();
    const u64 pair = low + high * 4294967296U;
    same = same && pairs.next64() == pair;
    const double midpoint = static_cast<double>(2 * (pair / 4096) + 1) / 9007199254740992.0;
    same = same && uniforms.uniform() == midpoint;
  }
  CHECK(same);
}

// Words taken in groups are those that come one by one.
void groups_of_words() {
  Stream stream(1, 2, 3, Purpose::parents8), single(stream);
  bool same = true;
  for (int i = 0; i < 1000; ++i) {
    if (i % 3 == 0) same = same && stream.next32() == single.next32();
    int words = 0;
    const long wanted = 1 + i % 11;
    const u32* group = stream.take(wanted, words);
    same = same && words >= 1 && words <= wanted;
    for (int j = 0; j < words; ++j) same = same && group[j] == single.next32();
  }
  CHECK(same);
}

long collisions(std::vector<Words4>& blocks) {
  std::sort(blocks.begin(), blocks.end());
  long equal = 0;
  for (std::size_t i = 1; i < blocks.size(); ++i) equal += blocks[i] == blocks[i - 1];
  return equal;
}

// For one key a block is a bijection of its counter, so two addresses are the same exactly if their
// blocks are; under different keys equal blocks would be an accident of 1e14 / 2^128.
void addresses_are_injective() {
  std::vector<Words4> blocks;
  const auto wanted = static_cast<std::size_t>(share_of(1e7));
  blocks.reserve(wanted + 500000);
  for (const u64 run : edge_runs())
    for (const u64 context : edge_contexts())
      for (const u32 purpose : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 32U, 63U})
        for (const int block : {0, 1, 2})
          blocks.push_back(block_of(99, {run, context, purpose, block}));
  const std::size_t at_edges = blocks.size();
  Mixer mixer{2024};
  while (blocks.size() < wanted) {
    const u64 run = mixer.next() >> 26, context = mixer.next() >> (40 + mixer.next() % 8);
    const u64 rest = mixer.next();
    blocks.push_back(block_of(99, {run, context, static_cast<u32>(rest >> 58), rest % 4 == 0}));
  }
  std::printf("addresses: %zu, %zu of them at the edges\n", blocks.size(), at_edges);
  CHECK(blocks.size() >= wanted && at_edges > 40000);
  CHECK(collisions(blocks) == 0);
  blocks.push_back(block_of(99, {0, 0, 0, 0}));  // the judge sees a collision that is there
  CHECK(collisions(blocks) == 1);
}

void adjacent_seeds_share_no_block() {
  const u64 seeds[] = {0,           1,           2,           3,           0xfffffffeU,
                       0xffffffffU, 0x100000000, 0x100000001, ~u64{0} - 1, ~u64{0}};
  std::vector<Words4> blocks;
  const long runs = share_of(5000);
  for (const u64 seed : seeds)
    for (long run = 0; run < runs; ++run)
      for (const u64 context : {u64{0}, u64{1}, core::contexts_per_key})
        for (u32 purpose = 0; purpose < 6; ++purpose)
          blocks.push_back(block_of(seed, {static_cast<u64>(run), context, purpose, 0}));
  CHECK(collisions(blocks) == 0);
  std::vector<u64> keys;  // derived keys differ from each other and from the seeds nearby
  for (const u64 seed : seeds)
    for (u64 group = 0; group < 1000; ++group) {
      const core::PhiloxKey key = core::key_of_context(seed, group * core::contexts_per_key + 17);
      keys.push_back(u64{key.high} << 32 | key.low);
    }
  std::sort(keys.begin(), keys.end());
  CHECK(std::adjacent_find(keys.begin(), keys.end()) == keys.end());
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  published_vectors();
  layout();
  long_streams();
  wide_words();
  groups_of_words();
  addresses_are_injective();
  adjacent_seeds_share_no_block();
  return finish();
}
