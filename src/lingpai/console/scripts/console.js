// The console in the browser: a link signs in by itself, and pages with live parts follow what happens.
import { follow } from "./live.js";

const door = document.getElementById("door");
const secret = location.hash.slice(1);
if (secret.startsWith("lpc_")) {
  history.replaceState(null, "", location.pathname); // a secret does not stay in the address
  if (door) {
    door.elements.secret.value = secret;
    door.requestSubmit();
  }
}
if (!door && document.querySelector("[data-live]")) follow();
