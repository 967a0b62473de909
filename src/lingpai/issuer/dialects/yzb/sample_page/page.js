// The page of a third party: verified by the issuer, then a login-free code for its back end.
(() => {
  "use strict";
  const signed = JSON.parse(document.getElementById("signed").dataset.value);
  const told = document.getElementById("told");
  const buttons = document.querySelectorAll("button[data-call]");
  const words = document.documentElement.lang.startsWith("zh")
    ? { cancelled: "已取消", error: "错误" }
    : { cancelled: "Cancelled", error: "Error" };
  const tell = (text) => { told.textContent = text; };
  const fail = (error) => tell(`${words.error} ${error.code}: ${error.description}`);
  const data = { app_id: signed.app_id };

  const passOn = async ({ code }) => {
    tell("code ✓");
    const answer = await fetch("/yzb/code", { method: "POST", body: new URLSearchParams({ code }) });
    location.assign((await answer.json()).trail);
  };

  const calls = {
    requestAuthCode: () => yzb.core.requestAuthCode({
      data, next: passOn, cancel: () => tell(words.cancelled), error: fail,
    }),
    requestAccess: () => yzb.core.requestAccess({
      data: { ...data, access: ["user/get_user_base_info"] },
      next: ({ access }) => tell(`access ✓ ${access}`), cancel: () => tell(words.cancelled), error: fail,
    }),
  };

  buttons.forEach((button) => button.addEventListener("click", calls[button.dataset.call]));
  yzb.ready(() => yzb.core.config({
    data: signed,
    next: () => {
      tell("core.config ✓");
      buttons.forEach((button) => { button.disabled = false; });
    },
    error: fail,
  }));
})();
