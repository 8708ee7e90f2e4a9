// The lab server (tests/conformance/lab.cpp): one server per set of options, stopped when its test ends.
import { conformance } from "./server.mjs";

/** Starts a server with these options (names as in ServerOptions, durations in milliseconds). It is stopped, and must
 *  have ended well, when the test `t` is over; without `t` the caller stops it. */
export async function lab(options = {}, t = undefined) {
  const server = await conformance("lab", "--options", JSON.stringify(options));
  if (t) t.after(() => server.stop());
  server.log = async () => (await fetch(`${server.url}/__log`)).json();
  return server;
}
