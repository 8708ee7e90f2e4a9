#include "value/value_writer.hpp"

#include <gtest/gtest.h>

namespace socketio::value {
namespace {

TEST(ValueWriter, BinaryThatIsGivenAway) {
  ValueWriter values;
  Writer& writer = values;
  writer.binary(std::string(100, 'x'));
  writer.binary(Binary("y"));
  EXPECT_EQ(values.take(), (Args{Value(Binary(std::string(100, 'x'))), Value(Binary("y"))}));
}

}  // namespace
}  // namespace socketio::value
