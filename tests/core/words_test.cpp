// Integer arithmetic without the compiler's 128-bit type, as on a compiler that has none: the
// header is told so before it is read.
#undef __SIZEOF_INT128__
#include "core/math.hpp"
//
#include "check.hpp"

namespace autophage::test {
namespace {

using core::i64;
using core::u32;
using core::u64;

__extension__ using u128 = unsigned __int128;

void products() {
  const u64 edges[] = {
      0,          1,       2,           0xffffffffU,           0x100000000U,         0x100000001U,
      1ULL << 63, ~u64{0}, ~u64{0} - 1, 0x5555555555555555ULL, 0xaaaaaaaaaaaaaaaaULL};
  for (const u64 a : edges)
    for (const u64 b : edges)
      CHECK(core::multiply_high(a, b) == static_cast<u64>(static_cast<u128>(a) * b >> 64));
  u64 a = 1, b = 7;
  bool same = true;
  for (int i = 0; i < 1000000; ++i) {
    a = a * 6364136223846793005ULL + 1442695040888963407ULL;
    b = (b ^ a >> 29) * 0xbf58476d1ce4e5b9ULL;
    same = same && core::multiply_high(a, b) == static_cast<u64>(static_cast<u128>(a) * b >> 64);
  }
  CHECK(same);
}

void floors() {
  CHECK(core::floor_to_integer(0.0) == 0 && core::floor_to_integer(-0.0) == 0);
  CHECK(core::floor_to_integer(0x1p-1074) == 0 && core::floor_to_integer(-0x1p-1074) == -1);
  CHECK(core::floor_to_integer(-1.0) == -1 && core::floor_to_integer(-1.0 - 0x1p-52) == -2);
  CHECK(core::floor_to_integer(1.0 - 0x1p-53) == 0 && core::floor_to_integer(2.5) == 2);
  CHECK(core::floor_to_integer(-0x1p52 - 0.0) == -(i64{1} << 52));
  CHECK(core::floor_to_integer(-0x1p51 - 0.5) == -(i64{1} << 51) - 1);
  const double largest = 0x1p62 - 0x1p9;
  CHECK(core::floor_to_integer(largest) == (i64{1} << 62) - 512);
  CHECK(core::floor_to_integer(-largest) == -(i64{1} << 62) + 512);
}

void bits() {
  CHECK(core::bits_of(1.0) == 0x3ff0000000000000ULL && core::double_of(1) == 0x1p-1074);
  CHECK(core::absolute(-2.5) == 2.5 && core::absolute(2.5) == 2.5);
  CHECK(core::square_root(2.0) == 0x1.6a09e667f3bcdp+0);
}

}  // namespace
}  // namespace autophage::test

int main() {
  autophage::test::products();
  autophage::test::floors();
  autophage::test::bits();
  return autophage::test::finish();
}
