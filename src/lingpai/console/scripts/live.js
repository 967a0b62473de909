// Keeps a page up to date: events say that something changed, the server makes the page anew, and what differs is put
// in its place. Paused, hidden and ended pages ask for nothing.
import { drain } from "./bars.js";

const LEAST = 500; // ms between two updates of one page
const said = document.getElementById("said");
const say = (text) => { said.textContent = text; };

// The page as it is now. A document by XMLHttpRequest runs nothing, and needs no trusted HTML.
const load = () => new Promise((resolve, reject) => {
  const request = new XMLHttpRequest();
  request.open("GET", location.href);
  request.responseType = "document";
  request.setRequestHeader("lingpai-live", "1");
  request.onload = () => (request.status === 200 ? resolve(request.responseXML) : reject(new Error("not loaded")));
  request.onerror = () => reject(new Error("not loaded"));
  request.send();
});

// Put the parts of `fresh` in the place of those that differ; one with the focus in it keeps it.
const put = (fresh) => {
  for (const old of document.querySelectorAll("[data-live]")) {
    const made = fresh.getElementById(old.id);
    if (!made) continue;
    const focus = old.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
    const known = new Set([...old.querySelectorAll("li, tr, article")].map((each) => each.textContent));
    const imported = document.importNode(made, true);
    const news = imported.textContent !== old.textContent;
    old.replaceWith(imported);
    if (focus !== null) [...imported.querySelectorAll("a, button")].find((each) => each.getAttribute("aria-label") === focus)?.focus();
    if (!news) continue;
    for (const each of imported.querySelectorAll("tr, article")) if (!known.has(each.textContent)) each.classList.add("changed");
  }
};

export const follow = () => {
  let source = null;
  let paused = false;
  let known = null;
  let wanted = false;
  let loading = false;
  let tick = drain(document);

  const update = async () => {
    wanted = true;
    if (loading) return;
    loading = true;
    while (wanted && !paused) {
      wanted = false;
      try {
        const fresh = await load();
        if (paused) break;
        put(fresh);
        tick = drain(document);
        say("");
      } catch {
        say(said.dataset.lost);
      }
      await new Promise((resolve) => { setTimeout(resolve, LEAST); });
    }
    loading = false;
  };

  const close = () => {
    source?.close();
    source = null;
  };

  const open = () => {
    if (source || paused || document.hidden) return;
    source = new EventSource("/console/events");
    source.onmessage = ({ data }) => {
      const state = JSON.parse(data);
      for (const name of ["served", "asked"]) {
        const shown = document.querySelector(`[data-count=${name}]`);
        if (shown) shown.textContent = String(state[name]);
      }
      // The first one too: something may have changed since the page was made.
      if (!known || known.tokens !== state.tokens || known.audit !== state.audit) update();
      known = state;
    };
    source.onerror = () => say(said.dataset.lost);
    source.onopen = () => say("");
    source.addEventListener("ended", () => {
      close();
      paused = true;
      said.classList.remove("unseen");
      said.classList.add("notice", "bad");
      say(said.dataset.stopped);
    });
  };

  const pause = document.getElementById("pause");
  if (pause) {
    const name = pause.textContent;
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      pause.textContent = paused ? pause.dataset.resume : name;
      if (paused) close();
      else { update(); open(); }
    });
  }
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) close();
    else if (!paused) { known = null; update(); open(); }
  });
  setInterval(() => { if (!paused && !document.hidden) tick(); }, 1000);
  open();
};
