// The page side of the YZB protocol (docs/spec/yzb.md, "JS bridge"): the global `yzb`.
(() => {
  "use strict";

  // A script that is inlined, or loaded as a module, does not know its address, and so not its issuer.
  const issuer = document.currentScript && document.currentScript.src ? new URL("..", document.currentScript.src) : null;
  const VERSION = "1.0.0";
  const RESUME = "yzb.resume"; // sessionStorage: the call that left the page, by its id
  const CLOSED_POLL = 250; // ms
  const LAST_MESSAGE = 500; // ms in which the message of a window that has just closed may still arrive
  const SUGGESTIONS = {
    100001: "Compare what the page passes with the interface's description.",
    100002: "Sign the page's own address anew, with the app's newest ticket.",
    100003: "Call core.config first, and go on only in its next().",
    100006: "Use another interface, or check yzb.containerVersion first.",
    200000: "Check the network and that the browser allows windows, then try again.",
  };

  let verified = null; // { appId, proof, debug } once the issuer has verified the page
  let waiting = null; // the call whose window is open

  const NO_ISSUER = "load yzb-bridge.js by a script element with a src of the issuer";

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
    const fail = (error) => end("error", error);
    if (!issuer) return fail(failure(100002, NO_ISSUER));
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
        return undefined;
      }, () => fail(failure(200000, "the issuer could not be reached")));
  };

  const newId = () =>
    Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

  // What the issuer answered by sending the browser back: {call, key, outcome, value}, or null.
  const takeReturned = () => {
    const match = /^#yzb=([0-9a-f]{32})\.([\w-]*)$/.exec(location.hash);
    let left = null;
    try {
      left = JSON.parse(sessionStorage.getItem(RESUME));
      if (match) sessionStorage.removeItem(RESUME);
    } catch {
      // Storage is off: nothing left this page by us.
    }
    if (!match) return null;
    history.replaceState(history.state, "", location.pathname + location.search + ((left && left.hash) || ""));
    if (!left || left.call !== match[1]) return null; // an answer that this tab did not ask for
    try {
      const bytes = Uint8Array.from(atob(match[2].replace(/-/g, "+").replace(/_/g, "/")), (each) => each.charCodeAt(0));
      return { key: left.key, answer: JSON.parse(new TextDecoder().decode(bytes)) };
    } catch {
      return null;
    }
  };

  let returned = takeReturned();

  const deliver = (end, answer) => {
    if (answer.next) end("next", answer.next);
    else if (answer.error) end("error", answer.error);
    else end("cancel");
  };

  // No window may open without a click. Then this tab itself goes to the issuer and comes back; the page asks again after
  // its core.config and gets the answer.
  const leave = (address, id, key) => {
    try {
      sessionStorage.setItem(RESUME, JSON.stringify({ call: id, key, hash: location.hash }));
    } catch {
      return false;
    }
    address.searchParams.set("back", pageAddress() + location.search);
    location.assign(address);
    return true;
  };

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
    const key = JSON.stringify([verified.appId, access ? data.access.map(String).sort() : []]);
    if (returned && returned.key === key) {
      const { answer } = returned;
      returned = null;
      return deliver(end, answer);
    }
    const id = newId();
    const address = new URL("js/yzb-bridge/window", issuer);
    address.search = new URLSearchParams({
      app_id: verified.appId, origin: location.origin, proof: verified.proof, call: id,
      ...(access ? { access: data.access.join(",") } : {}),
    });
    const opened = window.open(address, "_blank", "popup,width=480,height=720");
    if (!opened) {
      if (!leave(address, id, key)) end("error", failure(200000, "the browser did not open the window"));
      return undefined;
    }

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
      deliver(end, answer);
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

  // A namespace of the platform: what it has, and for every other method one that answers 100006.
  const namespace = (name, methods) => new Proxy(Object.freeze(methods), {
    get(target, property) {
      if (Object.hasOwn(target, property)) return target[property];
      // `then` would make the namespace a promise to `await`.
      if (typeof property !== "string" || property === "then" || property === "toJSON") return undefined;
      return (options) => {
        const end = ending(options || {}, () => Boolean(verified && verified.debug));
        queueMicrotask(() => end("error", failure(100006, `${name}.${property} is not supported in this container`)));
      };
    },
  });

  const members = Object.freeze({
    version: VERSION,
    appVersion: VERSION,
    containerVersion: VERSION,
    // The bridge is there as soon as this script has run; pages call core.config inside of ready.
    ready(callback) {
      if (issuer) queueMicrotask(() => call(callback));
    },
    // The bridge could not be set up, and nothing else: pages reload on it.
    error(callback) {
      if (!issuer) queueMicrotask(() => call(callback, failure(100002, NO_ISSUER)));
    },
    helper: namespace("helper", { isRunInClientDesktop: () => true }),
    native: namespace("native", { setCallback() {} }), // the platform's renderer module calls it as it loads
    core: namespace("core", {
      config(options) { config(options); },
      requestAuthCode(options = {}) { ask(options, false); },
      requestAccess(options = {}) { ask(options, true); },
    }),
  });
  const others = new Map();

  window.yzb = new Proxy(members, {
    get(target, property) {
      if (Object.hasOwn(target, property)) return target[property];
      if (typeof property !== "string" || property === "then" || property === "toJSON") return undefined;
      if (!others.has(property)) others.set(property, namespace(property, {}));
      return others.get(property);
    },
  });
})();
