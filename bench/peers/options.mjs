// The command line that all peers share.
export function options() {
  const found = { port: 0, mode: "echo", rooms: 0, tls: "", deflate: false };
  for (let i = 2; i + 1 < process.argv.length; i += 2) {
    if (process.argv[i] === "--port") found.port = Number(process.argv[i + 1]);
    if (process.argv[i] === "--mode") found.mode = process.argv[i + 1];
    if (process.argv[i] === "--tls") found.tls = process.argv[i + 1];
    if (process.argv[i] === "--deflate") found.deflate = process.argv[i + 1] === "on";
  }
  if (found.mode.startsWith("rooms:")) found.rooms = Number(found.mode.slice(6));
  return found;
}
