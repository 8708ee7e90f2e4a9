// Polling of browsers without XMLHttpRequest across origins: a GET is a <script>, so that the
// payload comes as a call of the function that the page has put into `___eio[j]`; a POST is a
// <form> with the payload in its field `d`.
#pragma once

#include <optional>
#include <string>

#include "base/bytes.hpp"

namespace socketio::eio {

// ___eio[<digits of index>]("<payload as a JavaScript string>"); Nothing of `index` but its digits
// is repeated: it is the client's, and the answer is a program.
std::string jsonp_script(base::Bytes index, base::Bytes payload);

// The payload in a form, decoded in place: the escapes of application/x-www-form-urlencoded, then
// those the client puts on newlines, which a form would change (`\n` is a newline, `\\n` is `\n`).
// nullopt without a field `d` or with several.
std::optional<base::MutBytes> decode_jsonp_form(base::MutBytes form);

}  // namespace socketio::eio
