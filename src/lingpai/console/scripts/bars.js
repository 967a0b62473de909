// Bars that drain and numbers that count down, between two updates. The server says how long a token is still valid;
// this page only lets the time pass.
const SIZES = [86400, 3600, 60, 1];
const units = (document.getElementById("content")?.dataset.units ?? "").split(",");

// A duration in its two largest units, as the server writes it.
export const duration = (seconds) => {
  let rest = Math.max(0, Math.floor(seconds));
  const parts = [];
  for (const [place, size] of SIZES.entries()) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count || parts.length || size === 1) parts.push([count, units[place]]);
    if (parts.length === 2) break;
  }
  return parts.filter(([count], place) => !place || count).map((part) => part.join(" ")).join(" ");
};

// Let the time of everything in `root` pass from now on; gives what has to be called each second.
export const drain = (root) => {
  const began = performance.now();
  const texts = [...root.querySelectorAll("[data-left]")];
  const bars = [...root.querySelectorAll("rect[data-ends]")];
  return () => {
    const passed = (performance.now() - began) / 1000;
    for (const text of texts) {
      const shown = duration(Number(text.dataset.left) - passed);
      if (text.textContent !== shown) text.textContent = shown;
    }
    for (const bar of bars) {
      const { ends, life } = bar.dataset;
      const share = Number(life) ? Math.max(0, Math.min(100, (100 * (Number(ends) - passed)) / Number(life))) : 0;
      bar.setAttribute("width", `${share.toFixed(2)}%`);
    }
  };
};
