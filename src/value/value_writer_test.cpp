#include "value/value_writer.hpp"

#include <gtest/gtest.h>

namespace socketio::value {
namespace {

// An event's arguments are passed on as EventView::raw() has them: all of them, joined by commas.
TEST(ValueWriter, RawIsAsManyValuesAsItHas) {
  ValueWriter writer;
  writer.raw(R"(1,"two",[3,{"k":4}])");
  EXPECT_EQ(writer.take(), (Args{1, "two", Value::array({3, Value::object({{"k", 4}})})}));
  writer.begin_array();
  writer.raw("1,2");
  writer.raw("3");
  writer.end_array();
  EXPECT_EQ(writer.take(), (Args{Value::array({1, 2, 3})}));
}

TEST(ValueWriter, BinaryThatIsGivenAway) {
  ValueWriter values;
  Writer& writer = values;
  writer.binary(std::string(100, 'x'));
  writer.binary(Binary("y"));
  EXPECT_EQ(values.take(), (Args{Value(Binary(std::string(100, 'x'))), Value(Binary("y"))}));
}

TEST(ValueWriter, RawThatIsNoJsonIsNull) {
  ValueWriter writer;
  for (const char* json : {"", " ", "1,", "{", "]", "1],[2"}) {
    writer.raw(json);
    EXPECT_EQ(writer.take(), (Args{nullptr})) << json;
  }
}

}  // namespace
}  // namespace socketio::value
