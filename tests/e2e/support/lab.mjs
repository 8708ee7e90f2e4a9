// The lab server (tests/conformance/lab.cpp): one server per set of options, stopped when its test ends.
import { conformanceAt } from "./server.mjs";

/** Starts a server with these options (names as in ServerOptions, durations in milliseconds). It is stopped, and must
 *  have ended well, when the test `t` is over; without `t` the caller stops it. */
export async function lab(options = {}, t = undefined, port = 0) {
  const server = await conformanceAt(port, "lab", "--options", JSON.stringify(options));
  if (t) t.after(() => server.stop());
  server.log = async () => (await fetch(`${server.url}/__log`)).json();
  return server;
}
