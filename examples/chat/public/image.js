// Pictures on their way out: whatever the user picked, pasted or dropped becomes at most 700 kB of a type that
// every browser shows, so that one image stays below the server's message limit.

import { cut } from "./text.js";

export const kMaxBytes = 700_000;
const kMaxSide = 1600;
const kMaxName = 96;  // the server takes 100; ".jpg" may be added
const kKeepAsIs = new Set(["image/png", "image/jpeg", "image/gif", "image/webp"]);
/** Types shown to the user; anything else a peer sends is only named. SVG is left out on purpose: it is a document. */
export const kShown = new Set([...kKeepAsIs, "image/avif"]);

export async function prepare(file) {
  const name = cut(file.name || "image", kMaxName);
  if (kKeepAsIs.has(file.type) && file.size <= kMaxBytes) {
    return { name, type: file.type, data: await file.arrayBuffer() };
  }
  const bitmap = await createImageBitmap(file);
  try {
    return await shrink(bitmap, name);
  } finally {
    bitmap.close();
  }
}

async function shrink(bitmap, name) {
  let scale = Math.min(1, kMaxSide / Math.max(bitmap.width, bitmap.height));
  for (let round = 0; round < 6; ++round, scale *= 0.7) {
    for (const quality of [0.88, 0.75, 0.6]) {
      const blob = await draw(bitmap, scale, quality);
      if (blob && blob.size <= kMaxBytes) {
        return { name: name.replace(/\.[^.]*$/, "") + ".jpg", type: blob.type, data: await blob.arrayBuffer() };
      }
    }
  }
  throw new Error("the picture stays too large");
}

function draw(bitmap, scale, quality) {
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(bitmap.width * scale));
  canvas.height = Math.max(1, Math.round(bitmap.height * scale));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";  // JPEG has no transparency
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", quality));
}
