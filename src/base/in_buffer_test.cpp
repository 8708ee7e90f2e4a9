#include "base/in_buffer.hpp"

#include <gtest/gtest.h>

namespace socketio::base {
namespace {

TEST(InBuffer, KeepsAndDropsAndPays) {
  Ledger ledger;
  InBuffer buffer;
  buffer.append("hello", ledger);
  buffer.append(" world", ledger);
  EXPECT_EQ(as_bytes(buffer.view()), "hello world");
  EXPECT_GE(ledger.input(), 11);
  buffer.consume(6);
  EXPECT_EQ(as_bytes(buffer.view()), "world");
  buffer.consume(5);
  EXPECT_TRUE(buffer.empty());
  EXPECT_EQ(ledger.input(), 0);
}

TEST(InBuffer, TruncatesAtTheEnd) {
  Ledger ledger;
  InBuffer buffer;
  buffer.append("hello world", ledger);
  buffer.truncate(5);
  EXPECT_EQ(as_bytes(buffer.view()), "hello");
  buffer.truncate(0);
  EXPECT_EQ(buffer.capacity(), 0u);
  EXPECT_EQ(ledger.input(), 0);
}

TEST(InBuffer, AllocatesAKnownLengthOnce) {
  Ledger ledger;
  InBuffer buffer;
  buffer.append("x", ledger, 10'000);
  EXPECT_EQ(ledger.input(), 10'000);
  for (int i = 0; i < 9'999; ++i) buffer.append("y", ledger, 10'000);
  EXPECT_EQ(ledger.input(), 10'000);
  EXPECT_EQ(buffer.size(), 10'000u);
}

// The JSON parser loads it, and jumps by it before it knows where the text ends.
TEST(InBuffer, LeavesNoOldMemoryInThePadding) {
  Ledger ledger;
  InBuffer buffer;
  buffer.append(std::string(256, 'x'), ledger);
  buffer.clear();
  buffer.append("hello", ledger);
  const MutBytes text = buffer.view();
  EXPECT_EQ(Bytes(text.data() + text.size(), kPadding), Bytes(std::string(kPadding, '\0')));
}

TEST(InBuffer, GrowsLinearlyInTotalCost) {
  Ledger ledger;
  InBuffer buffer;
  for (int i = 0; i < 1'000'000; ++i) buffer.append("z", ledger);
  EXPECT_EQ(buffer.size(), 1'000'000u);
  EXPECT_LE(ledger.input(), 1'500'256);
}

}  // namespace
}  // namespace socketio::base
