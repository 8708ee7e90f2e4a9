#include <memory>
#include <utility>

#include <gtest/gtest.h>

#include <socketio/counted.hpp>

namespace socketio::detail {
namespace {

TEST(Counted, LivesAsLongAsItsLastHolder) {
  const auto watched = std::make_shared<int>(7);
  using Held = Counted<std::shared_ptr<int>>;
  Held first = Held::make(watched);
  {
    const Held second = first;
    const Held third = std::move(first);
    EXPECT_EQ(&*third, &*second);
    EXPECT_FALSE(first);
    EXPECT_EQ(**second, 7);
    first = second;
    EXPECT_TRUE(first);
  }
  EXPECT_EQ(watched.use_count(), 2);
  first = nullptr;
  EXPECT_TRUE(first == nullptr);
  EXPECT_EQ(watched.use_count(), 1);
}

}  // namespace
}  // namespace socketio::detail
