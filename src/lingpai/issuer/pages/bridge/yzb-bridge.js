// The page side of the YZB dialect: yzb.ready, yzb.error, yzb.core.config, .requestAuthCode, .requestAccess.
(() => {
  "use strict";

  const issuer = new URL("..", document.currentScript.src);
  const CLOSED_POLL = 250; // ms
  const LAST_MESSAGE = 500; // ms in which the message of a window that has just closed may still arrive
  const SUGGESTIONS = {
    100001: "Compare what the page passes with the interface's description.",
    100002: "Sign the page's own address anew, with the app's newest ticket.",
    100003: "Call core.config first, and go on only in its next().",
    200000: "Check the network and that the browser allows windows, then try again.",
  };

  const readyCallbacks = [];
  const errorCallbacks = [];
  let verified = null; // { appId, proof, debug } once the issuer has verified the page
  let waiting = null; // the call whose window is open

  const failure = (code, description) => ({ code, description, suggestion: SUGGESTIONS[code] });

  const call = (callback, ...values) => {
    if (typeof callback === "function") callback(...values);
  };

  // Ends a call exactly once: with one of next, cancel and error, and then complete.
  const ending = (options, debug) => {
    let over = false;
    return (outcome, ...values) => {
      if (over) return;
      over = true;
      if (debug()) console.info("yzb", outcome, ...values);
      call(options[outcome], ...values);
      call(options.complete);
    };
  };

  const text = (value) => (typeof value === "string" || typeof value === "number") && String(value).trim() !== "";
  const names = (value) => Array.isArray(value) && value.length > 0 && value.every(text);

  const pageAddress = () => location.origin + location.pathname;

  const config = (options = {}) => {
    const data = options.data || {};
    const end = ending(options, () => Boolean(data.debug));
    const fail = (error) => {
      errorCallbacks.forEach((callback) => call(callback, error));
      end("error", error);
    };
    const missing = ["app_id", "timestamp", "nonce_str", "signature"].find((name) => !text(data[name]));
    if (missing) return fail(failure(100001, `data.${missing} is missing`));
    if (!names(data.js_api_list)) return fail(failure(100001, "data.js_api_list must name at least one interface"));
    const body = new URLSearchParams({
      app_id: data.app_id,
      timestamp: data.timestamp,
      nonce_str: data.nonce_str,
      signature: data.signature,
      js_api_list: data.js_api_list.join(","),
      url: pageAddress(),
    });
    verified = null;
    return fetch(new URL("OAuth2/checkJsConfig", issuer), {
      method: "POST", body, credentials: "omit", referrerPolicy: "no-referrer",
    })
      .then((answer) => answer.json())
      .then((answer) => {
        if (!answer.proof) return fail({ code: answer.code, description: answer.description, suggestion: answer.suggestion });
        verified = { appId: String(data.app_id), proof: answer.proof, debug: Boolean(data.debug) };
        end("next", {});
        readyCallbacks.splice(0).forEach((callback) => call(callback));
        return undefined;
      }, () => fail(failure(200000, "the issuer could not be reached")));
  };

  const newId = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // Opens the issuer's window for one call and listens to that window of that origin alone.
  const ask = (options, access) => {
    const end = ending(options, () => Boolean(verified && verified.debug));
    const data = options.data || {};
    if (!text(data.app_id)) return end("error", failure(100001, "data.app_id is missing"));
    if (access && !names(data.access)) {
      return end("error", failure(100001, "data.access must name at least one permission"));
    }
    if (!verified) return end("error", failure(100003, "core.config has not succeeded"));
    if (String(data.app_id) !== verified.appId) {
      return end("error", failure(100003, "core.config succeeded for another app_id"));
    }
    if (waiting) waiting();
    const id = newId();
    const address = new URL("js/yzb-bridge/window", issuer);
    address.search = new URLSearchParams({
      app_id: verified.appId, origin: location.origin, proof: verified.proof, call: id,
      ...(access ? { access: data.access.join(",") } : {}),
    });
    const opened = window.open(address, "_blank", "popup,width=480,height=720");
    if (!opened) return end("error", failure(200000, "the browser did not open the window"));

    const stop = () => {
      clearInterval(polling);
      window.removeEventListener("message", listen);
      waiting = null;
    };
    const listen = (event) => {
      if (event.source !== opened || event.origin !== issuer.origin) return;
      const answer = event.data;
      if (!answer || answer.yzb !== id) return;
      stop();
      opened.close();
      if (answer.next) end("next", answer.next);
      else if (answer.error) end("error", answer.error);
      else end("cancel");
    };
    const polling = setInterval(() => {
      if (!opened.closed) return;
      clearInterval(polling);
      setTimeout(() => {
        stop();
        end("cancel");
      }, LAST_MESSAGE);
    }, CLOSED_POLL);
    waiting = () => {
      stop();
      opened.close();
      end("cancel");
    };
    window.addEventListener("message", listen);
    return undefined;
  };

  window.yzb = Object.freeze({
    ready(callback) {
      if (verified) queueMicrotask(() => call(callback));
      else readyCallbacks.push(callback);
    },
    error(callback) {
      errorCallbacks.push(callback);
    },
    core: Object.freeze({
      config(options) { config(options); },
      requestAuthCode(options = {}) { ask(options, false); },
      requestAccess(options = {}) { ask(options, true); },
    }),
  });
})();
