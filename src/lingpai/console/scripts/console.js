// The console in the browser: a link signs in by itself, and pages with live parts follow what happens.
import { follow } from "./live.js";

const door = document.getElementById("door");

// Also when the sign-in is open already and the link is put into its address: then only the fragment changes.
const enter = () => {
  const secret = location.hash.slice(1);
  if (!secret.startsWith("lpc_")) return;
  history.replaceState(null, "", location.pathname); // a secret does not stay in the address
  if (!door) return;
  door.elements.secret.value = secret;
  door.requestSubmit();
};

addEventListener("hashchange", enter);
enter();
if (!door && document.querySelector("[data-live]")) follow();
