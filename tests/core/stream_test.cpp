// Conversions of words: every uniform lies in the stated interval, every index is exactly uniform.
#include "core/stream.hpp"

#include <algorithm>
#include <array>
#include <thread>
#include <vector>

#include "check.hpp"

namespace autophage::test {
namespace {

using core::i64;
using core::IndexReader;
using core::Purpose;
using core::Stream;
using core::u32;
using core::u64;

// A key to a stream's own words, so that the conversion that ships can be given any word. An
// explicit instantiation may name private members.
template <auto words, auto used>
struct Key {
  friend void hold(Stream& stream, u32 low, u32 high) {
    (stream.*words)[0] = low;
    (stream.*words)[1] = high;
    stream.*used = 0;
  }
};
void hold(Stream& stream, u32 low, u32 high);
template struct Key<&Stream::words_, &Stream::used_>;

double uniform_of(Stream& stream, u32 low, u32 high) {
  hold(stream, low, high);
  return stream.uniform();
}

// Whether the uniforms of the high words first, first + step, .. below `last` rise strictly, both
// within a high word (from its least to its largest low word) and from one to the next.
bool rises(u64 first, u64 last, u64 step) {
  Stream stream(0, 0, 0, Purpose::truth);
  double before = first == 0 ? 0.0 : uniform_of(stream, 0xffffffffU, static_cast<u32>(first - 1));
  bool good = true;
  for (u64 high = first; high < last; high += step) {
    const double least = uniform_of(stream, 0, static_cast<u32>(high));
    const double most = uniform_of(stream, 0xffffffffU, static_cast<u32>(high));
    good = good && before < least && least < most;
    before = most;
  }
  return good && before < 1.0;
}

// The ends are exact and the rest rises strictly between them, so every value is inside.
void every_uniform_is_inside() {
  Stream stream(0, 0, 0, Purpose::truth);
  CHECK(uniform_of(stream, 0, 0) == 0x1p-53);
  CHECK(uniform_of(stream, 0xfffU, 0) == 0x1p-53);
  CHECK(uniform_of(stream, 0x1000U, 0) == 3 * 0x1p-53);
  CHECK(uniform_of(stream, 0xffffffffU, 0xffffffffU) == 1.0 - 0x1p-53);
  CHECK(uniform_of(stream, 0, 0x80000000U) == 0.5 + 0x1p-53);
  CHECK(uniform_of(stream, 0xffffffffU, 0x7fffffffU) == 0.5 - 0x1p-53);
  const u64 step = effort() < 1 ? 4099 : 1;
  bool good[2];
  std::thread upper([&] { good[1] = rises(u64{1} << 31, u64{1} << 32, step); });
  good[0] = rises(0, u64{1} << 31, step);
  upper.join();
  CHECK(good[0] && good[1]);
  // The form with 53 bits, which must not be used, gives 1.
  CHECK((static_cast<double>((u64{1} << 53) - 1) + 0.5) * 0x1p-53 == 1.0);
}

// Hands out words from a list with some to spare: the reader should stop at `used` words by itself.
// A request for many is met by a number that changes from call to call, as a stream does.
struct Words {
  const std::vector<u32>* list;
  std::size_t* used;
  u32 next32() { return (*list)[(*used)++]; }
  const u32* take(i64 wanted, int& words) {
    words = static_cast<int>(std::min<i64>(wanted, 1 + static_cast<i64>(*used % 5)));
    const u32* first = list->data() + *used;
    *used += static_cast<std::size_t>(words);
    return first;
  }
};

template <int width>
std::vector<u32> pack(const std::vector<u32>& units) {
  std::vector<u32> words(units.size() * width / 32 + 8);  // 8 to spare
  for (std::size_t i = 0; i < units.size(); ++i)
    words[i * width / 32] |= units[i] << (i * width % 32);
  return words;
}

// The rule as stream.hpp states it: the indices that a sequence of units gives.
template <int width>
std::vector<u32> indices_of(const std::vector<u32>& units, u32 bound) {
  u32 power = 1;
  while (power < bound) power *= 2;
  std::vector<u32> indices;
  for (const u32 unit : units) {
    if constexpr (width == 8) {
      if (unit % power < bound) indices.push_back(unit % power);
    } else {
      const u64 product = u64{unit} * bound;
      if (product % 65536 >= 65536 % bound) indices.push_back(static_cast<u32>(product / 65536));
    }
  }
  return indices;
}

// Reads them in calls of `chunk` (or of 1, 2, 3, .. for 0) and compares, with no word read too many
// and nothing placed outside a call's own range.
template <int width>
bool reads(const std::vector<u32>& words, const std::vector<u32>& expected, u32 bound, i64 chunk) {
  std::size_t used = 0;
  IndexReader<width, Words> reader(Words{&words, &used});
  const auto all = static_cast<i64>(expected.size());
  bool inside = true;
  std::vector<u32> found(expected.size());
  for (i64 from = 0, size = 1; from < all; from += size++) {
    if (chunk > 0) size = chunk;
    size = std::min(size, all - from);
    reader.fill(bound, size, [&](i64 i, u32 index) {
      inside = inside && i >= 0 && i < size;
      if (inside) found[static_cast<std::size_t>(from + i)] = index;
    });
  }
  return inside && found == expected && used + 8 <= words.size();
}

template <int width>
void enumerate(u32 bound) {
  std::vector<u32> units(std::size_t{1} << width);
  for (u32 i = 0; i < units.size(); ++i) units[i] = i * 40503 % (u32{1} << width);  // shuffled
  const std::vector<u32> expected = indices_of<width>(units, bound);
  std::vector<long> hits(bound);
  for (const u32 index : expected) ++hits[index];
  for (const long h : hits) CHECK(h == hits[0] && h > 0);  // exactly uniform
  CHECK(static_cast<double>(expected.size()) > 0.5 * static_cast<double>(units.size()));
  const std::vector<u32> words = pack<width>(units);
  for (const i64 chunk : {0, 1, 3, 4, 5, 7, 64, 1 << 20})
    CHECK(reads<width>(words, expected, bound, chunk));
}

// One reader serves bounds that change from call to call, as in a shuffle.
template <int width>
void changing_bounds(u32 most) {
  std::vector<u32> units(4096);
  for (u32 i = 0; i < units.size(); ++i) units[i] = i * 2654435761U >> (32 - width);
  const std::vector<u32> words = pack<width>(units);
  std::size_t used = 0, unit = 0;
  IndexReader<width, Words> reader(Words{&words, &used});
  bool same = true;
  for (u32 step = 0; unit + 100 < units.size(); ++step) {
    const u32 bound = 1 + step * 37 % most;
    std::vector<u32> expected;
    const std::size_t wanted = 1 + step % 9;
    while (expected.size() < wanted) {
      const std::vector<u32> one = indices_of<width>({units[unit++]}, bound);
      expected.insert(expected.end(), one.begin(), one.end());
    }
    std::vector<u32> found(wanted);
    reader.fill(bound, static_cast<i64>(wanted),
                [&](i64 i, u32 index) { found[static_cast<std::size_t>(i)] = index; });
    same = same && found == expected;
  }
  CHECK(same);
}

void indices_are_uniform() {
  for (u32 bound = 1; bound <= 128; ++bound) enumerate<8>(bound);
  for (const u32 bound : {1U,     2U,     3U,     127U,   128U,   129U,   130U,   255U,
                          256U,   257U,   1000U,  2047U,  2048U,  4097U,  10000U, 21845U,
                          21846U, 32767U, 32768U, 32769U, 43690U, 65534U, 65535U, 65536U})
    enumerate<16>(bound);
  changing_bounds<8>(128);
  changing_bounds<16>(65536);
}

// A planted fault: taking units modulo the bound is not uniform, and counting shows it.
void the_judge_sees_a_bias() {
  std::array<long, 100> hits{};
  for (u32 unit = 0; unit < 256; ++unit) ++hits[unit % 100];
  CHECK(*std::max_element(hits.begin(), hits.end()) != *std::min_element(hits.begin(), hits.end()));
}

}  // namespace
}  // namespace autophage::test

int main() {
  using namespace autophage::test;
  every_uniform_is_inside();
  indices_are_uniform();
  the_judge_sees_a_bias();
  return finish();
}
