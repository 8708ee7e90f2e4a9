#include <gtest/gtest.h>

#include <socketio/nlohmann.hpp>

#include "value/json_read.hpp"
#include "value/json_write.hpp"

namespace shop {

struct Order {
  int id = 0;
  std::string note;
};

void to_json(nlohmann::json& json, const Order& order) {
  json = {{"id", order.id}, {"note", order.note}, {"blob", nlohmann::json::binary({1, 2})}};
}

void from_json(const nlohmann::json& json, Order& order) {
  json.at("id").get_to(order.id);
  json.at("note").get_to(order.note);
}

SOCKETIO_NLOHMANN(Order)

}  // namespace shop

namespace socketio {
namespace {

struct Written {
  std::string text;
  std::vector<base::Bytes> attachments;
};

template <class T>
Written written(const T& value) {
  Written out;
  base::TextBuffer text;
  value::JsonWriter writer(text, out.attachments);
  encode(writer, value);
  out.text = text.view();
  return out;
}

TEST(Nlohmann, DocumentsBothWays) {
  const auto json =
      nlohmann::json::parse(R"({"a":[null,true,-1,18446744073709551615,1.5,"s",{}],"b":{"c":[]}})");
  const Written out = written(json);
  EXPECT_EQ(out.text, json.dump());
  value::JsonDocument document;
  ASSERT_TRUE(document.parse_copy(out.text));
  nlohmann::json again;
  ASSERT_TRUE(decode(document.root(), again));
  EXPECT_EQ(again, json);
}

TEST(Nlohmann, BinaryIsAnAttachment) {
  const nlohmann::json json = {{"blob", nlohmann::json::binary({0, 255})}};
  const Written out = written(json);
  EXPECT_EQ(out.text, R"({"blob":{"_placeholder":true,"num":0}})");
  ASSERT_EQ(out.attachments.size(), 1u);
  EXPECT_EQ(out.attachments[0], base::Bytes("\0\xFF", 2));
  value::JsonDocument document;
  ASSERT_TRUE(document.parse_copy(out.text));
  ASSERT_TRUE(document.bind_attachments(out.attachments));
  nlohmann::json again;
  ASSERT_TRUE(decode(document.root(), again));
  EXPECT_EQ(again, json);
}

TEST(Nlohmann, StructsWithTheirOwnFunctions) {
  const Written out = written(std::vector<shop::Order>{{7, "n"}});
  EXPECT_EQ(out.text, R"([{"blob":[1,2],"id":7,"note":"n"}])");
  EXPECT_TRUE(out.attachments.empty());
  value::JsonDocument document;
  ASSERT_TRUE(document.parse_copy(out.text));
  std::vector<shop::Order> orders;
  ASSERT_TRUE(decode(document.root(), orders));
  EXPECT_EQ(orders.at(0).id, 7);
  for (const char* bad : {R"([{"id":"7","note":"n"}])", R"([{"id":7}])", "[1]"}) {
    ASSERT_TRUE(document.parse_copy(bad));
    EXPECT_FALSE(decode(document.root(), orders)) << bad;
  }
}

}  // namespace
}  // namespace socketio
