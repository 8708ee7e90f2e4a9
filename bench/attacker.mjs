// attacker.mjs PORT ATTACK [CONNECTIONS]: one of bench/attacks.mjs until SIGTERM; then prints what it did, as JSON. Says
// "attacking" when all its connections have been tried, or after a while.
import { attack } from "./attacks.mjs";

const [port, name, count] = process.argv.slice(2);
const crowd = attack(Number(port), name, count ? Number(count) : undefined);
const kPatience = 20_000;
Promise.race([crowd.full, new Promise((resolve) => setTimeout(resolve, kPatience))]).then(() => console.log("attacking"));
process.on("SIGTERM", () => {
  console.log(JSON.stringify(crowd.stats));
  crowd.stop();
  process.exit(0);
});
