// The tables as rows of the runner, by the name of their test: kTables for the `probe` server, kMessages for one that speaks
// MessagePack.
import { kPackets, kPosts } from "./engineio.mjs";
import { kRows } from "./http.mjs";
import { kRows as kMessageRows } from "./msgpack.mjs";
import { kSmuggling } from "./smuggling.mjs";
import { kTable } from "./socketio.mjs";
import { events, frames, handshakes, messages, packets, posts, requests } from "./ways.mjs";
import { kFrames, kHandshakes } from "./websocket.mjs";

export const kTables = {
  "H: requests": requests(kRows),
  "H: smuggling": requests(kSmuggling),
  "W: handshakes": handshakes(kHandshakes),
  "F: frames": frames(kFrames.filter(([id]) => id !== "F24b")),  // it announces more than it sends: nothing can follow
  "P: payloads": posts(kPosts),
  "U: packets": packets(kPackets),
  "S, J: events": events(kTable),
};

export const kMessages = messages(kMessageRows);

const kAll = Object.values(kTables).flat();

/** The rows with these ids; one that no table has is a mistake. */
export function rowsOf(...ids) {
  return ids.flatMap((id) => {
    const found = kAll.filter((row) => row.id === id);
    if (!found.length) throw new Error(`no table has a row ${id}`);
    return found;
  });
}
