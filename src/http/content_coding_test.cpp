#include "http/content_coding.hpp"

#include <array>
#include <string>

#include <gtest/gtest.h>

namespace socketio::http {
namespace {

constexpr std::array kOffered = {Coding::gzip, Coding::deflate, Coding::br};

base::Bytes ours(base::Bytes header) {
  return coding_name(choose_coding(header, kOffered));
}
base::Bytes theirs(base::Bytes header) {
  return coding_name(choose_coding(header, kOffered, Ties::theirs));
}

TEST(ContentCoding, TheGreatestWeight) {
  EXPECT_EQ(ours(""), "");
  EXPECT_EQ(ours("identity"), "");
  EXPECT_EQ(ours("gzip"), "gzip");
  EXPECT_EQ(ours("GZip"), "gzip");
  EXPECT_EQ(ours("br;q=0.9, gzip;q=0.8"), "br");
  EXPECT_EQ(ours("gzip;q=0.001,deflate;q=0.002"), "deflate");
  EXPECT_EQ(ours("gzip;q=0, br;q=0.0, deflate;q=0.000"), "");
  EXPECT_EQ(ours("identity, gzip;q=0.5"), "gzip");
  EXPECT_EQ(ours(" gzip\t;\tq=0.5 , deflate ; a=b ; Q=0.6"), "deflate");
}

TEST(ContentCoding, EqualWeights) {
  EXPECT_EQ(ours("br, deflate, gzip"), "gzip");
  EXPECT_EQ(theirs("br, deflate, gzip"), "br");
  EXPECT_EQ(theirs("gzip,br,deflate"), "gzip");
  EXPECT_EQ(theirs("gzip;q=0.5, br;q=0.5"), "gzip");
  EXPECT_EQ(theirs("gzip;q=0.5, br"), "br");
}

TEST(ContentCoding, TheStarIsForTheRest) {
  EXPECT_EQ(ours("*"), "gzip");
  EXPECT_EQ(ours("*;q=0.5, br"), "br");
  EXPECT_EQ(ours("gzip;q=0, *;q=0.1"), "deflate");
  EXPECT_EQ(ours("*, gzip;q=0"), "deflate");
  EXPECT_EQ(ours("*;q=0"), "");
}

TEST(ContentCoding, WhatIsNoWeightIsZero) {
  for (const char* q : {"", "x", "2", "-1", ".5", "0.1234", "0,5x", "1x", "0.x", "1e0"})
    EXPECT_EQ(ours("gzip;q=" + std::string(q)), "") << q;
  EXPECT_EQ(ours("gzip;q=1.5"), "gzip") << "no more than 1";
  EXPECT_EQ(ours("gzip;q=1.000"), "gzip");
  EXPECT_EQ(ours("gzip;q=0."), "");
  EXPECT_EQ(ours(",,;,=;q,gzip ;;"), "gzip");
}

}  // namespace
}  // namespace socketio::http
