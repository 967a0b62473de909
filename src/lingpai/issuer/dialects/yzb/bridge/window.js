// The last page of the bridge's window: hands the answer to the page that opened it, to its origin alone. Where the page
// itself came here, as its browser opens no windows, the browser goes back to it with the answer behind the `#`.
(async () => {
  "use strict";

  const { call, origin, back, api, form, next, error, suggestion } = document.getElementById("answer").dataset;
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

  const encoded = (value) =>
    btoa(String.fromCharCode(...new TextEncoder().encode(JSON.stringify(value))))
      .replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");

  if (back) {
    location.replace(`${back}#yzb=${call}.${encoded(answer)}`);
  } else if (window.opener) {
    window.opener.postMessage({ yzb: call, ...answer }, origin);
    if (!answer.error) setTimeout(() => window.close(), FALLBACK_CLOSE);
  }
})();
