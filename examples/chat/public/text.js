// What the server counts is characters. A JavaScript string's length, and its slice(), count UTF-16 units, of which some
// characters have two.
export const cut = (text, most) => [...text].slice(0, most).join("");
