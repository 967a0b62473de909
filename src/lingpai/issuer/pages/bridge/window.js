// The last page of the bridge's window: hands the answer to the page that opened it, to its origin alone.
(async () => {
  "use strict";

  const { call, origin, api, form, next, error, suggestion } = document.getElementById("answer").dataset;
  const FALLBACK_CLOSE = 1500; // ms; the page that opened us closes us as soon as it has the answer

  const trouble = (description) => ({ error: { code: 100002, description, suggestion } });

  const requestCode = async () => {
    try {
      const answer = await fetch(api, { method: "POST", body: new URLSearchParams(JSON.parse(form)) });
      const { status, message, data } = await answer.json();
      return String(status) === "2000" ? { next: data } : trouble(message);
    } catch {
      return trouble("the issuer could not be reached");
    }
  };

  let answer = {};
  if (api) answer = await requestCode();
  else if (next) answer = { next: JSON.parse(next) };
  else if (error) answer = { error: JSON.parse(error) };

  if (window.opener) {
    window.opener.postMessage({ yzb: call, ...answer }, origin);
    if (!answer.error) setTimeout(() => window.close(), FALLBACK_CLOSE);
  }
})();
