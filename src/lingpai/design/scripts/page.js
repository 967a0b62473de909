// Copy buttons, and the filter of long pages. Without JavaScript, pages show neither.
(() => {
  "use strict";
  const SHOWN = 2000; // ms that a button says that it copied

  const said = document.getElementById("said");
  const say = (text) => { // emptied first, so that the same words are read out again
    said.textContent = "";
    requestAnimationFrame(() => { said.textContent = text; });
  };

  const write = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const box = document.createElement("textarea"); // plain http on a name of the network: no clipboard there
    box.className = "unseen";
    box.value = text;
    document.body.append(box);
    box.select();
    const done = document.execCommand("copy");
    box.remove();
    if (!done) throw new Error("not copied");
  };

  for (const button of document.querySelectorAll("button.copy")) {
    const name = button.textContent;
    let timer = 0;
    button.hidden = false;
    button.addEventListener("click", async () => {
      let outcome = button.dataset.done;
      try {
        await write(button.parentElement.querySelector("code").textContent);
      } catch {
        outcome = button.dataset.failed;
      }
      button.focus();
      button.textContent = outcome;
      say(outcome);
      clearTimeout(timer);
      timer = setTimeout(() => { button.textContent = name; }, SHOWN);
    });
  }

  const filter = document.getElementById("filter");
  if (!filter) return;
  const box = filter.querySelector("input");
  const count = filter.querySelector("output");
  const toggle = filter.querySelector("button");
  const entries = [...document.querySelectorAll("details.entry")].map((entry) => ({
    entry,
    text: [entry.firstElementChild, ...entry.querySelectorAll(".field")].map((e) => e.textContent).join(" ").toLowerCase(),
  }));
  const groups = [...document.querySelectorAll("section.group")];
  const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.hash.slice(1), a]));

  const apply = () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const { entry, text } of entries) {
      entry.hidden = !words.every((word) => text.includes(word));
      shown += entry.hidden ? 0 : 1;
    }
    for (const group of groups) {
      group.hidden = !group.querySelector("details.entry:not([hidden])");
      const link = links.get(group.id);
      if (link) link.parentElement.hidden = group.hidden;
    }
    document.getElementById("nothing").hidden = shown > 0;
    count.textContent = words.length ? `${shown} / ${entries.length}` : "";
  };

  const open = () => {
    let name = location.hash.slice(1);
    try {
      name = decodeURIComponent(name);
    } catch {
      return; // nobody's link
    }
    const aimed = document.getElementById(name);
    if (!(aimed instanceof HTMLDetailsElement)) return;
    if (aimed.hidden) {
      box.value = "";
      apply();
    }
    aimed.open = true;
    aimed.scrollIntoView();
  };

  toggle.addEventListener("click", () => {
    const opening = toggle.getAttribute("aria-pressed") !== "true";
    toggle.setAttribute("aria-pressed", String(opening));
    for (const { entry } of entries) if (!entry.hidden || !opening) entry.open = opening;
  });
  box.addEventListener("input", apply);
  filter.addEventListener("submit", (event) => event.preventDefault());
  filter.hidden = false;
  apply();
  addEventListener("hashchange", open);
  open();
})();
