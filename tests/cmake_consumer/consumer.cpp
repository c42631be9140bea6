// A stranger's program on the installed header target: prints the Philox block of a zero counter
// and a zero key.
#include <autophage/core/philox.hpp>
#include <cstdio>

int main() {
  static_assert(__cplusplus >= 202002L, "the target asks for C++20");
  autophage::core::u32 words[4];
  autophage::core::philox4x32<1>(0, 0, 0, 0, {0, 0}, words);
  std::printf("%08x %08x %08x %08x\n", words[0], words[1], words[2], words[3]);
}
