// Light and dark. A classic script in the head, so that a chosen theme is in force before the first paint.
(() => {
  const kKey = "chat.theme";
  const root = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function stored() {
    try {
      const value = localStorage.getItem(kKey);
      return value === "light" || value === "dark" ? value : null;
    } catch {
      return null;  // storage may be forbidden; the system's choice still works
    }
  }

  let chosen = stored();
  const apply = () => { root.dataset.theme = chosen ?? (system.matches ? "dark" : "light"); };
  apply();
  system.addEventListener("change", apply);

  window.toggleTheme = () => {
    chosen = root.dataset.theme === "dark" ? "light" : "dark";
    try { localStorage.setItem(kKey, chosen); } catch { /* lasts for this page only */ }
    apply();
    return chosen;
  };
})();
