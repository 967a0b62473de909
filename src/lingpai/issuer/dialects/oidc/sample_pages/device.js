// Polls as often as the server says, and shows what is new. Without JavaScript the button does it.

const pause = (seconds) => new Promise((resolve) => { setTimeout(resolve, seconds * 1000); });

const interval = () => Number(document.getElementById("device").dataset.interval);

while (interval()) {
  await pause(interval());
  const answer = await fetch(location.pathname, { method: "POST", body: new URLSearchParams({ action: "poll" }) });
  if (new URL(answer.url).pathname !== location.pathname) {
    location.assign(answer.url);
    break;
  }
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  document.querySelector("main").replaceChildren(...page.querySelector("main").childNodes);
}
