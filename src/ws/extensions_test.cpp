// Which offers of permessage-deflate are taken, and what is answered: the rules of `ws` and of RFC
// 7692 §7.1, row by row.
#include "ws/extensions.hpp"

#include <gtest/gtest.h>

namespace socketio::ws {
namespace {

using Kind = DeflateAnswer::Kind;

// As in `ws`: contexts are kept unless somebody asks otherwise.
DeflateOptions keeping() {
  DeflateOptions options;
  options.server_no_context_takeover = options.client_no_context_takeover = false;
  return options;
}

// The answer's value, or why there is none.
std::string answer(const std::string& header, const DeflateOptions& options, bool thrifty = false) {
  const DeflateAnswer out = answer_deflate(header, options, thrifty);
  if (out.kind == Kind::none) return "none";
  if (out.kind == Kind::refused) return "refused";
  return out.header;
}

const std::string kName = "permessage-deflate";

TEST(Extensions, NothingOffered) {
  EXPECT_EQ(answer("", {}), "none");
  EXPECT_EQ(answer("x-webkit-deflate-frame", {}), "none");
  EXPECT_EQ(answer("a; b=c, d; e=\"f\"", {}), "none");
}

TEST(Extensions, TheDefaultKeepsNoContext) {
  const std::string header = kName + "; server_no_context_takeover; client_no_context_takeover";
  EXPECT_EQ(answer(kName, {}), header);
  EXPECT_EQ(answer(kName + "; client_max_window_bits", {}), header);
  EXPECT_EQ(answer_deflate(kName, {}).params, (DeflateParams{true, true, 15, 15}));
}

TEST(Extensions, AllCombinationsOfAnOffer) {
  for (int mask = 0; mask < 16; ++mask) {
    SCOPED_TRACE(mask);
    std::string offer = kName;
    std::string expected = kName;
    DeflateParams params;
    if ((mask & 1) != 0) {
      offer += "; server_no_context_takeover";
      expected += "; server_no_context_takeover";
      params.server_no_context_takeover = true;
    }
    if ((mask & 2) != 0) {
      offer += "; client_no_context_takeover";
      expected += "; client_no_context_takeover";
      params.client_no_context_takeover = true;
    }
    if ((mask & 4) != 0) {
      offer += "; server_max_window_bits=10";
      expected += "; server_max_window_bits=10";
      params.server_max_window_bits = 10;
    }
    if ((mask & 8) != 0) {
      offer += "; client_max_window_bits=11";
      expected += "; client_max_window_bits=11";
      params.client_max_window_bits = 11;
    }
    EXPECT_EQ(answer(offer, keeping()), expected);
    EXPECT_EQ(answer_deflate(offer, keeping()).params, params);
  }
}

TEST(Extensions, OurOwnWindows) {
  DeflateOptions options = keeping();
  options.server_max_window_bits = 10;
  EXPECT_EQ(answer(kName, options), kName + "; server_max_window_bits=10");
  EXPECT_EQ(answer(kName + "; server_max_window_bits=12", options),
            kName + "; server_max_window_bits=10");
  EXPECT_EQ(answer(kName + "; server_max_window_bits=9", options), "refused");
  options.server_max_window_bits.reset();
  options.client_max_window_bits = 10;
  EXPECT_EQ(answer(kName, options), "refused") << "the client does not say that it can";
  EXPECT_EQ(answer(kName + "; client_max_window_bits", options),
            kName + "; client_max_window_bits=10");
  EXPECT_EQ(answer(kName + "; client_max_window_bits=9", options), "refused");
}

TEST(Extensions, TheFirstAcceptableOfSeveral) {
  DeflateOptions options = keeping();
  options.server_max_window_bits = 12;
  EXPECT_EQ(answer(kName + "; server_max_window_bits=10, other, " + kName, options),
            kName + "; server_max_window_bits=12");
  EXPECT_EQ(answer(kName + "; client_no_context_takeover, " + kName, keeping()),
            kName + "; client_no_context_takeover");
  EXPECT_EQ(answer(kName + "; server_max_window_bits=10, " + kName + "; server_max_window_bits=9",
                   options),
            "refused");
}

TEST(Extensions, WithoutBudgetNobodyKeepsAContext) {
  EXPECT_EQ(answer(kName, keeping(), true),
            kName + "; server_no_context_takeover; client_no_context_takeover");
}

TEST(Extensions, MalformedOffersAreRefused) {
  for (const char* tail : {"; server_max_window_bits",
                           "; server_max_window_bits=7",
                           "; server_max_window_bits=16",
                           "; server_max_window_bits=",
                           "; server_max_window_bits=x",
                           "; server_max_window_bits=9.5",
                           "; client_max_window_bits=7",
                           "; client_max_window_bits=16",
                           "; client_max_window_bits=-9",
                           "; client_max_window_bits=\"\"",
                           "; server_no_context_takeover=1",
                           "; client_no_context_takeover=true",
                           "; unknown",
                           "; unknown=1",
                           "; client_no_context_takeover; client_no_context_takeover",
                           "; server_max_window_bits=9; server_max_window_bits=9",
                           "; client_max_window_bits; client_max_window_bits=9",
                           ";",
                           "; =1",
                           ";;",
                           ",",
                           ", ;",
                           "; client_max_window_bits=\"9",
                           "; client_max_window_bits=9\"",
                           "; a b",
                           "=1",
                           " x",
                           "; client_max_window_bits =9",
                           "; client_max_window_bits= 9",
                           "\x01",
                           "; \"a\""}) {
    SCOPED_TRACE(tail);
    EXPECT_EQ(answer(kName + tail, keeping()), "refused");
    // One bad offer spoils the list, as in `ws`.
    EXPECT_EQ(answer(kName + ", " + kName + tail, keeping()), "refused");
  }
  EXPECT_EQ(answer(",", {}), "refused");
  EXPECT_EQ(answer("; a", {}), "refused");
  EXPECT_EQ(answer("other; =", {}), "refused");
}

TEST(Extensions, QuotedValues) {
  EXPECT_EQ(answer(kName + ";server_max_window_bits=\"1\\0\"", keeping()),
            kName + "; server_max_window_bits=10");
  EXPECT_EQ(answer(kName + "\t;\tclient_max_window_bits=\"9\" , x", keeping()),
            kName + "; client_max_window_bits=9");
}

// -- The client's side

std::string checked(const std::string& header, const DeflateOptions& options) {
  const std::optional<DeflateAnswer> out = check_deflate(header, options);
  if (!out) return "failed";
  if (out->kind == Kind::none) return "none";
  const DeflateParams& p = out->params;
  return std::to_string(p.server_no_context_takeover) +
         std::to_string(p.client_no_context_takeover) + " " +
         std::to_string(p.server_max_window_bits) + " " + std::to_string(p.client_max_window_bits);
}

TEST(Extensions, WhatAClientOffers) {
  EXPECT_EQ(offer_deflate(keeping()), kName + "; client_max_window_bits");
  DeflateOptions options;
  options.server_max_window_bits = 11;
  options.client_max_window_bits = 12;
  EXPECT_EQ(offer_deflate(options), kName +
                                        "; server_no_context_takeover; client_no_context_takeover; "
                                        "server_max_window_bits=11; client_max_window_bits=12");
}

TEST(Extensions, WhatAClientTakes) {
  const DeflateOptions plain = keeping();
  EXPECT_EQ(checked("", plain), "none");
  EXPECT_EQ(checked(kName, plain), "00 15 15");
  EXPECT_EQ(checked(kName + "; server_no_context_takeover; client_no_context_takeover", plain),
            "11 15 15");
  EXPECT_EQ(checked(kName + "; server_max_window_bits=8; client_max_window_bits=9", plain),
            "00 8 9");
  DeflateOptions strict = keeping();
  strict.server_no_context_takeover = true;
  strict.client_no_context_takeover = true;
  strict.server_max_window_bits = 11;
  strict.client_max_window_bits = 12;
  EXPECT_EQ(checked(kName + "; server_no_context_takeover; server_max_window_bits=11", strict),
            "11 11 12");
  EXPECT_EQ(checked(kName + "; server_no_context_takeover; server_max_window_bits=9; "
                            "client_max_window_bits=10",
                    strict),
            "11 9 10");
  for (const char* bad :
       {"; server_max_window_bits=11", "; server_no_context_takeover",
        "; server_no_context_takeover; server_max_window_bits=12",
        "; server_no_context_takeover; server_max_window_bits=11; client_max_window_bits=13"})
    EXPECT_EQ(checked(kName + bad, strict), "failed") << bad;
}

// reliability.md D21 (undici CVE-2026-2229): 7 and 16 are no windows.
TEST(Extensions, WhatAClientRefuses) {
  for (const char* header :
       {"other", "permessage-deflate, permessage-deflate", "permessage-deflate, other",
        "permessage-deflate; server_max_window_bits=16", "permessage-deflate; unknown",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=16", "permessage-deflate;", ";"})
    EXPECT_EQ(checked(header, keeping()), "failed") << header;
}

}  // namespace
}  // namespace socketio::ws
